-- file: people/a.csv
--| id,name
--| 1,Ann
-- file: people/b.csv
--| name,id
--| Bo,2
-- fails: data_quality
-- message: column 1 is called
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE MATERIALIZED VIEW people AS
SELECT * FROM read_files('${landing}/people', format => 'csv');
