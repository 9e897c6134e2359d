-- file: orders/a.json
--| {"id": 1, "tags": ["a", "b", "a"], "items": [{"sku": "p1", "qty": 2}, {"sku": "p2", "qty": null}]}
--| {"id": 2, "tags": [], "items": []}
--| {"id": 3, "tags": null, "items": null}
--| {"id": 4, "tags": ["c"], "items": [{"sku": "p1", "qty": 5}]}
-- result: arrays
--| id | n | has | uniq | sorted | joined | both | at
--| 1 | 3 | true | [a, b] | [a, a, b] | a,b,a | [a, b, a, z] | 2
--| 2 | 0 | false | [] | [] |  | [z] | 0
--| 3 | NULL | NULL | NULL | NULL | NULL | NULL | NULL
--| 4 | 1 | false | [c] | [c] | c | [c, z] | 0
-- result: built
--| id | st | arr
--| 4 | {a: 4, b: x} | [4, 1]
-- result: gathered
--| tags
--| [a, a, b, c]
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE orders (id INT, tags ARRAY<STRING>, items ARRAY<STRUCT<sku: STRING, qty: INT>>)
  STORED AS JSON LOCATION '${landing}/orders';
CREATE OR REFRESH MATERIALIZED VIEW arrays AS
SELECT id, cardinality(tags) AS n, array_contains(tags, 'a') AS has, array_distinct(tags) AS uniq,
       array_sort(tags) AS sorted, array_join(tags, ',') AS joined, array_append(tags, 'z') AS both,
       array_position(tags, 'b') AS at
FROM orders;
CREATE OR REFRESH MATERIALIZED VIEW built AS
SELECT id, named_struct('a', id, 'b', 'x') AS st, array(id, 1) AS arr FROM orders WHERE id = 4;
CREATE OR REFRESH MATERIALIZED VIEW gathered AS
SELECT array_agg(tag ORDER BY tag) AS tags FROM (SELECT unnest(tags) AS tag FROM orders);
