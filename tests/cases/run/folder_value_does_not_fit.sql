-- file: t/day=today/a.json
--| {"id": 1}
-- fails: data_quality
-- message: day=today/a.json
-- message: which is no DATE; declare day as STRING
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (id INT, day DATE) STORED AS JSON LOCATION '${landing}/t';
CREATE OR REFRESH MATERIALIZED VIEW rows AS SELECT id, day FROM t;
