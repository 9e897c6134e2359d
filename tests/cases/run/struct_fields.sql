-- file: users/a.json
--| {"id": 1, "home": {"geo": {"city": {"name": "Rome"}}, "zip": "00100"}, "items": [{"sku": "p1"}], "tags": ["x", "y"]}
--| {"id": 2, "home": {"geo": null, "zip": "1"}, "items": [], "tags": []}
--| {"id": 3, "home": null, "items": null, "tags": null}
-- result: fields
--| id | name | zip | bracket | first_sku | first_tag | last_tag | skus
--| 1 | Rome | 00100 | Rome | p1 | x | y | [p1]
--| 2 | NULL | 1 | NULL | NULL | NULL | NULL | []
--| 3 | NULL | NULL | NULL | NULL | NULL | NULL | NULL
-- result: elements
--| id | sku | tag | name | Zip
--| 1 | p1 | y | {name: Rome} | 00100
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE users (id INT, home STRUCT<geo: STRUCT<city: STRUCT<name: STRING>>, zip: STRING>,
  items ARRAY<STRUCT<sku: STRING>>, tags ARRAY<STRING>)
  STORED AS JSON LOCATION '${landing}/users';
-- A field gives its name to the column, as in Spark; with brackets it needs AS.
CREATE OR REFRESH MATERIALIZED VIEW fields AS
SELECT u.id,
       home.geo.city.name,
       u.home.zip,
       home['geo']['city']['name'] AS bracket,
       get(items, 0).sku           AS first_sku,
       get(tags, 0)                AS first_tag,
       try_element_at(tags, -1)    AS last_tag,
       items.sku                   AS skus
FROM users AS u;
-- Positions count from 0, and must be inside the array.
CREATE OR REFRESH MATERIALIZED VIEW elements AS
SELECT id, items[0].sku, u.tags[id] AS tag, home.geo.city AS name, home.Zip
FROM users AS u WHERE size(items) > 0 AND items[0].sku IS NOT NULL;
