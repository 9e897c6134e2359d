-- file: t/a.json
--| {"g": "a", "o": 1, "v": 10}
--| {"g": "a", "o": 2, "v": null}
--| {"g": "a", "o": 3, "v": 5}
-- file: t/b.json
--| {"g": "a", "o": 4, "v": 7}
--| {"g": "b", "o": 1, "v": 1}
-- result: whole
--| g | o | n | s | most | all_rows
--| a | 1 | 2 | 17 | 10 | 4
--| a | 2 | 2 | 17 | 10 | 4
--| a | 3 | 2 | 17 | 10 | 4
--| a | 4 | 2 | 17 | 10 | 4
--| b | 1 | 0 | NULL | NULL | 1
-- result: running
--| g | o | n | s | average
--| a | 1 | 1 | 10 | 10.0
--| a | 2 | 1 | 10 | 10.0
--| a | 3 | 1 | 10 | 10.0
--| a | 4 | 2 | 17 | 8.5
--| b | 1 | 0 | NULL | NULL
-- result: sliding
--| g | o | n | s
--| a | 1 | 1 | 10
--| a | 2 | 1 | 10
--| a | 3 | 0 | NULL
--| a | 4 | 1 | 7
--| b | 1 | 0 | NULL
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (g STRING, o INT, v INT) STORED AS JSON LOCATION '${landing}/t';
CREATE OR REFRESH MATERIALIZED VIEW whole AS
SELECT g, o,
       count(*) FILTER (WHERE v > 6) OVER (PARTITION BY g) AS n,
       sum(v)   FILTER (WHERE v > 6) OVER (PARTITION BY g) AS s,
       max(v)   FILTER (WHERE v > 6) OVER (PARTITION BY g) AS most,
       count(*)                      OVER (PARTITION BY g) AS all_rows
FROM t;
CREATE OR REFRESH MATERIALIZED VIEW running AS
SELECT g, o,
       count(v) FILTER (WHERE v > 6) OVER w AS n,
       sum(v)   FILTER (WHERE v > 6) OVER w AS s,
       avg(v)   FILTER (WHERE v > 6) OVER w AS average
FROM t
WINDOW w AS (PARTITION BY g ORDER BY o);
CREATE OR REFRESH MATERIALIZED VIEW sliding AS
SELECT g, o,
       count(*) FILTER (WHERE v > 6) OVER w AS n,
       sum(v)   FILTER (WHERE v > 6) OVER w AS s
FROM t
WINDOW w AS (PARTITION BY g ORDER BY o ROWS BETWEEN 1 PRECEDING AND CURRENT ROW);
