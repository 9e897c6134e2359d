-- file: t/a.json
--| {"g": "a", "h": "p", "v": 2}
--| {"g": "a", "h": "q", "v": 3}
--| {"g": "b", "h": "p", "v": 0}
-- result: with_rollup
--| g | s
--| a | 5
--| b | 0
--| NULL | 5
-- result: with_cube
--| g | h | n
--| a | p | 1
--| a | q | 1
--| b | p | 1
--| a | NULL | 2
--| b | NULL | 1
--| NULL | p | 2
--| NULL | q | 1
--| NULL | NULL | 3
-- result: sets
--| g | h | n
--| a | NULL | 2
--| b | NULL | 1
--| NULL | p | 2
--| NULL | q | 1
-- result: counted
--| g | n
--| a | 0
--| b | 0
-- result: all_keys
--| g | n
--| a | 2
--| b | 1
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (g STRING, h STRING, v INT) STORED AS JSON LOCATION '${landing}/t';
CREATE OR REFRESH MATERIALIZED VIEW with_rollup AS SELECT g, sum(v) AS s FROM t GROUP BY g WITH ROLLUP;
CREATE OR REFRESH MATERIALIZED VIEW with_cube AS SELECT g, h, count(*) AS n FROM t GROUP BY 1, 2 WITH CUBE;
CREATE OR REFRESH MATERIALIZED VIEW sets AS
SELECT g, h, count(*) AS n FROM t GROUP BY g, h GROUPING SETS ((g), (h));
-- Both conditions count: v > 2 and h = 'p'.
CREATE OR REFRESH MATERIALIZED VIEW counted AS
SELECT g, count_if(v > 2) FILTER (WHERE h = 'p') AS n FROM t GROUP BY g;
CREATE OR REFRESH MATERIALIZED VIEW all_keys AS SELECT g, count(*) AS n FROM t GROUP BY ALL;
