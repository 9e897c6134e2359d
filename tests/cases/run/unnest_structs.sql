-- file: orders/a.json
--| {"id": 1, "tags": ["a", "b", "a"], "items": [{"sku": "p1", "qty": 2}, {"sku": "p2", "qty": null}]}
--| {"id": 2, "tags": [], "items": []}
--| {"id": 3, "tags": null, "items": null}
--| {"id": 4, "tags": ["c"], "items": [{"sku": "p1", "qty": 5}]}
-- result: lines
--| id | sku | qty
--| 1 | p1 | 2
--| 1 | p2 | NULL
--| 4 | p1 | 5
-- result: per_sku
--| sku | qty | orders
--| p1 | 7 | 2
--| p2 | NULL | 1
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE orders (id INT, tags ARRAY<STRING>, items ARRAY<STRUCT<sku: STRING, qty: INT>>)
  STORED AS JSON LOCATION '${landing}/orders';
CREATE OR REFRESH MATERIALIZED VIEW lines AS
SELECT id, item.sku, item.qty
FROM (SELECT id, unnest(items) AS item FROM orders);
CREATE OR REFRESH MATERIALIZED VIEW per_sku AS
SELECT l.item.sku, sum(l.item.qty) AS qty, count(DISTINCT l.id) AS orders
FROM (SELECT id, unnest(items) AS item FROM orders) AS l
GROUP BY l.item.sku;
