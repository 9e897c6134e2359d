-- file: t/a.json
--| {"id": 1, "n": 10}
--| {"id": 2, "n": "3"}
--| {"id": 3, "n":
--| {"id": 4, "n": 40}
-- fails: data_quality
-- message: t/a.json, line 2, column 16
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (id INT, n INT)
  STORED AS JSON LOCATION '${landing}/t'
  OPTIONS ('mode' 'failfast');
CREATE OR REFRESH MATERIALIZED VIEW rows AS SELECT id, n FROM t;
CREATE OR REFRESH MATERIALIZED VIEW other AS SELECT 1 AS one;
