-- file: t/a.json
--| {"id": 1, "n": 1}
--| {"id": 2, "n": "x"}
--| {"id": 3, "n": 3}
-- malformed: t=1
-- result: counted
--| n
--| 2
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (id INT, n INT)
  STORED AS JSON LOCATION '${landing}/t'
  OPTIONS ('mode' 'dropmalformed');
CREATE OR REFRESH MATERIALIZED VIEW counted AS SELECT count(*) AS n FROM t;
