-- file: users/a.json
--| {"id": 1, "home": {"geo": {"city": {"name": "Rome"}}, "zip": "00100"}, "items": [{"sku": "p1"}], "tags": ["x", "y"]}
--| {"id": 2, "home": {"geo": null, "zip": "1"}, "items": [], "tags": []}
--| {"id": 3, "home": null, "items": null, "tags": null}
-- result: fields
--| id | name | zip | bracket | first_sku | first_tag | last_tag
--| 1 | Rome | 00100 | Rome | p1 | x | y
--| 2 | NULL | 1 | NULL | NULL | NULL | NULL
--| 3 | NULL | NULL | NULL | NULL | NULL | NULL
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
       items[1].sku                AS first_sku,
       tags[1]                     AS first_tag,
       tags[-1]                    AS last_tag
FROM users AS u;
