-- file: events/day=2024-01-01/a.json
--| {"id": 1, "user": "a", "items": ["x", "y"]}
--| {"id": 2, "user": "b", "items": []}
-- file: events/day=2024-01-02/b.json
--| {"id": 3, "user": "c", "items": ["z"]}
-- file: users/u.json
--| {"name": "a", "city": "Rome"}
--| {"name": "c", "city": "Oslo"}
--| {"name": "c", "city": "Bern"}
-- result: bronze
--| id | city | day
--| 1 | Rome | 2024-01-01
--| 2 | NULL | 2024-01-01
--| 3 | Oslo | 2024-01-02
--| 3 | Bern | 2024-01-02
--| 0 | Nowhere | NULL
-- folders: bronze
--| day=2024-01-01
--| day=2024-01-02
--| day=__HIVE_DEFAULT_PARTITION__
-- folders: items
--| user=a
--| user=c
-- schema: bronze
--| id long
--| city string
--| day date
-- result: items
--| user | item
--| a | x
--| a | y
--| c | z
-- result: known
--| id
--| 1
--| 3
-- result: all_ids
--| id
--| 1
--| 2
--| 3
--| 1
--| 3
-- result: counted
--| day | n
--| NULL | 1
--| 2024-01-01 | 2
--| 2024-01-02 | 2
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE events (id BIGINT, user STRING, items ARRAY<STRING>, day DATE)
  USING json LOCATION '${landing}/events';
CREATE EXTERNAL TABLE users (name STRING, city STRING) STORED AS JSON LOCATION '${landing}/users';

-- Both flows write the table; columns are found by name.
CREATE STREAMING TABLE bronze (id BIGINT, city STRING COMMENT 'of the user', day DATE) PARTITIONED BY (day);
CREATE FLOW of_events AS INSERT INTO bronze BY NAME
SELECT e.day, e.id, u.city FROM STREAM events AS e LEFT JOIN users AS u ON u.name = e.user;
CREATE FLOW before AS INSERT ONCE INTO bronze BY NAME SELECT 'Nowhere' AS city, 0L AS id;

-- A view of a stream is planned into each table that reads it.
CREATE TEMPORARY VIEW new_events AS SELECT id, user AS name, items FROM STREAM events;
CREATE STREAMING TABLE items PARTITIONED BY (`user`) AS
SELECT n.name AS `user`, t.item FROM STREAM new_events AS n LATERAL VIEW explode(n.items) t AS item;
CREATE STREAMING TABLE known FLOW INSERT BY NAME
SELECT id FROM STREAM(new_events) AS n WHERE n.name IN (SELECT name FROM users);
CREATE STREAMING TABLE all_ids AS
SELECT id FROM STREAM events UNION ALL SELECT id FROM STREAM new_events WHERE cardinality(items) > 0;

CREATE MATERIALIZED VIEW counted (day DATE, n BIGINT) REFRESH POLICY AUTO AS
SELECT count(*) AS n, day FROM bronze GROUP BY day;
