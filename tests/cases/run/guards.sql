-- file: t/a.json
--| {"id": 1, "s": "5", "a": 6, "b": 2}
--| {"id": 2, "s": "x", "a": 1, "b": 0}
--| {"id": 3, "s": "7", "a": 9, "b": 3}
--| {"id": 4, "s": null, "a": null, "b": 0}
-- result: in_where
--| id
--| 3
-- result: in_view
--| id
--| 3
-- result: either
--| id | big
--| 1 | true
--| 2 | true
--| 3 | true
--| 4 | true
-- result: joined
--| id | other
--| 1 | 1
--| 2 | NULL
--| 3 | 3
--| 4 | NULL
-- result: grouped
--| s | total
--| 7 | 3.0
-- result: filtered
--| total
--| 6.0
-- result: narrowed
--| id | n
--| 1 | 56
-- result: kept
--| id
--| 1
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (id INT, s STRING, a INT, b INT)
  STORED AS JSON LOCATION '${landing}/t';
CREATE TEMPORARY VIEW numeric AS SELECT * FROM t WHERE s RLIKE '^[0-9]+$';
CREATE OR REFRESH MATERIALIZED VIEW in_where AS
SELECT id FROM t WHERE s RLIKE '^[0-9]+$' AND CAST(s AS INT) > 5 AND b <> 0 AND a / b > 1;
CREATE OR REFRESH MATERIALIZED VIEW in_view AS
SELECT id FROM numeric WHERE CAST(s AS INT) > 5;
CREATE OR REFRESH MATERIALIZED VIEW either AS
SELECT id, b = 0 OR a / b > 1 AS big FROM t;
CREATE OR REFRESH MATERIALIZED VIEW joined AS
SELECT l.id, r.id AS other FROM t AS l LEFT JOIN t AS r ON l.id = r.id AND r.b <> 0 AND l.a / r.b > 1;
CREATE OR REFRESH MATERIALIZED VIEW grouped AS
SELECT s, sum(a) / max(b) AS total FROM t GROUP BY s HAVING max(b) <> 0 AND s <> 'x' AND CAST(s AS INT) > 5;
CREATE OR REFRESH MATERIALIZED VIEW filtered AS
SELECT sum(a / b) FILTER (WHERE b <> 0) AS total FROM t;
CREATE OR REFRESH MATERIALIZED VIEW kept AS
SELECT id FROM t QUALIFY row_number() OVER (ORDER BY b DESC, id) <= 2 AND a / b > 1 AND CAST(s AS INT) < 6;
CREATE OR REFRESH MATERIALIZED VIEW narrowed AS
SELECT id, CAST(concat(s, a) AS INT) AS n FROM t WHERE id = 1;
