-- file: none/a.parquet
-- file: some/a.parquet
-- file copy: some/b.parquet
--| orders.parquet
-- result: n
--| empty | filled
--| 0 | 2
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE no_rows (id INT) STORED AS PARQUET LOCATION '${landing}/none';
CREATE EXTERNAL TABLE some_rows (id INT) STORED AS PARQUET LOCATION '${landing}/some';
CREATE OR REFRESH MATERIALIZED VIEW n AS
SELECT (SELECT count(*) FROM no_rows) AS empty, (SELECT count(*) FROM some_rows) AS filled;
