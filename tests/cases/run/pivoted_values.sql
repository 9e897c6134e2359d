-- result: sums
--| a | x | y
--| 1 | 10 | 20
--| 2 | 30 | NULL
-- result: named
--| col1 | x | y
--| 1 | 10 | 20
-- result: long
--| id | q | v
--| 1 | q1 | 10
--| 1 | q2 | 20
--| 2 | q1 | 30
DECLARE VARIABLE gold STRING;
CREATE OR REFRESH MATERIALIZED VIEW sums AS
SELECT * FROM VALUES (1, 'x', 10), (1, 'y', 20), (2, 'x', 30) AS t(a, b, c) PIVOT (sum(c) FOR b IN ('x', 'y'));
CREATE OR REFRESH MATERIALIZED VIEW named AS
SELECT * FROM VALUES (1, 'x', 10), (1, 'y', 20) PIVOT (sum(col3) FOR col2 IN ('x', 'y'));
CREATE OR REFRESH MATERIALIZED VIEW long AS
SELECT * FROM VALUES (1, 10, 20), (2, 30, NULL) AS t(id, q1, q2) UNPIVOT (v FOR q IN (q1, q2));
