-- file: t/a.json
--| {"id": 1, "k": 7}
--| {"id": 2}
-- file: u/a.json
--| {"id": 1, "k": 7}
--| {"id": 2}
--| {"k": 9}
-- file: empty_key/a.json
--| {"n": 5}
-- result: equal_first
--| id | k
--| 1 | 7
-- result: null_first
--| id | k
--| 1 | 7
--| 2 | NULL
-- result: by_where
--| id | k
--| 1 | 7
-- result: of_three
--| t | u | v
--| 1 | 1 | 1
-- result: crossed
--| id | n
--| 1 | 5
--| 2 | 5
-- result: in_subquery
--| n
--| 1
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
-- `=` matches no NULL, and IS NOT DISTINCT FROM does, whatever joins are next to it.
CREATE EXTERNAL TABLE t (id INT, k INT) STORED AS JSON LOCATION '${landing}/t';
CREATE EXTERNAL TABLE u (id INT, k INT) STORED AS JSON LOCATION '${landing}/u';
CREATE EXTERNAL TABLE e (n INT, k INT) STORED AS JSON LOCATION '${landing}/empty_key';
CREATE MATERIALIZED VIEW equal_first AS
SELECT t.id, t.k FROM t JOIN u ON t.k = u.k JOIN u AS v ON t.id IS NOT DISTINCT FROM v.id;
CREATE MATERIALIZED VIEW null_first AS
SELECT t.id, t.k FROM t JOIN u ON t.k IS NOT DISTINCT FROM u.k JOIN u AS v ON t.id = v.id;
CREATE MATERIALIZED VIEW by_where AS
SELECT t.id, t.k FROM t JOIN u ON t.id <=> u.id WHERE t.k = u.k;
CREATE MATERIALIZED VIEW of_three AS
SELECT t.id AS t, u.id AS u, v.id AS v
FROM t JOIN (u JOIN u AS v ON u.k = v.k) ON t.k <=> v.k AND t.id <=> u.id;
CREATE MATERIALIZED VIEW crossed AS
SELECT t.id, e.n FROM e CROSS JOIN t JOIN u ON t.k <=> u.k;
CREATE MATERIALIZED VIEW in_subquery AS
SELECT (SELECT count(*) FROM t JOIN u ON t.k = u.k JOIN e ON e.k IS NOT DISTINCT FROM nullif(t.id, t.id)) AS n;
