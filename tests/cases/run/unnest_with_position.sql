-- file: orders/a.json
--| {"id": 1, "tags": ["a", "b", "a"], "items": [{"sku": "p1", "qty": 2}, {"sku": "p2", "qty": null}]}
--| {"id": 2, "tags": [], "items": []}
--| {"id": 3, "tags": null, "items": null}
--| {"id": 4, "tags": ["c"], "items": [{"sku": "p1", "qty": 5}]}
-- result: positions
--| id | pos | tag
--| 1 | 1 | a
--| 1 | 2 | b
--| 1 | 3 | a
--| 4 | 1 | c
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE orders (id INT, tags ARRAY<STRING>, items ARRAY<STRUCT<sku: STRING, qty: INT>>)
  STORED AS JSON LOCATION '${landing}/orders';
-- Several unnest in one select list go side by side, element by element.
CREATE OR REFRESH MATERIALIZED VIEW positions AS
SELECT id, unnest(generate_series(1, cardinality(tags))) AS pos, unnest(tags) AS tag FROM orders;
