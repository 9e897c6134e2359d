-- error: E0509
-- at: 45:51
-- message: WITH TOTALS is not supported
-- message: GROUPING SETS
-- error: E0509
-- message: TABLESAMPLE is not supported
-- message: pmod(hash(id), 100)
-- error: E0509
-- message: PREWHERE is not supported
-- error: E0509
-- message: FETCH is not supported
-- message: write LIMIT n
-- error: E0509
-- message: LIMIT … BY is not supported
-- error: E0509
-- message: AT TIME ZONE is not supported
-- error: E0509
-- message: SETTINGS is not supported
-- error: E0509
-- message: ASOF JOIN is not supported
-- error: E0509
-- message: SEPARATOR
-- error: E0509
-- message: upper cannot have FILTER
-- error: E0509
-- message: row_number cannot have a call without OVER
-- error: E0509
-- message: COLLATE is not supported
-- error: E0509
-- message: the type UUID is not supported
-- message: write STRING
-- error: E0509
-- message: SIMILAR TO is not supported
-- error: E0509
-- message: DISTINCT ON is not supported
-- error: E0509
-- message: a text cannot be a name
-- file: t/a.json
--| {"g": "a", "v": 1}
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (g STRING, v INT, ts TIMESTAMP)
  STORED AS JSON LOCATION '${landing}/t';
CREATE OR REFRESH MATERIALIZED VIEW q1 AS
SELECT g, sum(v) AS s FROM t WHERE v > 0 GROUP BY g WITH TOTALS;
CREATE OR REFRESH MATERIALIZED VIEW q2 AS SELECT g FROM t TABLESAMPLE (10 PERCENT);
CREATE OR REFRESH MATERIALIZED VIEW q3 AS SELECT g FROM t PREWHERE v > 1;
CREATE OR REFRESH MATERIALIZED VIEW q4 AS SELECT g FROM t FETCH FIRST 1 ROWS ONLY;
CREATE OR REFRESH MATERIALIZED VIEW q5 AS SELECT g FROM t LIMIT 1 BY g;
CREATE OR REFRESH MATERIALIZED VIEW q6 AS SELECT ts AT TIME ZONE 'Europe/Rome' AS x FROM t;
CREATE OR REFRESH MATERIALIZED VIEW q7 AS SELECT g FROM t SETTINGS max_threads = 1;
CREATE OR REFRESH MATERIALIZED VIEW q8 AS SELECT a.g FROM t a ASOF JOIN t b MATCH_CONDITION (a.v >= b.v) ON a.g = b.g;
CREATE OR REFRESH MATERIALIZED VIEW q9 AS SELECT group_concat(g SEPARATOR ',') AS x FROM t;
CREATE OR REFRESH MATERIALIZED VIEW q10 AS SELECT upper(g) FILTER (WHERE v > 1) AS x FROM t;
CREATE OR REFRESH MATERIALIZED VIEW q11 AS SELECT row_number() AS x FROM t;
CREATE OR REFRESH MATERIALIZED VIEW q12 AS SELECT g COLLATE de AS x FROM t;
CREATE OR REFRESH MATERIALIZED VIEW q13 AS SELECT CAST(g AS UUID) AS x FROM t;
CREATE OR REFRESH MATERIALIZED VIEW q15 AS SELECT g FROM t WHERE g SIMILAR TO 'a%';
CREATE OR REFRESH MATERIALIZED VIEW q16 AS SELECT DISTINCT ON (g) g, v FROM t ORDER BY g, v;
CREATE OR REFRESH MATERIALIZED VIEW q17 AS SELECT g AS 'a' FROM t;
