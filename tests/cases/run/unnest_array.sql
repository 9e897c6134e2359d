-- file: orders/a.json
--| {"id": 1, "tags": ["a", "b", "a"], "items": [{"sku": "p1", "qty": 2}, {"sku": "p2", "qty": null}]}
--| {"id": 2, "tags": [], "items": []}
--| {"id": 3, "tags": null, "items": null}
--| {"id": 4, "tags": ["c"], "items": [{"sku": "p1", "qty": 5}]}
-- result: tags
--| id | tag
--| 1 | a
--| 1 | b
--| 1 | a
--| 4 | c
-- result: exploded
--| id | tag
--| 1 | a
--| 1 | b
--| 1 | a
--| 4 | c
-- result: outer_tags
--| id | tag
--| 1 | a
--| 1 | b
--| 1 | a
--| 2 | NULL
--| 3 | NULL
--| 4 | c
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE orders (id INT, tags ARRAY<STRING>, items ARRAY<STRUCT<sku: STRING, qty: INT>>)
  STORED AS JSON LOCATION '${landing}/orders';
CREATE OR REFRESH MATERIALIZED VIEW tags AS
SELECT id, unnest(tags) AS tag FROM orders;
-- Spark's name for the same.
CREATE OR REFRESH MATERIALIZED VIEW exploded AS
SELECT id, explode(tags) AS tag FROM orders;
-- What Spark calls explode_outer: rows without elements stay.
CREATE OR REFRESH MATERIALIZED VIEW outer_tags AS
SELECT id, unnest(CASE WHEN cardinality(tags) > 0 THEN tags ELSE [NULL] END) AS tag FROM orders;
