//! Pipe syntax.

use super::job::{check_job, check_job_errors, run_job};

#[tokio::test]
async fn operators_work_on_the_rows_before_them() {
    check_job(&[
        ("FROM emp |> WHERE salary > 90 |> SELECT name", "Ann\nBob"),
        ("FROM emp |> WHERE salary > 90 |> WHERE bonus IS NULL OR id = 1 |> SELECT id", "1\n2"),
        ("FROM wide |> EXTEND jan + 1 AS next, next + 1 AS after |> SELECT id, next, after", "1|11|12\n2|6|7"),
        ("FROM wide |> SET jan = jan * 2, feb = jan |> SELECT jan, feb", "20|20\n10|10"),
        ("FROM wide |> DROP feb, mar", "1|10\n2|5"),
        ("FROM emp |> AGGREGATE sum(salary) AS total, count(*) AS n GROUP BY dept |> WHERE n > 1", "eng|220|2"),
        ("FROM emp |> AGGREGATE count(*) AS n", "4"),
        ("FROM emp |> AGGREGATE GROUP BY upper(dept) AS d |> WHERE d IS NOT NULL", "ENG\nOPS"),
        ("FROM emp |> ORDER BY salary DESC |> LIMIT 1 |> SELECT name", "Ann"),
        ("FROM emp |> ORDER BY id |> LIMIT 2 OFFSET 1 |> SELECT id", "2\n3"),
        ("FROM emp |> LIMIT 3 |> AGGREGATE count(*) AS n", "3"),
        ("SELECT id, salary FROM emp |> WHERE salary < 90 |> SELECT id", "3"),
        ("SELECT count(*) FROM (FROM emp |> WHERE id > 1)", "3"),
        ("WITH e AS (SELECT * FROM emp) FROM e |> WHERE id = 1 |> SELECT name", "Ann"),
        ("FROM emp |> SELECT id, row_number() OVER (ORDER BY id DESC) AS n |> WHERE n = 1 |> SELECT id", "4"),
        ("FROM VALUES (1), (2) AS t(x) |> WHERE x > 1", "2"),
        ("TABLE emp |> WHERE emp.dept = 'eng' |> AGGREGATE count(*) AS n GROUP BY dept", "eng|2"),
        ("TABLE emp |> SELECT id |> UNION ALL VALUES (9) |> WHERE id > 3", "4\n9"),
        ("VALUES (1, 'a'), (2, 'b') AS t(x, y) |> WHERE t.x > 1 |> EXTEND x * 2 AS z", "2|b|4"),
        ("VALUES (1), (2), (3) |> AGGREGATE sum(col1) AS s", "6"),
        ("(TABLE wide LIMIT 1) |> SELECT count(*) AS n", "1"),
        ("FROM emp |> SELECT max(salary) - min(salary) AS r, count(*) AS n |> WHERE n > 1 |> EXTEND r + n AS s", "40|4|44"),
    ])
    .await;
    let (names, _) = run_job("FROM emp |> AGGREGATE sum(salary) AS total GROUP BY dept")
        .await
        .unwrap();
    assert_eq!(names, ["dept", "total"]);
}

#[tokio::test]
async fn joins_and_names_of_relations() {
    check_job(&[
        ("FROM emp |> AS e |> JOIN dept d ON e.dept = d.dept |> SELECT e.name, d.title", "Ann|Engineering\nBob|Engineering"),
        ("FROM emp |> AS e |> WHERE e.id < 3 |> LEFT JOIN dept AS d ON e.dept = d.dept AND e.id = 1 |> SELECT e.id, d.title", "1|Engineering\n2|NULL"),
        ("FROM emp |> AS e |> WHERE e.id = 1 |> RIGHT JOIN dept d ON e.dept = d.dept |> SELECT e.id, d.dept", "1|eng\nNULL|hr"),
        ("FROM emp |> SELECT id, dept |> JOIN dept USING (dept) |> SELECT id, title", "1|Engineering\n2|Engineering"),
        ("FROM emp |> AS e |> WHERE e.id > 3 |> SELECT e.name |> AS x |> SELECT x.name", "Dan"),
    ])
    .await;
}

#[tokio::test]
async fn set_operations_pivots_and_unpivots() {
    check_job(&[
        ("FROM emp |> SELECT id |> WHERE id > 3 |> UNION ALL (SELECT 9) |> SELECT *", "4\n9"),
        ("FROM emp |> SELECT dept |> INTERSECT DISTINCT (SELECT dept FROM dept)", "eng"),
        ("FROM emp |> SELECT id |> WHERE id > 3 |> UNION ALL SELECT 9 |> UNION ALL VALUES (7) |> WHERE id < 9", "4\n7"),
        ("FROM emp |> SELECT dept |> WHERE dept IS NOT NULL |> EXCEPT SELECT dept FROM dept", "ops"),
        ("FROM emp |> SEMI JOIN dept USING (dept) |> SELECT id", "1\n2"),
        ("FROM sales |> PIVOT (sum(amount) FOR product IN ('pen', 'ink'))", "EU|15|30\nUS|20|NULL"),
        ("FROM sales |> WHERE region = 'US' |> SELECT product, amount |> PIVOT (sum(amount) FOR product IN ('pen' AS p))", "20"),
        ("FROM wide |> UNPIVOT (v FOR m IN (jan, feb, mar)) |> WHERE v > 14", "1|feb|20\n2|mar|15"),
    ])
    .await;
}

#[tokio::test]
async fn what_means_something_else_is_refused() {
    check_job_errors(&[
        ("FROM emp |> EXTEND sum(salary) AS s", "write |> AGGREGATE"),
        (
            "FROM emp |> ORDER BY id |> SELECT name |> LIMIT 1",
            "directly before |> LIMIT",
        ),
        (
            "FROM emp |> TABLESAMPLE (10 PERCENT)",
            "TABLESAMPLE is not supported",
        ),
        (
            "FROM emp |> AGGREGATE count(*) AS n GROUP BY 1",
            "write the column's name",
        ),
    ])
    .await;
}
