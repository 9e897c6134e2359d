-- file: t/a.json
--| {"id": 1, "n": 10}
--| {"id": 2, "n": "3"}
--| {"id": 3, "n":
--| {"id": 4, "n": 40}
-- malformed: t=2
-- result: rows
--| id | n | bad
--| 1 | 10 | NULL
--| 2 | NULL | {"id": 2, "n": "3"}
--| 4 | 40 | NULL
--| NULL | NULL | {"id": 3, "n":
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (id INT, n INT, _corrupt_record STRING)
  STORED AS JSON LOCATION '${landing}/t';
CREATE OR REFRESH MATERIALIZED VIEW rows AS SELECT id, n, _corrupt_record AS bad FROM t;
