-- file: emp/a.json
--| {"id": 1, "name": "Ann", "dept": "eng", "salary": 120}
--| {"id": 2, "name": "Bob", "dept": "eng", "salary": 100}
--| {"id": 3, "name": "Cat", "dept": "ops", "salary": 80}
--| {"id": 4, "name": "Dan", "salary": 90}
-- file: depts/a.json
--| {"dept": "eng", "title": "Engineering"}
--| {"dept": "hr", "title": "People"}
-- result: totals
--| dept | total | n
--| eng | 220 | 2
-- result: titles
--| name | title
--| Ann | Engineering
--| Bob | Engineering
--| Cat | NULL
-- result: changed
--| id | name | salary | next
--| 1 | Ann | 240 | 2
--| 2 | Bob | 200 | 3
-- result: best
--| name
--| Ann
--| Bob
-- result: all_ids
--| id
--| 3
--| 4
--| 9
-- result: pivoted
--| eng | ops
--| 220 | 80
-- result: unpivoted
--| k | v
--| b | 2
-- result: from_table
--| dept | n
--| eng | 2
-- result: from_values
--| x | y | z
--| 2 | b | 4
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE emp (id INT, name STRING, dept STRING, salary INT) STORED AS JSON LOCATION '${landing}/emp';
CREATE EXTERNAL TABLE depts (dept STRING, title STRING) STORED AS JSON LOCATION '${landing}/depts';
CREATE OR REFRESH MATERIALIZED VIEW totals AS
FROM emp |> AGGREGATE sum(salary) AS total, count(*) AS n GROUP BY dept |> WHERE n > 1;
CREATE OR REFRESH MATERIALIZED VIEW titles AS
FROM emp |> AS e |> WHERE e.id < 4 |> LEFT JOIN depts AS d ON e.dept = d.dept |> SELECT e.name, d.title;
CREATE OR REFRESH MATERIALIZED VIEW changed AS
FROM emp |> WHERE id < 3 |> SET salary = salary * 2 |> EXTEND id + 1 AS next |> DROP dept;
CREATE OR REFRESH MATERIALIZED VIEW best AS
FROM emp |> ORDER BY salary DESC |> LIMIT 2 |> SELECT name;
CREATE OR REFRESH MATERIALIZED VIEW all_ids AS
FROM emp |> WHERE id > 2 |> SELECT id |> UNION ALL SELECT 9;
CREATE OR REFRESH MATERIALIZED VIEW pivoted AS
FROM emp |> SELECT dept, salary |> PIVOT (sum(salary) FOR dept IN ('eng', 'ops'));
CREATE OR REFRESH MATERIALIZED VIEW unpivoted AS
FROM VALUES (1, 2) AS t(a, b) |> UNPIVOT (v FOR k IN (a, b)) |> WHERE v > 1;
CREATE OR REFRESH MATERIALIZED VIEW from_table AS
TABLE emp |> WHERE emp.dept = 'eng' |> AGGREGATE count(*) AS n GROUP BY dept;
CREATE OR REFRESH MATERIALIZED VIEW from_values AS
VALUES (1, 'a'), (2, 'b') AS t(x, y) |> WHERE x > 1 |> EXTEND x * 2 AS z;
