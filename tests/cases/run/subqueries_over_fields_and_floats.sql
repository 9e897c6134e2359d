-- file: orders/a.json
--| {"id": 1, "day": "2024-03-01", "buyer": {"id": 10, "alias": 7}, "x": 0.0, "y": 0.0}
--| {"id": 2, "day": "2024-03-02", "buyer": {"id": null, "alias": 8}, "x": 1.5, "y": 1.5}
--| {"id": 3, "day": "2024-03-03", "buyer": null, "x": 1.5, "y": 2.0}
-- file: users/u.json
--| {"id": 10, "x": -0.0, "day": "2024-03-01"}
--| {"id": 8, "x": 1.5, "day": "2024-03-09"}
-- result: first_day
--| day
--| 2024-03-01
-- result: renamed
--| id | day | alias
--| 2024-03-02 | 2 | 8
-- result: same_float
--| id
--| 1
--| 2
-- result: same_float_and_day
--| id
--| 1
-- result: known
--| known
--| false
--| true
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE orders (id BIGINT, day DATE, buyer STRUCT<id: BIGINT, alias: BIGINT>, x DOUBLE, y DOUBLE)
STORED AS JSON LOCATION '${landing}/orders';
CREATE EXTERNAL TABLE users (id BIGINT, x DOUBLE, day DATE) STORED AS JSON LOCATION '${landing}/users';
-- Fields of a struct in a condition above a join, and beside columns that swap names.
CREATE MATERIALIZED VIEW first_day AS
SELECT min(o.day) AS day FROM orders AS o LEFT SEMI JOIN users AS u ON o.x = u.x
WHERE coalesce(o.buyer.id, o.buyer.alias) IN (SELECT id FROM users);
CREATE MATERIALIZED VIEW renamed AS
SELECT id, day, buyer.alias FROM (SELECT day AS id, id AS day, buyer FROM
  (SELECT day AS id, id AS day, buyer FROM (SELECT id AS day, day AS id, buyer FROM orders)))
WHERE buyer.alias IN (SELECT id FROM users);
-- Floats that are compared and returned by the same correlated subquery.
CREATE MATERIALIZED VIEW same_float AS
SELECT id FROM orders AS o WHERE o.x IN (SELECT u.x FROM users AS u WHERE u.x = o.y);
CREATE MATERIALIZED VIEW same_float_and_day AS
SELECT id FROM orders AS o WHERE o.x IN
  (SELECT u.x FROM users AS u WHERE u.x = o.y AND u.day IN (SELECT day FROM orders AS p WHERE p.x = u.x));
-- The column of one branch may be NULL only after its subquery became a join.
CREATE MATERIALIZED VIEW known AS
(SELECT o.buyer.id IN (SELECT id FROM users) AS known FROM orders AS o UNION SELECT false AS known)
EXCEPT SELECT CAST(NULL AS BOOLEAN) AS known FROM users;
