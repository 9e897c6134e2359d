-- file: events/a.json
--| {"id": 5, "a": 1}
--| {"id": 2, "a": 3}
-- result: of_constant
--| a
--| 1
-- result: of_coalesce
--| k
--| 5
-- result: exists_of
--| n
--| 2
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE events (id INT, a INT) STORED AS JSON LOCATION '${landing}/events';
-- The columns of the outer query are computed with small whole numbers, which are INT.
CREATE MATERIALIZED VIEW of_constant AS
SELECT q.a FROM (SELECT max(5) AS m, a FROM events GROUP BY a) AS q
WHERE q.a * 5 IN (SELECT 5 FROM events AS e WHERE e.id = q.m);
CREATE MATERIALIZED VIEW of_coalesce AS
SELECT q.k FROM (SELECT id AS k, coalesce(min(a), 2) AS c FROM events GROUP BY id) AS q
WHERE q.k IN (SELECT e.id FROM events AS e WHERE e.a = q.c AND e.a < 2);
CREATE MATERIALIZED VIEW exists_of AS
SELECT count(*) AS n FROM (SELECT id, 1 AS one FROM events) AS q
WHERE EXISTS (SELECT 1 FROM events AS e WHERE e.a = q.one);
