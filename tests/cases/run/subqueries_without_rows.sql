-- file: t/a.json
--| {"id": 0, "a": 1, "b": -4, "n": 0}
--| {"id": 4, "a": 5, "b": 100, "n": 1}
-- result: found
--| id | by_limit | by_having | is_missing | sorted
--| 0 | 0 | 0 | true | 0
--| 4 | 4 | 4 | true | 4
-- result: distinct_sums
--| id
--| 4
-- result: reordered
--| id
--| 4
-- result: keys_of_groups
--| k | n
--| 1 | 1
--| 1 | 1
--| 5 | 1
--| 5 | 1
-- result: limited
--| id | before
--| 0 | NULL
--| 4 | 1
-- result: typed
--| c
--| 3
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
-- A subquery without rows is NULL, also when its value is a constant. Keys of groups
-- that a join repeats determine nothing. Columns of the left side of a lateral join have
-- its types.
CREATE EXTERNAL TABLE t (id INT, a INT, b INT, n BIGINT) STORED AS JSON LOCATION '${landing}/t';
CREATE TEMPORARY VIEW e AS SELECT * FROM t WHERE id < 0;
CREATE MATERIALIZED VIEW found AS
SELECT id, coalesce((SELECT 1 FROM e LIMIT 1), id) AS by_limit,
       coalesce((SELECT count(*) FROM e HAVING count(*) > 0), id) AS by_having,
       (SELECT 1 FROM e LIMIT 1) IS NULL AS is_missing,
       coalesce((SELECT 7 FROM e ORDER BY e.id LIMIT 1), id) AS sorted
FROM t;
CREATE MATERIALIZED VIEW distinct_sums AS
SELECT q1.id FROM t AS q1
WHERE q1.n IN (SELECT CAST(sum(DISTINCT q6.a) AS BIGINT) FROM t AS q6 WHERE q6.id < q1.a GROUP BY q6.b);
CREATE MATERIALIZED VIEW stored AS SELECT * FROM t;
CREATE MATERIALIZED VIEW reordered AS
SELECT q1.id FROM stored AS q1 LEFT JOIN stored AS q5 ON q1.a = q5.n
WHERE q1.n IN (SELECT CAST(sum(DISTINCT q6.a) AS BIGINT) FROM stored AS q6 WHERE q6.id < q1.a GROUP BY q6.b);
CREATE MATERIALIZED VIEW keys_of_groups AS
SELECT k, n FROM (
  SELECT k, v, count(*) AS n FROM (
    SELECT d.k, u.id AS v, u.b AS w FROM (SELECT DISTINCT a AS k FROM t) AS d JOIN t AS u ON d.k > u.id - 9
    GROUP BY d.k, u.id, u.b
  ) GROUP BY k, v
);
CREATE MATERIALIZED VIEW limited AS
SELECT id, (SELECT u.a FROM t AS u WHERE u.id < t.id LIMIT 1) AS before FROM t;
CREATE MATERIALIZED VIEW typed AS
SELECT q.c FROM (SELECT nullif(3, id) AS c FROM t WHERE id = 4) AS q
JOIN LATERAL (SELECT u.id FROM t AS u WHERE u.a < q.c) AS r ON TRUE;
