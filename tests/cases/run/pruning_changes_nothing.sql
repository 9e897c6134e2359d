-- file: t/a.json
--| {"id": 1, "a": {"x": 1, "y": {"z": "deep", "w": [1, 2]}}, "items": [{"sku": "p", "qty": 1, "more": {"k": "v"}}]}
--| {"id": 2, "a": {"x": "bad", "y": null}, "items": [{"sku": "q", "qty": 2, "more": null}, null]}
--| {"id": 3}
-- result: narrow
--| id | z
--| 1 | deep
--| 2 | NULL
--| 3 | NULL
-- result: whole
--| id | a | items
--| 1 | {x: 1, y: {z: deep, w: [1, 2]}} | [{sku: p, qty: 1, more: {k: v}}]
--| 2 | {x: NULL, y: NULL} | [{sku: q, qty: 2, more: NULL}, NULL]
--| 3 | NULL | NULL
-- result: skus
--| id | k
--| 1 | v
--| 2 | NULL
--| 2 | NULL
-- result: present
--| id
--| 1
--| 2
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (id INT, a STRUCT<x: INT, y: STRUCT<z: STRING, w: ARRAY<INT>>>,
  items ARRAY<STRUCT<sku: STRING, qty: INT, more: STRUCT<k: STRING>>>)
  STORED AS JSON LOCATION '${landing}/t';
CREATE OR REFRESH MATERIALIZED VIEW narrow AS SELECT id, a.y.z FROM t;
CREATE OR REFRESH MATERIALIZED VIEW whole AS SELECT * FROM t;
CREATE OR REFRESH MATERIALIZED VIEW skus AS
SELECT id, i.more.k FROM (SELECT id, unnest(items) AS i FROM t);
CREATE OR REFRESH MATERIALIZED VIEW present AS SELECT id FROM t WHERE a IS NOT NULL;
