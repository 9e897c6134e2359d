-- file: t/a.csv
--| id,n
--| 1,10
--| 2,1.5
-- fails: data_quality
-- message: t/a.csv, line 3, column 3
-- message: column n: expected INT, found `1.5`
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (id INT, n INT)
  STORED AS CSV LOCATION '${landing}/t' OPTIONS ('header' 'true', 'mode' 'failfast');
CREATE OR REFRESH MATERIALIZED VIEW rows AS SELECT id FROM t;
