-- file: a/a.json
--| {"k": 1, "x": 10}
--| {"k": 2, "x": 20}
--| {"k": null, "x": 30}
-- file: b/a.json
--| {"k": 2, "y": 200}
--| {"k": 4, "y": 400}
-- file: c/a.json
--| {"k": 4, "z": 4000}
--| {"k": 5, "z": 5000}
-- result: full_key
--| k | x | y
--| 1 | 10 | NULL
--| 2 | 20 | 200
--| NULL | 30 | NULL
--| 4 | NULL | 400
-- result: right_key
--| k | y
--| 2 | 200
--| 4 | 400
-- result: sides
--| k | ak | bk
--| 1 | 1 | NULL
--| 2 | 2 | 2
--| NULL | NULL | NULL
--| 4 | NULL | 4
-- result: chain
--| k | x | y | z
--| 1 | 10 | NULL | NULL
--| 2 | 20 | 200 | NULL
--| NULL | 30 | NULL | NULL
--| 4 | NULL | 400 | 4000
--| 5 | NULL | NULL | 5000
-- result: filtered
--| k | x | y
--| 2 | 20 | 200
-- result: grouped
--| k | n
--| 2 | 1
--| 4 | 1
-- result ordered: ranked
--| k | r
--| 4 | 1
--| 2 | 2
--| 1 | 3
-- result: star
--| k | x | y
--| 2 | 20 | 200
-- result: natural
--| k | x | y
--| 2 | 20 | 200
--| 4 | NULL | 400
-- result: types
--| k | x | w
--| 1 | 10 | NULL
--| 2 | 20 | 9
--| NULL | 30 | NULL
--| 30000000000 | NULL | 8
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE a (k INT, x INT) STORED AS JSON LOCATION '${landing}/a';
CREATE EXTERNAL TABLE b (k INT, y INT) STORED AS JSON LOCATION '${landing}/b';
CREATE EXTERNAL TABLE c (k INT, z INT) STORED AS JSON LOCATION '${landing}/c';
-- The key of a full join is whichever side has it.
CREATE OR REFRESH MATERIALIZED VIEW full_key AS SELECT k, x, y FROM a FULL JOIN b USING (k);
CREATE OR REFRESH MATERIALIZED VIEW right_key AS SELECT k, y FROM a RIGHT JOIN b USING (k);
CREATE OR REFRESH MATERIALIZED VIEW sides AS SELECT k, a.k AS ak, b.k AS bk FROM a FULL JOIN b USING (k);
CREATE OR REFRESH MATERIALIZED VIEW chain AS
SELECT * FROM a FULL JOIN b USING (k) FULL JOIN c USING (k);
CREATE OR REFRESH MATERIALIZED VIEW filtered AS SELECT k, x, y FROM a JOIN b USING (k) WHERE k = 2;
CREATE OR REFRESH MATERIALIZED VIEW grouped AS
SELECT k, count(*) AS n FROM a FULL JOIN b USING (k) WHERE k IS NOT NULL GROUP BY k HAVING k > 1;
CREATE OR REFRESH MATERIALIZED VIEW ranked TBLPROPERTIES ('sluice.sort_by' = 'r') AS
SELECT k, rank() OVER (ORDER BY k DESC) AS r FROM a FULL JOIN b USING (k) WHERE k IS NOT NULL QUALIFY r < 9;
CREATE OR REFRESH MATERIALIZED VIEW star AS SELECT * FROM (SELECT x, k FROM a) JOIN (SELECT y, k FROM b) USING (k);
CREATE OR REFRESH MATERIALIZED VIEW natural AS SELECT * FROM a NATURAL RIGHT JOIN b;
CREATE OR REFRESH MATERIALIZED VIEW types AS
SELECT k, x, w FROM a FULL JOIN (VALUES (CAST(2 AS BIGINT), 9), (30000000000, 8)) AS d(k, w) USING (k);
