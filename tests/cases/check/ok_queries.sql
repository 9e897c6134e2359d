-- ok
CREATE EXTERNAL TABLE t (a INT, b STRING, c STRUCT<d: STRUCT<e: INT>>, arr ARRAY<INT>, m MAP<STRING, INT>, j STRING) STORED AS JSON LOCATION 'x';
CREATE OR REFRESH MATERIALIZED VIEW q1 AS
SELECT m['x'] AS m, arr[1] AS first, t.c.d.e AS e, array_transform(arr, x -> x * 2) AS doubled,
       array_filter(arr, (x) -> x > 1) AS some, reduce(arr, 0, (acc, x) -> acc + x) AS total,
       [1, 2, 3] AS list, array(1, 2) AS spark_list, a::BIGINT AS big, CAST(a AS LONG) AS long, j -> 'k' ->> 'l' AS json,
       exists(arr, x -> x = 1) AS any_one, !(a > 1) AS negated, a <=> 1 AS same
FROM t;
CREATE OR REFRESH MATERIALIZED VIEW q2 AS
WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 5), t AS (SELECT * FROM t)
SELECT * EXCEPT (b) FROM t LEFT ANTI JOIN n ON t.a = n.i;
CREATE OR REFRESH MATERIALIZED VIEW q3 AS
(SELECT a, b FROM t UNION ALL SELECT a, b FROM q1, (VALUES (1, 'x')) AS v(a, b)) EXCEPT SELECT a, b FROM t;
CREATE OR REFRESH MATERIALIZED VIEW q4 AS
SELECT * FROM t PIVOT (sum(a) FOR b IN ('x', 'y'));
CREATE OR REFRESH MATERIALIZED VIEW q5 AS
FROM t, unnest(t.arr) AS u(x), generate_series(1, 3) AS g SELECT x, date_trunc('month', now()) AS month, EXTRACT(year FROM now()) AS y
GROUP BY ALL ORDER BY ALL;
