-- file: events/a.json
--| {"id": 1, "user": "a", "items": ["x", "y"]}
--| {"id": "bad"}
-- file: events/b.json
--| {"id": 2, "user": "b", "items": []}
-- file: users/u.csv
--| name;city
--| a;Rome
--| b;Oslo
-- file: kinds/k.json
--| {"k": 1}
-- result: added
--| id | city
--| 1 | Rome
--| 2 | Oslo
-- result: items
--| item
--| x
--| y
-- result: kinds_of
--| n
--| 1
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
-- Files in FROM, as on Databricks; with STREAM only what is new of them.
CREATE STREAMING TABLE added AS
SELECT e.id, u.city
FROM STREAM read_files(
  '${landing}/events',
  format => 'json',
  schema => 'id BIGINT, user STRING, items ARRAY<STRING>',
  mode => 'dropmalformed') AS e
JOIN read_files('${landing}/users', format => 'csv', schema => 'name STRING, city STRING',
                header => true, sep => ';') AS u ON u.name = e.user;
CREATE MATERIALIZED VIEW items AS
SELECT explode(items) AS item
FROM read_files('${landing}/events', format => 'JSON', schema => 'items ARRAY<STRING>');
-- And a table of files, as in Spark.
CREATE TABLE kinds (k INT) USING json OPTIONS (mode 'failfast') LOCATION '${landing}/kinds';
CREATE MATERIALIZED VIEW kinds_of AS SELECT count(k) AS n FROM kinds;
