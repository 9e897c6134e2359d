-- file: t/a.json
--| {"id": 1, "g": "a"}
--| {"id": 2, "g": "b"}
-- file: t/b.json
--| {"id": 3, "g": "a"}
-- file: u/a.json
--| {"id": 3}
--| {"id": 4}
-- result: last
--| id
--| 1
--| 2
--| 3
--| 0
-- result: two
--| id
--| 1
--| 2
--| 3
--| 0
--| 0
-- result: first
--| id
--| 0
--| 1
--| 2
--| 3
-- result: between
--| id
--| 1
--| 2
--| 3
--| 0
--| 3
--| 4
-- result: nested
--| id
--| 1
--| 2
--| 3
--| -1
--| -2
--| 3
--| 4
-- result: constants
--| id
--| 1
--| 2
--| 2
-- result: distinct_rows
--| id
--| 1
--| 2
--| 3
-- result: grouped
--| g | n
--| a | 3
--| b | 2
-- result: counted
--| id
--| 1
--| 2
--| 3
--| 3
--| 1
-- result: values_branch
--| id
--| 1
--| 2
--| 3
--| 10
--| 20
-- result: limited_values
--| id
--| 1
--| 2
--| 3
--| 10
-- result ordered: top
--| id
--| 3
--| 2
-- result: joined
--| id | name
--| 1 | one
--| 3 | three
-- result: cross_joined
--| id | k
--| 1 | 7
--| 2 | 7
--| 3 | 7
--| 0 | 0
-- result: scalar
--| id | n
--| 0 | 3
--| 1 | 3
--| 2 | 3
--| 3 | 3
-- result: of_dataset
--| id
--| 1
--| 2
--| 3
--| 0
--| 9
-- result: empty_branch
--| id
--| 1
--| 2
--| 3
--| 5
-- result: intersected
--| id
--| 3
-- result: without
--| id
--| 1
--| 2
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (id INT, g STRING) STORED AS JSON LOCATION '${landing}/t';
CREATE EXTERNAL TABLE u (id INT) STORED AS JSON LOCATION '${landing}/u';

CREATE OR REFRESH MATERIALIZED VIEW last AS SELECT id FROM t UNION ALL SELECT 0;
CREATE OR REFRESH MATERIALIZED VIEW two AS
SELECT id FROM t UNION ALL SELECT 0 UNION ALL SELECT 0;
CREATE OR REFRESH MATERIALIZED VIEW first AS SELECT 0 AS id UNION ALL SELECT id FROM t;
CREATE OR REFRESH MATERIALIZED VIEW between AS
SELECT id FROM t UNION ALL SELECT 0 UNION ALL SELECT id FROM u;
CREATE OR REFRESH MATERIALIZED VIEW nested AS
SELECT id FROM (SELECT id FROM t UNION ALL SELECT -1)
UNION ALL
SELECT id FROM (SELECT -2 AS id UNION ALL SELECT id FROM u);
CREATE OR REFRESH MATERIALIZED VIEW constants AS
SELECT 1 AS id UNION ALL SELECT 2 UNION ALL SELECT 2;
CREATE OR REFRESH MATERIALIZED VIEW distinct_rows AS
SELECT id FROM t UNION SELECT 3 UNION SELECT 1;
CREATE OR REFRESH MATERIALIZED VIEW grouped AS
SELECT g, count(*) AS n
FROM (SELECT g FROM t UNION ALL SELECT 'a' UNION ALL SELECT 'b') GROUP BY g;
CREATE OR REFRESH MATERIALIZED VIEW counted AS
SELECT id FROM t UNION ALL SELECT CAST(count(*) AS INT) FROM t UNION ALL SELECT 1;
CREATE OR REFRESH MATERIALIZED VIEW values_branch AS
SELECT id FROM t UNION ALL SELECT col1 FROM (VALUES (10), (20));
CREATE OR REFRESH MATERIALIZED VIEW limited_values AS
SELECT id FROM t
UNION ALL
SELECT id FROM (SELECT col1 AS id FROM (VALUES (10), (10), (10)) LIMIT 1);
CREATE OR REFRESH MATERIALIZED VIEW top AS
SELECT id FROM (SELECT id FROM t UNION ALL SELECT 0) ORDER BY id DESC LIMIT 2;
CREATE OR REFRESH MATERIALIZED VIEW joined AS
SELECT t.id, n.name
FROM t JOIN (SELECT 1 AS id, 'one' AS name UNION ALL SELECT 3, 'three') n ON t.id = n.id;
CREATE OR REFRESH MATERIALIZED VIEW cross_joined AS
SELECT t.id, c.k FROM t CROSS JOIN (SELECT 7 AS k) c UNION ALL SELECT 0, 0;
CREATE OR REFRESH MATERIALIZED VIEW scalar AS
SELECT id, (SELECT count(*) FROM t) AS n FROM (SELECT id FROM t UNION ALL SELECT 0);
CREATE OR REFRESH MATERIALIZED VIEW of_dataset AS SELECT id FROM last UNION ALL SELECT 9;
CREATE OR REFRESH MATERIALIZED VIEW empty_branch AS
SELECT id FROM t UNION ALL SELECT 4 WHERE false UNION ALL SELECT 5;
CREATE OR REFRESH MATERIALIZED VIEW intersected AS
SELECT id FROM t INTERSECT SELECT 3;
CREATE OR REFRESH MATERIALIZED VIEW without AS
SELECT id FROM t EXCEPT SELECT 3;
