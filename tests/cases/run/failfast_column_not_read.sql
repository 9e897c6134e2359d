-- file: t/a.json
--| {"id": 1, "n": 1}
--| {"id": 2, "n": "x"}
-- fails: data_quality
-- message: t/a.json, line 2, column 16
-- message: field n: expected INT, found "x"
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (id INT, n INT)
  STORED AS JSON LOCATION '${landing}/t'
  OPTIONS ('mode' 'failfast');
CREATE OR REFRESH MATERIALIZED VIEW counted AS SELECT count(*) AS n FROM t;
