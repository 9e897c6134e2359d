-- error: E0507
-- at: 11:15
-- message: `repeat` of constants
-- message: compute it from a column
-- file: s/a.json
--| {"a": "x"}
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE s (a STRING) STORED AS JSON LOCATION '${landing}/s';
CREATE OR REFRESH MATERIALIZED VIEW t AS
SELECT length(repeat('x', 100000000)) AS n FROM s;
