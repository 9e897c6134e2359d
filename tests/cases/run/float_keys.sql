-- file: t/a.json
--| {"id": 1, "s": "0.0"}
--| {"id": 2, "s": "-0.0"}
--| {"id": 3, "s": "NaN"}
-- file: t/b.json
--| {"id": 4, "s": "-0.0"}
--| {"id": 5, "s": "NaN"}
--| {"id": 6, "s": "1.5"}
-- result: grouped
--| n | ids
--| 3 | 7
--| 2 | 8
--| 1 | 6
-- result: distinct_values
--| n
--| 3
-- result: joined
--| n
--| 14
-- result: windows
--| id | n | rank
--| 1 | 3 | 1
--| 2 | 3 | 1
--| 4 | 3 | 1
--| 6 | 1 | 4
--| 3 | 2 | 5
--| 5 | 2 | 5
-- result: compared
--| id
--| 1
--| 2
--| 4
-- result: greatest
--| n
--| 2
-- result: latest
--| id
--| 4
--| 5
--| 6
-- result: both
--| n
--| 3
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (id INT, s STRING)
  STORED AS JSON LOCATION '${landing}/t';
CREATE TEMPORARY VIEW d AS SELECT id, CAST(s AS DOUBLE) AS x FROM t;
CREATE OR REFRESH MATERIALIZED VIEW grouped AS
SELECT n, ids FROM (SELECT x, count(*) AS n, sum(id) AS ids FROM d GROUP BY x);
CREATE OR REFRESH MATERIALIZED VIEW distinct_values AS SELECT count(*) AS n FROM (SELECT DISTINCT x FROM d);
CREATE OR REFRESH MATERIALIZED VIEW joined AS SELECT count(*) AS n FROM d AS l JOIN d AS r ON l.x = r.x;
CREATE OR REFRESH MATERIALIZED VIEW windows AS
SELECT id, count(*) OVER (PARTITION BY x) AS n, rank() OVER (ORDER BY x) AS rank FROM d;
CREATE OR REFRESH MATERIALIZED VIEW compared AS SELECT id FROM d WHERE x = 0 AND x IN (0, 3) AND x >= 0 AND x <= 0;
CREATE OR REFRESH MATERIALIZED VIEW greatest AS SELECT count(*) AS n FROM d WHERE x > 1000000 AND x = x;
CREATE OR REFRESH MATERIALIZED VIEW latest AS
SELECT id FROM d QUALIFY row_number() OVER (PARTITION BY x ORDER BY id DESC) = 1;
CREATE OR REFRESH MATERIALIZED VIEW both AS
SELECT count(*) AS n FROM (SELECT x FROM d INTERSECT SELECT -x FROM d UNION SELECT x FROM d);
