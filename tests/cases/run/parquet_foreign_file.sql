-- file: t/a.parquet
--| this is no Parquet
-- fails: data_quality
-- message: t/a.parquet
-- message: it is not a Parquet file
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (id INT) STORED AS PARQUET LOCATION '${landing}/t';
CREATE OR REFRESH MATERIALIZED VIEW rows AS SELECT id FROM t;
