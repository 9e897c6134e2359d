//! Forms of queries that Spark has and DataFusion has not.

use super::job::{check_job, check_job_errors};

#[tokio::test]
async fn patterns_may_have_another_escape_character() {
    check_job(&[
        (
            "SELECT '10%' LIKE '10!%' ESCAPE '!', '100' LIKE '10!%' ESCAPE '!'",
            "true|false",
        ),
        (
            "SELECT 'a_b' NOT LIKE 'a/_b' ESCAPE '/', 'A_B' ILIKE 'a/_b' ESCAPE '/'",
            "false|true",
        ),
        (
            r"SELECT 'a\\b' LIKE 'a\\\\b', 'a%' LIKE 'a\%', 'ab' LIKE 'a\%'",
            "true|true|false",
        ),
        (
            "SELECT name FROM emp WHERE name LIKE ANY ('A%', '%b')",
            "Ann\nBob",
        ),
        (
            "SELECT name FROM emp WHERE name NOT LIKE ALL ('A%', '%b')",
            "Cat\nDan",
        ),
        ("SELECT name FROM emp WHERE name ILIKE SOME ('a%')", "Ann"),
        (
            "SELECT name FROM emp WHERE name RLIKE '^[AB]' AND NOT name RLIKE 'n$'",
            "Bob",
        ),
    ])
    .await;
    check_job_errors(&[
        (
            "SELECT 'a' LIKE 'a!b' ESCAPE '!'",
            "stands before %, _ or itself",
        ),
        (
            "SELECT name LIKE dept ESCAPE '!' FROM emp",
            "must be a constant",
        ),
    ])
    .await;
}

#[tokio::test]
async fn tuples_are_compared_by_their_parts() {
    check_job(&[
        ("SELECT id FROM emp WHERE (dept, salary) IN (('eng', 100), ('ops', 80))", "2\n3"),
        ("SELECT id FROM emp WHERE (dept, salary) NOT IN (('eng', 100), ('ops', 80))", "1\n4"),
        ("SELECT id FROM emp WHERE (dept, salary) IN ((NULL, NULL))", "4"),
        ("SELECT id FROM emp WHERE (id, name) = (1, 'Ann')", "1"),
        ("SELECT id FROM emp WHERE (dept, salary) IN (SELECT dept, max(salary) FROM emp GROUP BY dept)", "1\n3"),
    ])
    .await;
    check_job_errors(&[("SELECT 1 WHERE (1, 2) IN ((1, 2, 3))", "2 values")]).await;
}

#[tokio::test]
async fn json_tuple_makes_columns() {
    check_job(&[
        (
            "SELECT id, a, c FROM docs LATERAL VIEW json_tuple(doc, 'a', 'b') t AS a, c",
            "1|1|{\"c\":\"x\"}\n2|NULL|NULL",
        ),
        (
            "SELECT id, json_tuple(doc, 'a', 'nope') AS (x, y) FROM docs",
            "1|1|NULL\n2|NULL|NULL",
        ),
    ])
    .await;
}

#[tokio::test]
async fn colons_read_json() {
    check_job(&[
        (
            "SELECT doc:a, doc:b.c, doc:list[1], doc:b['c'] AS d FROM docs WHERE id = 1",
            "1|x|8|x",
        ),
        (
            "SELECT doc:a::INT + 1, d.doc:b.c FROM docs d WHERE id = 1",
            "2|x",
        ),
    ])
    .await;
}

#[tokio::test]
async fn identifier_clauses_are_names() {
    check_job(&[
        (
            "SELECT IDENTIFIER('name') FROM IDENTIFIER('emp') WHERE id = 1",
            "Ann",
        ),
        (
            "SELECT IDENTIFIER('e.name') FROM emp e WHERE IDENTIFIER('`id`') = 2",
            "Bob",
        ),
        (
            "SELECT IDENTIFIER('na' || 'me') AS n FROM IDENTIFIER(concat('e', 'm', ('p'))) WHERE id = 3",
            "Cat",
        ),
    ])
    .await;
}

#[tokio::test]
async fn types_of_maps_are_written_in_angle_brackets() {
    check_job(&[
        (
            "SELECT CAST(map('a', 1) AS MAP<STRING, DOUBLE>)['a'] + 0.5D",
            "1.5",
        ),
        (
            "SELECT CAST(map('k', array(1)) AS MAP<STRING, ARRAY<STRING>>)['k'][0] || 'x'",
            "1x",
        ),
        (
            "SELECT CAST(array(map('k', 1)) AS ARRAY<MAP<STRING, BIGINT>>)[0]['k']",
            "1",
        ),
        (
            "SELECT id FROM (SELECT id, id AS map FROM emp) WHERE map < 2",
            "1",
        ),
    ])
    .await;
}

#[tokio::test]
async fn windows_may_distribute_and_sort() {
    check_job(&[
        (
            "SELECT id, row_number() OVER (DISTRIBUTE BY dept SORT BY id DESC) FROM emp WHERE id < 4",
            "1|2\n2|1\n3|1",
        ),
        ("SELECT id, count(*) OVER w FROM emp WHERE id < 4 WINDOW w AS (CLUSTER BY dept)", "1|2\n2|2\n3|1"),
    ])
    .await;
}

#[tokio::test]
async fn reserved_words_may_name_columns() {
    check_job(&[
        (
            "SELECT id, start, end FROM (SELECT id, 1 AS start, 2 AS end FROM wide) WHERE end > start",
            "1|1|2\n2|1|2",
        ),
        (
            "SELECT user, count(*) FROM (SELECT id AS user FROM wide) GROUP BY user",
            "1|1\n2|1",
        ),
    ])
    .await;
    check_job_errors(&[("SELECT id, FROM emp", "expected")]).await;
}

#[tokio::test]
async fn operators_of_bits_booleans_and_dates() {
    check_job(&[
        ("SELECT ~5, ~(-1)", "-6|0"),
        (
            "SELECT TRUE = 'true', 'no' <> false, TRUE IN ('true', 'false')",
            "true|false|true",
        ),
        (
            "SELECT DATE'2024-02-29' + INTERVAL '36' HOUR, DATE'2024-02-29' - INTERVAL 1 DAY",
            "2024-03-01T12:00:00Z|2024-02-28",
        ),
    ])
    .await;
}

#[tokio::test]
async fn grouping_ids_are_bits_of_the_grouping_columns() {
    check_job(&[
        (
            "SELECT region, product, grouping_id(), sum(amount) FROM sales GROUP BY ROLLUP (region, product)",
            "EU|pen|0|15\nEU|ink|0|30\nUS|pen|0|20\nEU|NULL|1|45\nUS|NULL|1|20\nNULL|NULL|3|65",
        ),
        (
            "SELECT product, grouping_id(product, region), count(*) FROM sales GROUP BY CUBE (region, product) HAVING product = 'ink'",
            "ink|0|1\nink|1|1",
        ),
    ])
    .await;
}

#[tokio::test]
async fn columns_left_out_must_exist() {
    check_job_errors(&[
        ("SELECT * EXCEPT (nope) FROM emp", "no column `nope`"),
        ("FROM emp |> DROP nope", "no column `nope`"),
        ("FROM emp |> SET nope = 1", "no column `nope`"),
    ])
    .await;
    check_job(&[(
        "SELECT * EXCEPT (NAME, dept, `salary`, bonus) FROM emp WHERE id = 1",
        "1",
    )])
    .await;
}

#[tokio::test]
async fn names_are_found_without_regard_to_case() {
    check_job(&[
        ("SELECT `ID`, e.`Name`, E.NAME AS n2 FROM emp e WHERE `Id` = 1", "1|Ann|Ann"),
        ("SELECT fullname, `FULLname` AS x FROM (SELECT name AS `fullName` FROM emp WHERE id = 1)", "Ann|Ann"),
        ("WITH big AS (SELECT 1 AS `One`) SELECT one FROM big", "1"),
        ("SELECT name AS `Name` FROM emp WHERE id < 3 ORDER BY name DESC LIMIT 1", "Bob"),
        ("SELECT e.`ID`, d.Title FROM emp e JOIN dept d ON e.`DEPT` = d.`Dept` WHERE e.id = 1", "1|Engineering"),
        ("SELECT s.`Lat` FROM (SELECT address.`GEO` AS s FROM orders) WHERE s.lat > 50", "59.9"),
    ])
    .await;
}

/// Times at 10:03, 10:07 and 10:12, and NULL.
const TIMES: &str = "CREATE TEMPORARY VIEW times AS SELECT id, CAST(at AS TIMESTAMP) AS at FROM VALUES
  (1, '2024-05-01 10:03:00'), (2, '2024-05-01 10:07:00'), (3, '2024-05-01 10:12:00'), (4, NULL) AS t(id, at);\n";

#[tokio::test]
async fn rows_are_grouped_by_windows_of_time() {
    let cases = [
        (
            "SELECT date_format(window.start, 'HH:mm'), date_format(window.end, 'HH:mm'), count(*) FROM times GROUP BY window(at, '10 minutes')",
            "10:00|10:10|2\n10:10|10:20|1",
        ),
        (
            "SELECT date_format(window(at, '10 minutes', '5 minutes').start, 'HH:mm') AS s, count(*) AS n FROM times GROUP BY window(at, '10 minutes', '5 minutes') ORDER BY s",
            "09:55|1\n10:00|2\n10:05|2\n10:10|1",
        ),
        (
            "SELECT date_format(window.start, 'HH:mm') FROM times WHERE id = 1 GROUP BY window(at, INTERVAL 10 MINUTES, INTERVAL 10 MINUTES, '2 minutes')",
            "10:02",
        ),
        (
            "SELECT date_format(window_time(w), 'HH:mm:ss.SSSSSS'), n FROM (SELECT window(at, '1 day') AS w, count(*) AS n FROM times GROUP BY window(at, '1 day'))",
            "23:59:59.999999|3",
        ),
        (
            "SELECT id % 2 AS odd, window.start IS NOT NULL, count(*) FROM times t GROUP BY id % 2, window(t.at, '1 hour')",
            "1|true|2\n0|true|1",
        ),
    ];
    check_times(&cases).await;
    check_job_errors(&[
        (
            "SELECT count(*) FROM emp GROUP BY window(bonus, '1 month')",
            "days, hours and smaller units",
        ),
        (
            "SELECT count(*) FROM emp GROUP BY window(name, '1 hour'), window(name, '2 hours')",
            "one kind of time window",
        ),
    ])
    .await;
}

#[tokio::test]
async fn rows_are_grouped_by_sessions() {
    check_times(&[
        (
            "SELECT date_format(session_window.start, 'HH:mm'), date_format(session_window.end, 'HH:mm'), count(*) FROM times GROUP BY session_window(at, '4 minutes')",
            "10:03|10:11|2\n10:12|10:16|1",
        ),
        (
            "SELECT id > 1 AS late, date_format(session_window(at, '1 hour').end, 'HH:mm') AS e, sum(id) FROM times t WHERE t.id <> 2 GROUP BY id > 1, session_window(at, '1 hour')",
            "false|11:03|1\ntrue|11:12|3",
        ),
    ])
    .await;
    check_job_errors(&[
        (
            "SELECT count(*) FROM emp GROUP BY session_window(bonus, dept)",
            "the gap of a session is a constant",
        ),
        (
            "SELECT count(*) FROM emp e JOIN dept d ON e.dept = d.dept GROUP BY session_window(bonus, '1 hour')",
            "those of one relation",
        ),
    ])
    .await;
}

async fn check_times(cases: &[(&str, &str)]) {
    let cases: Vec<(String, &str)> = cases
        .iter()
        .map(|(query, rows)| (format!("{TIMES}{query}"), *rows))
        .collect();
    let cases: Vec<(&str, &str)> = cases
        .iter()
        .map(|(query, rows)| (query.as_str(), *rows))
        .collect();
    check_job(&cases).await;
}

#[tokio::test]
async fn functions_of_the_job_file() {
    check_job(&[
        (
            "CREATE TEMPORARY FUNCTION twice(x INT) RETURNS INT RETURN x * 2;\nSELECT id, twice(salary) FROM emp WHERE twice(id) < 5",
            "1|240\n2|200",
        ),
        (
            "CREATE OR REPLACE TEMPORARY FUNCTION scaled(x DOUBLE, by DOUBLE DEFAULT 10) RETURNS STRING COMMENT 'text' RETURN concat(x * by, '!');\nSELECT scaled(2), scaled(by => 3, x => 2), scaled('4', 0.5)",
            "20.0!|6.0!|2.0!",
        ),
        (
            "CREATE TEMPORARY FUNCTION in_dept(d STRING) RETURNS TABLE (n INT, who STRING) RETURN SELECT id, name FROM emp WHERE dept = d;\nSELECT t.n, who FROM in_dept('eng') AS t",
            "1|Ann\n2|Bob",
        ),
        (
            "CREATE TEMPORARY FUNCTION best(d STRING) RETURNS INT RETURN SELECT max(salary) FROM emp WHERE dept = d;\nCREATE TEMPORARY FUNCTION above(d STRING, x INT) RETURN x > best(d);\nSELECT best('ops'), above('eng', 121)",
            "80|true",
        ),
        (
            "CREATE TEMPORARY FUNCTION city(a STRUCT<city: STRING, geo: STRUCT<lat: DOUBLE>>) RETURNS STRING RETURN upper(a.city);\nSELECT city(address) FROM orders",
            "ROME\nOSLO",
        ),
        (
            "CREATE TEMPORARY FUNCTION add_all(xs ARRAY<INT>, n INT) RETURN transform(xs, x -> x + n);\nSELECT add_all(array(1, 2), id) FROM emp WHERE id = 3",
            "[4, 5]",
        ),
    ])
    .await;
    check_job_errors(&[
        ("CREATE TEMPORARY FUNCTION f(x INT) RETURN x;\nSELECT f(1, 2)", "write f(x INT)"),
        (
            "CREATE TEMPORARY FUNCTION f(x INT) RETURN (SELECT count(*) FROM emp WHERE salary > x);\nSELECT f(id) FROM emp",
            "reads columns",
        ),
        (
            "CREATE TEMPORARY FUNCTION f(id INT) RETURN (SELECT count(*) FROM emp WHERE id > 1);\nSELECT f(1)",
            "id",
        ),
        (
            "CREATE TEMPORARY FUNCTION f(n INT) RETURN transform(array(1), x -> x + n);\nSELECT f(x) FROM (SELECT id AS x FROM emp)",
            "lambda",
        ),
        ("CREATE TEMPORARY FUNCTION f(x INT) RETURN f(x);\nSELECT f(1)", "f"),
    ])
    .await;
}

#[tokio::test]
async fn orders_ranges_and_negations() {
    check_job(&[
        (
            "SELECT * FROM (SELECT upper(dept) AS d, count(*) AS n FROM emp GROUP BY ALL ORDER BY ALL LIMIT 2)",
            "NULL|1\nENG|2",
        ),
        ("SELECT id FROM emp ORDER BY ALL DESC LIMIT 1", "4"),
        ("SELECT id, r.id * 2 FROM range(2) AS r", "0|0\n1|2"),
        ("SELECT n FROM range(1, 6, 2) AS r(n)", "1\n3\n5"),
        ("SELECT id FROM emp WHERE !(id > 1)", "1"),
        (
            "SELECT id, last(bonus, true) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) FROM emp WHERE id < 4",
            "1|10.0\n2|10.0\n3|5.5",
        ),
    ])
    .await;
}

#[tokio::test]
async fn correlated_subqueries_may_have_an_order_and_a_limit() {
    check_job(&[
        (
            "SELECT e.id, x.n FROM emp e, LATERAL (SELECT f.name AS n FROM emp f WHERE f.dept = e.dept ORDER BY f.salary DESC LIMIT 1) x",
            "1|Ann\n2|Ann\n3|Cat",
        ),
        (
            "SELECT d.dept, x.id FROM dept d LEFT JOIN LATERAL (SELECT f.id FROM emp f WHERE f.dept = d.dept AND f.id > 0 ORDER BY f.id LIMIT 5 OFFSET 1) x ON true",
            "eng|2\nhr|NULL",
        ),
        (
            "SELECT e.id, (SELECT f.name FROM emp f WHERE f.dept = e.dept ORDER BY f.salary LIMIT 1) AS n FROM emp e",
            "1|Bob\n2|Bob\n3|Cat\n4|NULL",
        ),
        (
            "SELECT id FROM emp e WHERE name IN (SELECT f.name FROM emp f WHERE f.dept = e.dept ORDER BY f.id DESC LIMIT 1)",
            "2\n3",
        ),
        (
            "SELECT d.title, x.name FROM dept d, LATERAL (SELECT f.name FROM emp f WHERE f.dept = d.dept ORDER BY f.id) x",
            "Engineering|Ann\nEngineering|Bob",
        ),
    ])
    .await;
}
