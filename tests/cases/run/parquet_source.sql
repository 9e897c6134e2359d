-- file copy: orders/a.parquet
--| orders.parquet
-- result: lines
--| id | at | city | sku | qty
--| 1 | 2024-05-31T20:30:15.123456Z | Rome | p1 | 2
--| 1 | 2024-05-31T20:30:15.123456Z | Rome | p2 | 1
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE orders (
  id INT, at TIMESTAMP, home STRUCT<city: STRING>, items ARRAY<STRUCT<sku: STRING, qty: INT>>)
  STORED AS PARQUET LOCATION '${landing}/orders';
CREATE OR REFRESH MATERIALIZED VIEW lines AS
SELECT id, at, city, item.sku, item.qty
FROM (SELECT id, at, home.city, unnest(items) AS item FROM orders);
