-- file: events/a.json
--| {"id": 1, "user": "a"}
--| {"id": 2, "user": "b"}
-- file: events/b.json
--| {"id": 3, "user": "c"}
-- file: events/c.json
--| {"id": 4, "user": "a"}
-- file: users/u.json
--| {"name": "a", "city": "Rome"}
--| {"name": "c", "city": "Oslo"}
-- result ordered: first
--| id | city
--| 0 | Nowhere
--| 1 | Rome
--| 2 | NULL
-- result: numbered
--| n | id | city
--| 1 | 0 | Nowhere
--| 2 | 1 | Rome
--| 3 | 2 | NULL
--| 4 | 3 | Oslo
--| 5 | 4 | Rome
-- result: numbered_by_city
--| city | id | n
--| NULL | 2 | 1
--| Nowhere | 0 | 1
--| Oslo | 3 | 1
--| Rome | 1 | 1
--| Rome | 4 | 2
-- result: listed
--| ids
--| 0,1,2,3,4
-- result: last_of_each
--| city | id
--| NULL | 2
--| Nowhere | 0
--| Oslo | 3
--| Rome | 4
-- result: joined
--| id | other
--| 0 | 0
--| 1 | 1
--| 2 | 2
--| 3 | 3
--| 4 | 4
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE events (id BIGINT, user STRING) STORED AS JSON LOCATION '${landing}/events';
CREATE EXTERNAL TABLE users (name STRING, city STRING) STORED AS JSON LOCATION '${landing}/users';
-- A branch of one partition beside one of several, under everything that sorts.
CREATE TEMPORARY VIEW both AS
SELECT e.id, u.city FROM events AS e LEFT JOIN users AS u ON u.name = e.user
UNION ALL SELECT 0L AS id, 'Nowhere' AS city;
CREATE MATERIALIZED VIEW first AS
SELECT e.id, u.city FROM events AS e LEFT JOIN users AS u ON u.name = e.user
UNION ALL SELECT 0L AS id, 'Nowhere' AS city ORDER BY id LIMIT 3;
CREATE MATERIALIZED VIEW numbered AS
SELECT row_number() OVER (ORDER BY id) AS n, id, city FROM both;
CREATE MATERIALIZED VIEW numbered_by_city AS
SELECT city, id, row_number() OVER (PARTITION BY city ORDER BY id) AS n
FROM (SELECT e.id, u.city FROM events AS e LEFT JOIN users AS u ON u.name = e.user
      UNION ALL SELECT 0L AS id, 'Nowhere' AS city);
CREATE MATERIALIZED VIEW listed AS
SELECT listagg(CAST(id AS STRING), ',') WITHIN GROUP (ORDER BY id) AS ids
FROM (SELECT e.id FROM events AS e LEFT JOIN users AS u ON u.name = e.user UNION ALL SELECT 0L AS id);
CREATE MATERIALIZED VIEW last_of_each AS
SELECT city, id FROM (SELECT e.id, u.city FROM events AS e LEFT JOIN users AS u ON u.name = e.user
                      UNION ALL SELECT 0L AS id, 'Nowhere' AS city)
QUALIFY row_number() OVER (PARTITION BY city ORDER BY id DESC) = 1;
CREATE MATERIALIZED VIEW joined AS
SELECT a.id, b.id AS other FROM (SELECT id FROM events UNION ALL SELECT 0L AS id) AS a
JOIN (SELECT id FROM both ORDER BY id LIMIT 10) AS b ON a.id = b.id;
