-- file: orders/a.json
--| {"id": 1, "tags": ["a", "b", "a"], "items": [{"sku": "p1", "qty": 2}, {"sku": "p2", "qty": null}]}
--| {"id": 2, "tags": [], "items": []}
--| {"id": 3, "tags": null, "items": null}
--| {"id": 4, "tags": ["c"], "items": [{"sku": "p1", "qty": 5}]}
-- result: lambdas
--| id | upper | upper2 | without_a | has_b | doubled
--| 1 | [A, B, A] | [A, B, A] | [b] | true | [4, NULL]
--| 2 | [] | [] | [] | false | []
--| 3 | NULL | NULL | NULL | NULL | NULL
--| 4 | [C] | [C] | [c] | false | [10]
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE orders (id INT, tags ARRAY<STRING>, items ARRAY<STRUCT<sku: STRING, qty: INT>>)
  STORED AS JSON LOCATION '${landing}/orders';
CREATE OR REFRESH MATERIALIZED VIEW lambdas AS
SELECT id,
       array_transform(tags, x -> upper(x)) AS upper,
       transform(tags, x -> upper(x))       AS upper2,
       filter(tags, x -> x <> 'a')          AS without_a,
       exists(tags, x -> x = 'b')           AS has_b,
       transform(items, i -> i.qty * 2)     AS doubled
FROM orders;
