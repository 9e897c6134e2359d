-- file: events/a.json
--| {"id": 1, "user": "a", "day": "2024-01-01"}
--| {"id": 2, "user": "b", "day": "2024-01-01"}
-- file: events/b.json
--| {"id": 3, "user": "c", "day": "2024-01-02"}
-- file: users/u.json
--| {"name": "a", "city": "Rome"}
--| {"name": "c", "city": "Oslo"}
--| {"name": "c", "city": "Bern"}
-- result: bronze
--| day | id | city
--| 2024-01-01 | 1 | Rome
--| 2024-01-01 | 2 | NULL
--| 2024-01-02 | 3 | Oslo
--| 2024-01-02 | 3 | Bern
--| NULL | 0 | Nowhere
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE events (id BIGINT, user STRING, day DATE) STORED AS JSON LOCATION '${landing}/events';
CREATE EXTERNAL TABLE users (name STRING, city STRING) STORED AS JSON LOCATION '${landing}/users';
CREATE MATERIALIZED VIEW cities AS SELECT city FROM users;
-- The sink sorts each of its partitions, and a branch of the union has only one.
CREATE MATERIALIZED VIEW bronze PARTITIONED BY (day) AS
SELECT e.day, e.id, u.city FROM events AS e LEFT JOIN users AS u ON u.name = e.user
UNION ALL SELECT CAST(NULL AS DATE) AS day, 0L AS id, 'Nowhere' AS city;
