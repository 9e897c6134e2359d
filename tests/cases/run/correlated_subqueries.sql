-- file: t/a.json
--| {"id": 1, "k": 1, "v": 10, "d": 0.0, "st": {"a": 3}}
--| {"id": 2, "k": 2, "v": 20, "d": -0.0, "st": {"a": 5}}
--| {"id": 3, "k": null, "v": 30, "d": 1.5, "st": null}
-- file: t/b.json
--| {"id": 4, "k": 4, "v": null, "d": null, "st": {"a": null}}
--| {"id": 5, "k": 2, "v": 20, "d": 2.5, "st": {"a": 9}}
-- file: u/a.json
--| {"k": 1, "v": 5, "d": 0.0}
--| {"k": 1, "v": 15, "d": -0.0}
-- file: u/b.json
--| {"k": 2, "v": 25, "d": 1.0}
--| {"k": 3, "v": null, "d": 2.0}
--| {"k": null, "v": 40, "d": null}
--| {"k": 9, "v": 1, "d": 3.0}
-- result: inequality
--| id | m | n
--| 1 | NULL | 0
--| 2 | 15 | 2
--| 3 | NULL | 0
--| 4 | 25 | 4
--| 5 | 15 | 2
-- result: disjunction
--| id
--| 2
--| 5
-- result: in_case
--| id | n
--| 1 | -1
--| 2 | 4
--| 3 | 0
--| 4 | -1
--| 5 | 4
-- result: in_having
--| k | n
--| NULL | 1
--| 2 | 2
--| 4 | 1
-- result: in_order
--| id | k
--| 3 | NULL
--| 4 | 4
--| 2 | 2
-- result: null_keys
--| id | s
--| 1 | 20
--| 2 | 25
--| 3 | 40
--| 5 | 25
--| 4 | NULL
-- result: float_keys
--| id | n | m
--| 1 | 2 | 15
--| 2 | 2 | 15
--| 3 | 3 | NULL
--| 4 | 0 | NULL
--| 5 | 4 | NULL
-- result: fields
--| id | m
--| 1 | 5
--| 2 | 5
--| 3 | NULL
--| 4 | NULL
--| 5 | 5
-- result: two_levels
--| id | m
--| 1 | 15
--| 2 | 25
--| 3 | NULL
--| 4 | 25
--| 5 | 25
-- result: first_row
--| id | m
--| 1 | 15
--| 2 | 25
--| 3 | NULL
--| 4 | 1
--| 5 | 25
-- result: of_groups
--| id | m
--| 1 | 1
--| 2 | 1
--| 3 | 1
--| 4 | NULL
--| 5 | 1
-- result: of_a_union
--| id | n
--| 1 | 4
--| 2 | 3
--| 3 | 1
--| 4 | 2
--| 5 | 3
-- result: of_windows
--| id | m
--| 1 | 3
--| 2 | 4
--| 3 | NULL
--| 4 | 5
--| 5 | 4
-- result: of_outer_joins
--| id | n
--| 1 | 4
--| 2 | 5
--| 3 | 6
--| 4 | 6
--| 5 | 5
-- result: sets
--| id
--| 1
-- result: lateral_rows
--| id | m | n
--| 2 | 15 | 9
--| 4 | 25 | 9
--| 5 | 15 | 9
--| 1 | NULL | NULL
--| 3 | NULL | NULL
-- result: limited_outer
--| id | m
--| 5 | 15
--| 4 | 25
--| 3 | NULL
-- result: joined_outer
--| id | n
--| 2 | 1
--| 3 | 0
--| 4 | 1
--| 5 | 0
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (id INT, k INT, v INT, d DOUBLE, st STRUCT<a: INT>) STORED AS JSON LOCATION '${landing}/t';
CREATE EXTERNAL TABLE u (k INT, v INT, d DOUBLE) STORED AS JSON LOCATION '${landing}/u';
CREATE OR REFRESH MATERIALIZED VIEW inequality AS
SELECT id, (SELECT max(u.v) FROM u WHERE u.k < t.k) AS m, (SELECT count(*) FROM u WHERE u.k < t.k)
  AS n FROM t;
CREATE OR REFRESH MATERIALIZED VIEW disjunction AS
SELECT id FROM t WHERE t.v > (SELECT avg(u.v) FROM u WHERE u.k <> t.k OR u.k IS NULL);
-- Where k is NULL, no row fits, and the count is 0.
CREATE OR REFRESH MATERIALIZED VIEW in_case AS
SELECT id, CASE WHEN v > 15 THEN (SELECT count(*) FROM u WHERE u.v >= t.k) ELSE -1 END AS n FROM t;
CREATE OR REFRESH MATERIALIZED VIEW in_having AS
SELECT k, count(*) AS n FROM t GROUP BY k HAVING count(*) >= (SELECT count(*) FROM u
  WHERE u.k > t.k);
CREATE OR REFRESH MATERIALIZED VIEW in_order AS
SELECT id, k FROM t ORDER BY (SELECT count(*) FROM u WHERE u.k > t.k), id LIMIT 3;
CREATE OR REFRESH MATERIALIZED VIEW null_keys AS
SELECT id, (SELECT sum(u.v) FROM u WHERE u.k IS NOT DISTINCT FROM t.k) AS s FROM t;
-- 0.0 and -0.0 are one value.
CREATE OR REFRESH MATERIALIZED VIEW float_keys AS
SELECT id, (SELECT count(*) FROM u WHERE u.d <= t.d) AS n, (SELECT max(u.v) FROM u
  WHERE u.d = t.d) AS m FROM t;
CREATE OR REFRESH MATERIALIZED VIEW fields AS
SELECT id, (SELECT min(u.v) FROM u WHERE u.k < t.st.a) AS m FROM t;
CREATE OR REFRESH MATERIALIZED VIEW two_levels AS
SELECT id, (SELECT max(u.v) FROM u WHERE u.v < (SELECT sum(w.v) FROM u AS w WHERE w.k <= u.k
  AND w.k <= t.k)) AS m FROM t;
CREATE OR REFRESH MATERIALIZED VIEW first_row AS
SELECT id, (SELECT u.v FROM u WHERE u.k >= t.k ORDER BY u.k, u.v DESC LIMIT 1) AS m FROM t;
CREATE OR REFRESH MATERIALIZED VIEW of_groups AS
SELECT id, (SELECT max(q.n) FROM (SELECT u.k, count(*) AS n FROM u WHERE u.v > t.v GROUP BY u.k
  HAVING count(*) <= t.id) AS q) AS m FROM t;
CREATE OR REFRESH MATERIALIZED VIEW of_a_union AS
SELECT id, (SELECT count(*) FROM (SELECT u.v FROM u WHERE u.k > t.k UNION SELECT t.v) AS q) AS n
  FROM t;
CREATE OR REFRESH MATERIALIZED VIEW of_windows AS
SELECT id, (SELECT max(q.r) FROM (SELECT row_number() OVER (ORDER BY u.k, u.v) AS r FROM u
  WHERE u.k <> t.k) AS q) AS m FROM t;
CREATE OR REFRESH MATERIALIZED VIEW of_outer_joins AS
SELECT id, (SELECT count(*) FROM u AS a LEFT JOIN (SELECT u.k FROM u WHERE u.k = t.k)
  AS b ON a.k = b.k WHERE b.k IS NULL) AS n FROM t;
CREATE OR REFRESH MATERIALIZED VIEW sets AS
SELECT id FROM t WHERE t.k IN (SELECT count(*) FROM u WHERE u.k >= t.k GROUP BY u.k) OR EXISTS
  (SELECT 1 FROM u WHERE u.k > t.k HAVING count(*) = 3);
CREATE OR REFRESH MATERIALIZED VIEW lateral_rows AS
SELECT t.id, q.m, r.n FROM t JOIN LATERAL (SELECT max(u.v) AS m FROM u WHERE u.k < t.k)
  AS q ON true LEFT JOIN LATERAL (SELECT DISTINCT u.k AS n FROM u WHERE u.k > t.k AND u.v < q.m)
  AS r ON true;
-- The outer query is read twice; its LIMIT is not.
CREATE OR REFRESH MATERIALIZED VIEW limited_outer AS
SELECT q.id, (SELECT max(u.v) FROM u WHERE u.k <> q.k) AS m FROM (SELECT id, k FROM t
  ORDER BY id DESC LIMIT 3) AS q;
CREATE OR REFRESH MATERIALIZED VIEW joined_outer AS
SELECT a.id, (SELECT count(*) FROM u WHERE u.k > a.k AND u.v < b.v) AS n FROM t AS a JOIN t
  AS b ON a.id = b.id + 1;
