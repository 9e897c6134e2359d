-- file: t/a.json
--| {"id": 1}
--| {"n": 2}
-- malformed: t=1
-- result: rows
--| id | n
--| 1 | NULL
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (id INT NOT NULL, n INT)
  STORED AS JSON LOCATION '${landing}/t'
  OPTIONS ('mode' 'dropmalformed');
CREATE OR REFRESH MATERIALIZED VIEW rows AS SELECT id, n FROM t;
