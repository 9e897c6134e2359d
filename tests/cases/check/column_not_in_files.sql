-- warning: W0502
-- at: 6:53
-- message: no file of source `orders` has a column `citty`
-- file copy: orders/a.parquet
--| orders.parquet
CREATE EXTERNAL TABLE orders (ID INT, at TIMESTAMP, citty STRING) STORED AS PARQUET LOCATION '${landing}/orders';
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE OR REFRESH MATERIALIZED VIEW rows AS SELECT id, citty FROM orders;
