-- file: t/a.json
--| {"id": 1, "n": 10}
--| {"id": 2, "n": "3"}
--| {"id": 3, "n":
--| {"id": 4, "n": 40}
-- malformed: t=2
-- result: rows
--| id | n
--| 1 | 10
--| 4 | 40
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (id INT, n INT)
  STORED AS JSON LOCATION '${landing}/t'
  OPTIONS ('mode' 'dropmalformed');
CREATE OR REFRESH MATERIALIZED VIEW rows AS SELECT id, n FROM t;
