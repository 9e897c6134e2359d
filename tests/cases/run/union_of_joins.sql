-- file: t/a.json
--| {"k": 1, "id": 1}
--| {"k": 2, "id": 2}
-- file: t/b.json
--| {"k": 1, "id": 3}
--| {"k": 4, "id": 4}
-- file: u/a.json
--| {"k": 1, "n": "one"}
-- file: u/b.json
--| {"k": 2, "n": "two"}
--| {"k": 3, "n": "three"}
-- result: joined
--| id | n
--| 1 | one
--| 2 | two
--| 3 | one
--| 1 | x
--| 2 | x
--| 3 | x
--| 4 | x
--| 0 | NULL
-- result: crossed
--| id
--| 1
--| 2
--| 3
--| 4
--| 4
-- result: counts
--| what | n
--| t | 4
--| u | 3
--| both | 3
--| none | 1
--| const | 1
-- result: nulls_first_side
--| id
--| 4
-- result: outer_both
--| id | n
--| 1 | one
--| 2 | two
--| 3 | one
--| 4 | NULL
--| NULL | three
--| 7 | seven
-- result: total
--| n
--| 9
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (k INT, id INT) STORED AS JSON LOCATION '${landing}/t';
CREATE EXTERNAL TABLE u (k INT, n STRING) STORED AS JSON LOCATION '${landing}/u';
CREATE OR REFRESH MATERIALIZED VIEW joined AS
SELECT id, n FROM t JOIN u ON t.k = u.k
UNION ALL
SELECT id, c.n FROM t CROSS JOIN (SELECT 'x' AS n) c
UNION ALL
SELECT 0, NULL;
CREATE OR REFRESH MATERIALIZED VIEW crossed AS
SELECT id FROM t, (SELECT count(*) AS c FROM u) WHERE c = 3
UNION ALL
SELECT CAST(m AS INT) FROM (SELECT max(id) AS m FROM t), (SELECT min(k) AS l FROM u) WHERE m > l;
CREATE OR REFRESH MATERIALIZED VIEW counts AS
SELECT 't' AS what, count(*) AS n FROM t
UNION ALL SELECT 'u', count(*) FROM u
UNION ALL SELECT 'both', count(*) FROM t JOIN u ON t.k = u.k
UNION ALL SELECT 'none', count(*) FROM t LEFT ANTI JOIN u ON t.k = u.k
UNION ALL SELECT 'const', 1;
CREATE OR REFRESH MATERIALIZED VIEW nulls_first_side AS
SELECT id FROM t WHERE k NOT IN (SELECT k FROM u UNION ALL SELECT 9);
CREATE OR REFRESH MATERIALIZED VIEW outer_both AS
SELECT id, n FROM t FULL JOIN u ON t.k = u.k UNION ALL SELECT 7, 'seven';
CREATE OR REFRESH MATERIALIZED VIEW total AS
SELECT count(*) AS n FROM (
  SELECT id FROM t UNION ALL SELECT k FROM u UNION ALL SELECT 1 UNION ALL SELECT col1 FROM (VALUES (1), (2)) LIMIT 9
);
