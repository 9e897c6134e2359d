-- file copy: t/a.parquet
--| orders.parquet
-- fails: data_quality
-- message: t/a.parquet
-- message: in the file and BOOLEAN in the declaration
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (id BOOLEAN) STORED AS PARQUET LOCATION '${landing}/t';
CREATE OR REFRESH MATERIALIZED VIEW rows AS SELECT id FROM t;
