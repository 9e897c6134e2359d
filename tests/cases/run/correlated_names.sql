-- ok
-- file: o/a.json
--| {"k":1,"x":1}
--| {"k":2,"x":2}
--| {"k":3,"x":9}
-- file: u/a.json
--| {"k":1,"x":1,"y":5}
--| {"k":2,"x":7,"y":2}
-- file: w/a.json
--| {"k":1,"x":3,"y":5}
--| {"k":2,"x":2,"y":9}
-- result: listed
--| k
--| 2
-- result: same_name_as_value
--| k
-- result: with_a_sum
--| k
--| 1
-- result: either
--| k
--| 2
-- result: outer_alone
--| k
--| 3
-- result: not_existing
--| k
--| 3
-- result: both_tables
--| k
--| 1
-- result: star
--| k
--| 1
-- result: not_star
--| k
--| 1
--| 2
--| 3
-- result: largest
--| k | m
--| 1 | 5
--| 2 | NULL
--| 3 | NULL
-- result: lateral_rows
--| k
--| 1
--| 2
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE o (k INT, x INT) STORED AS JSON LOCATION '${landing}/o';
CREATE EXTERNAL TABLE u (k INT, x INT, y INT) STORED AS JSON LOCATION '${landing}/u';
CREATE EXTERNAL TABLE w (k INT, x INT, y INT) STORED AS JSON LOCATION '${landing}/w';
-- The tables of each subquery have columns of the same names.
CREATE OR REFRESH MATERIALIZED VIEW listed AS
SELECT k FROM o
WHERE k IN (SELECT u.k FROM u JOIN w ON u.k = w.k WHERE w.x = o.x);
CREATE OR REFRESH MATERIALIZED VIEW same_name_as_value AS
SELECT k FROM o
WHERE x IN (SELECT u.x FROM u JOIN w ON u.k = w.k WHERE w.x = o.x);
CREATE OR REFRESH MATERIALIZED VIEW with_a_sum AS
SELECT k FROM o
WHERE x IN (SELECT u.x FROM u JOIN w ON u.k = w.k WHERE w.x + o.k = 4);
CREATE OR REFRESH MATERIALIZED VIEW either AS
SELECT k FROM o
WHERE EXISTS (SELECT 1 FROM u JOIN w ON u.k = w.k WHERE u.x = w.x OR o.x = u.y);
CREATE OR REFRESH MATERIALIZED VIEW outer_alone AS
SELECT k FROM o
WHERE EXISTS (SELECT 1 FROM u JOIN w ON u.k = w.k WHERE (u.x < w.x AND o.k = 3) OR o.k = 9);
CREATE OR REFRESH MATERIALIZED VIEW not_existing AS
SELECT k FROM o
WHERE NOT EXISTS (SELECT 1 FROM u JOIN w ON u.k = w.k WHERE u.x <> w.x AND o.k < 3 AND u.x + w.x > o.k + 3);
CREATE OR REFRESH MATERIALIZED VIEW both_tables AS
SELECT k FROM o
WHERE k IN (SELECT u.k FROM u JOIN w ON u.k = w.k WHERE u.x = o.x AND w.x = o.k + 2);
CREATE OR REFRESH MATERIALIZED VIEW star AS
SELECT k FROM o
WHERE EXISTS (SELECT * FROM u JOIN w ON u.y = w.y WHERE u.k = o.k AND w.k = o.k);
CREATE OR REFRESH MATERIALIZED VIEW not_star AS
SELECT k FROM o
WHERE NOT EXISTS (SELECT * FROM u JOIN w ON u.y = w.y WHERE u.k = o.k AND w.x = o.x);
CREATE OR REFRESH MATERIALIZED VIEW largest AS
SELECT k, (SELECT max(u.y) FROM u JOIN w ON u.k = w.k WHERE u.x = o.x AND w.x = o.k + 2) AS m FROM o;
CREATE OR REFRESH MATERIALIZED VIEW lateral_rows AS
SELECT k FROM o, LATERAL (SELECT u.x + w.x AS s FROM u JOIN w ON u.k = w.k WHERE u.x = w.x OR u.k = o.k);
