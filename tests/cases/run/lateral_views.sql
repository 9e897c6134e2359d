-- file: o/a.json
--| {"id": 1, "tags": ["x", "y"], "items": [{"sku": "s1", "qty": 2}, {"sku": "s2", "qty": 1}], "props": {"k": "v"}}
--| {"id": 2, "tags": [], "items": null, "props": {}}
--| {"id": 3, "tags": null, "items": [{"sku": "s3", "qty": 4}], "props": null}
-- result: views
--| id | tag | sku
--| 1 | x | s1
--| 1 | x | s2
--| 1 | y | s1
--| 1 | y | s2
-- result: outer_view
--| id | tag
--| 1 | x
--| 1 | y
--| 2 | NULL
--| 3 | NULL
-- result: listed
--| id | tag
--| 1 | x
--| 1 | y
-- result: positions
--| id | pos | tag
--| 1 | 0 | x
--| 1 | 1 | y
-- result: inlined
--| id | sku | qty
--| 1 | s1 | 2
--| 1 | s2 | 1
--| 3 | s3 | 4
-- result: entries
--| id | key | value
--| 1 | k | v
-- result: stacked
--| n | s
--| 1 | a
--| 2 | b
-- result: laterally
--| id | tag
--| 1 | x
--| 1 | y
--| 2 | NULL
--| 3 | NULL
-- result: grouped
--| sku
--| s1
--| s2
--| s3
-- result: with_star
--| id | tag
--| 1 | x
--| 1 | y
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE o (id INT, tags ARRAY<STRING>, items ARRAY<STRUCT<sku: STRING, qty: INT>>, props MAP<STRING, STRING>)
  STORED AS JSON LOCATION '${landing}/o';
CREATE OR REFRESH MATERIALIZED VIEW views AS
SELECT o.id, tag, i.sku FROM o LATERAL VIEW explode(tags) t AS tag LATERAL VIEW explode(o.items) u AS i;
CREATE OR REFRESH MATERIALIZED VIEW outer_view AS
SELECT id, tag FROM o LATERAL VIEW OUTER explode(tags) t AS tag;
CREATE OR REFRESH MATERIALIZED VIEW listed AS SELECT id, explode(tags) AS tag FROM o WHERE id < 3;
CREATE OR REFRESH MATERIALIZED VIEW positions AS SELECT id, posexplode(tags) AS (pos, tag) FROM o;
CREATE OR REFRESH MATERIALIZED VIEW inlined AS SELECT id, inline(items) FROM o;
CREATE OR REFRESH MATERIALIZED VIEW entries AS SELECT id, key, value FROM o LATERAL VIEW explode(props) p;
CREATE OR REFRESH MATERIALIZED VIEW stacked AS SELECT * FROM stack(2, 1, 'a', 2, 'b') AS t(n, s);
CREATE OR REFRESH MATERIALIZED VIEW laterally AS
SELECT id, t.tag FROM o LEFT JOIN LATERAL explode_outer(tags) AS t(tag);
CREATE OR REFRESH MATERIALIZED VIEW grouped AS
SELECT explode(collect_list(x.sku)) AS sku FROM (SELECT explode(items) AS x FROM o);
CREATE OR REFRESH MATERIALIZED VIEW with_star AS
SELECT * EXCEPT (tags), explode(tags) AS tag FROM (SELECT id, tags FROM o);
