-- file: events/a.json
--| {"id": 2, "kind": "b"}
--| {"id": 1, "kind": "a"}
-- file: empty/a.json
-- result: constant_column
--| id
-- result: null_column
--| n
-- result: counted
--| n
--| 0
-- result: member
--| id
-- result: lost_side
--| id
-- result: margins
--| id | n
-- result: kept
--| id | n
--| 1 | 2
--| 2 | 2
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE events (id BIGINT, kind STRING) STORED AS JSON LOCATION '${landing}/events';
CREATE EXTERNAL TABLE nothing (id BIGINT, kind STRING) STORED AS JSON LOCATION '${landing}/empty';
-- An aggregate without keys has a row whatever is below it, so a condition above it
-- must stay there, also when it has no columns.
CREATE TEMPORARY VIEW three AS SELECT 3 AS x, CAST(NULL AS INT) AS y, m FROM (SELECT min(id) AS m FROM events);
CREATE MATERIALIZED VIEW constant_column AS SELECT e.id FROM events AS e JOIN three ON three.x = 1;
CREATE MATERIALIZED VIEW null_column AS SELECT n FROM (SELECT CAST(NULL AS INT) AS f, count(*) AS n FROM events) WHERE f > 5;
CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS n FROM three WHERE y IS NOT NULL;
CREATE MATERIALIZED VIEW member AS SELECT id FROM events WHERE day(DATE '2024-03-01') IN (SELECT x FROM three) AND id = 1;
CREATE MATERIALIZED VIEW lost_side AS
SELECT q.id FROM (SELECT * FROM nothing WHERE coalesce(kind, 'ab') IS NULL) AS q
RIGHT JOIN (SELECT max(id) AS m FROM events) AS r ON q.id = r.m WHERE q.kind > 'a';
CREATE MATERIALIZED VIEW margins AS
SELECT id, n FROM (SELECT id, count(*) AS n, 1 AS one FROM events GROUP BY ROLLUP (id)) WHERE one = 2;
CREATE MATERIALIZED VIEW kept AS SELECT e.id, n FROM events AS e JOIN (SELECT 3 AS x, count(*) AS n FROM events) AS t ON t.x = 3;
