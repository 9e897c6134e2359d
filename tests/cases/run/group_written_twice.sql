-- file: t/a.json
--| {"id": 1, "k": 7, "b": 2, "m": {"x": 1}}
--| {"id": 1, "k": 7, "b": 3, "m": {"x": 1}}
--| {"id": 2, "k": 8, "b": 9, "m": {"y": 2}}
-- result: correlated
--| id | least
--| 1 | 2
-- result: lateral_rows
--| id | n
--| 1 | 1
--| 2 | 0
-- result: maps
--| k | x | n
--| 7 | 1 | 2
--| 8 | NULL | 1
-- result: joined
--| id | least | found
--| 1 | 2 | 2
-- result: added
--| id | b
--| 1 | 2
--| 1 | 3
--| 2 | 9
-- result: groups
--| id | again | n
--| 1 | 1 | 2
--| 2 | 2 | 1
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
-- A group that is written twice is one column of the groups.
CREATE EXTERNAL TABLE t (id INT, k INT, b INT, m MAP<STRING, INT>) STORED AS JSON LOCATION '${landing}/t';
CREATE MATERIALIZED VIEW correlated AS
SELECT q.id, q.least FROM (SELECT id, min(b) AS least FROM t GROUP BY id, id) AS q
WHERE EXISTS (SELECT count(*) FROM t AS s WHERE s.id = q.least HAVING count(*) > 0);
CREATE MATERIALIZED VIEW lateral_rows AS
SELECT q.id, r.n FROM (SELECT id, min(b) AS least FROM t GROUP BY id, id) AS q,
  LATERAL (SELECT count(*) AS n FROM t AS s WHERE s.id = q.least) AS r;
CREATE MATERIALIZED VIEW maps AS SELECT k, m['x'] AS x, count(*) AS n FROM t GROUP BY k, k, m;
CREATE MATERIALIZED VIEW joined AS
SELECT q.id, q.least, s.id AS found FROM (SELECT id, min(b) AS least FROM t GROUP BY id, id) AS q
JOIN (SELECT DISTINCT id FROM t) AS s ON s.id = q.least;
CREATE STREAMING TABLE added AS SELECT id, b FROM STREAM t;
CREATE MATERIALIZED VIEW groups AS SELECT id, id AS again, count(*) AS n FROM added GROUP BY id, 1;
