-- file copy: t/day=2024-05-31/a.parquet
--| orders.parquet
-- result: rows
--| day | id | city
--| 2024-05-31 | 1 | Rome
--| 2024-05-31 | 2 | NULL
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (day DATE, Id BIGINT, HOME STRUCT<city: STRING>) STORED AS PARQUET LOCATION '${landing}/t';
CREATE OR REFRESH MATERIALIZED VIEW rows AS SELECT day, id, home.city FROM t WHERE id > 0 AND day > DATE '2024-01-01';
