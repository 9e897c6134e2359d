-- file: t/a.json
--| {"id": 1}
--| {"id": 2}
-- result: x
--| id
--| 1
--| 2
--| 0
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (id INT) STORED AS JSON LOCATION '${landing}/t';
CREATE OR REFRESH MATERIALIZED VIEW x AS SELECT id FROM t UNION ALL SELECT 0;
