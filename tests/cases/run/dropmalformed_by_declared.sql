-- file: t/a.json
--| {"id": 1, "n": 1, "deep": {"a": 1, "b": "2024-01-01"}}
--| {"id": 2, "n": "x"}
--| {"id": 3, "n": 3}
--| {"id": 4, "n": 4, "deep": {"a": 1, "b": "never"}}
--| {"id": 5, "n": 12x4}
-- malformed: t=3
-- result: counted
--| n
--| 2
-- result: one_column
--| id
--| 1
--| 3
-- result: in_subqueries
--| a | b | c
--| 2 | 2 | 4
-- result: joined
--| id | m
--| 1 | 1
--| 3 | 3
-- result: pruned
--| a
--| 1
--| NULL
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
-- Every line is judged by all declared columns: what a query reads does not
-- change which lines are left out.
CREATE EXTERNAL TABLE t (id INT, n INT, deep STRUCT<a: INT, b: DATE>)
  STORED AS JSON LOCATION '${landing}/t'
  OPTIONS ('mode' 'dropmalformed');
CREATE OR REFRESH MATERIALIZED VIEW counted AS SELECT count(*) AS n FROM t;
CREATE OR REFRESH MATERIALIZED VIEW one_column AS SELECT id FROM t;
CREATE OR REFRESH MATERIALIZED VIEW in_subqueries AS
SELECT (SELECT count(*) FROM t) AS a, (SELECT count(n) FROM t) AS b, (SELECT sum(id) FROM t) AS c;
CREATE OR REFRESH MATERIALIZED VIEW joined AS
SELECT l.id, r.n AS m FROM t l JOIN t r ON l.id = r.id;
CREATE OR REFRESH MATERIALIZED VIEW pruned AS SELECT deep.a FROM t;
