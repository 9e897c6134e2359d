//! What both engines accept, and what meant something else here before. The values are
//! Spark's.

use super::job::{check_job, check_job_errors};

#[tokio::test]
async fn values_of_several_types_have_sparks_type() {
    check_job(&[
        (
            "SELECT typeof(coalesce(NULL, DATE'2024-07-15', TIMESTAMP'2024-07-15 10:00:00')) AS a, typeof(nullif(1, 1.5)) AS b, typeof(CASE WHEN true THEN '2024-01-01' ELSE DATE'2024-01-02' END) AS c",
            "timestamp|int|date",
        ),
        (
            "SELECT DATE'2024-01-01' AS a UNION ALL SELECT TIMESTAMP'9999-01-01 10:00:00'",
            "2024-01-01T00:00:00Z\n9999-01-01T10:00:00Z",
        ),
        (
            "SELECT typeof(a) AS t, a FROM (SELECT 1 AS a UNION ALL SELECT 0 UNION SELECT 1)",
            "int|0\nint|1",
        ),
        (
            "SELECT typeof(a) AS t FROM (SELECT 1 AS a UNION ALL SELECT 3000000000)",
            "bigint\nbigint",
        ),
        (
            "SELECT typeof(max(a)) AS a FROM VALUES (array(1, 2)), (array(3)) AS t(a)",
            "array<int>",
        ),
        (
            "SELECT reduce(array(1, 2), 0, (acc, x) -> acc + coalesce(x, 0)) AS a, typeof(transform(array(1), x -> CASE WHEN x > 0 THEN 1 ELSE 0 END)) AS b",
            "3|array<int>",
        ),
        (
            "SELECT typeof(row_number() OVER (ORDER BY id)) AS a, rank() OVER (ORDER BY id) + 0.5 AS b FROM emp WHERE id = 1",
            "int|1.5",
        ),
    ])
    .await;
    check_job_errors(&[(
        "SELECT CASE WHEN id > 0 THEN name ELSE DATE'2024-01-01' END AS a FROM emp",
        "'Ann'",
    )])
    .await;
}

#[tokio::test]
async fn membership_is_never_null() {
    check_job(&[
        (
            "SELECT id, salary IN (SELECT salary FROM emp WHERE id > 1) AS i, salary NOT IN (SELECT salary FROM emp WHERE id < 3) AS n FROM emp",
            "1|false|false\n2|true|false\n3|true|true\n4|false|false",
        ),
        (
            "SELECT id FROM emp WHERE NOT (salary IN (SELECT 120) AND id > 0)",
            "2\n3",
        ),
        (
            "SELECT id FROM emp WHERE (salary IN (SELECT 120)) IS NULL",
            "",
        ),
    ])
    .await;
}

#[tokio::test]
async fn functions_at_their_edges() {
    check_job(&[
        (
            "SELECT isnan(NULL) AS a, sqrt(-1) AS b, power(0, -1) AS c, factorial(21) AS d, CAST(1.5 AS TIMESTAMP) AS e",
            "false|NaN|inf|NULL|1970-01-01T00:00:01.500Z",
        ),
        (
            "SELECT instr('abcabc', 'b', -2) AS a, instr('abcabc', 'b', 1, 2) AS b, instr('aaaa', 'aa', 1, 2) AS c, instr('abc', 'b', 0) AS d, instr('abcabc', '', 2) AS e, instr('abcabc', 'b', -1, 2) AS f",
            "5|5|2|0|1|2",
        ),
        (
            "SELECT try_parse_url('http://a b/c', 'HOST') AS a, parse_url('http://my_host/c', 'HOST') AS b, parse_url('http://H.com?x=1', 'HOST') AS c, parse_url('http://h/?a=1&b=', 'QUERY', 'b') AS d",
            "NULL|NULL|H.com|",
        ),
        (
            "SELECT -8 >>> 1 AS a, trim(BOTH FROM ' x ') AS b, hex(X '1F') AS c",
            "2147483644|x|1F",
        ),
    ])
    .await;
    check_job_errors(&[
        (
            "SELECT parse_url('http://a b/c', 'HOST') AS a",
            "is not a URL",
        ),
        ("SELECT instr('abc', 'b', 1, 0) AS a", "a number from 1"),
        ("SELECT current_user() AS a", "DECLARE VARIABLE"),
    ])
    .await;
}

#[tokio::test]
async fn aggregates_have_an_order_each() {
    check_job(&[
        (
            "SELECT max_by(name, salary, 2) AS a, min_by(name, salary, 2) AS b FROM emp",
            "[Ann, Bob]|[Cat, Bob]",
        ),
        (
            "SELECT string_agg(name, ',') WITHIN GROUP (ORDER BY name) AS x, string_agg(name, ',') WITHIN GROUP (ORDER BY salary DESC) AS y FROM emp",
            "Ann,Bob,Cat,Dan|Ann,Bob,Cat,Dan",
        ),
        (
            "SELECT dept, listagg(name) WITHIN GROUP (ORDER BY id DESC) FILTER (WHERE id < 3) AS x FROM emp GROUP BY dept",
            "NULL|NULL\neng|BobAnn\nops|NULL",
        ),
    ])
    .await;
}

#[tokio::test]
async fn items_without_names_may_be_equal() {
    check_job(&[
        ("SELECT 1 AS a, 2 AS b UNION ALL SELECT 0, 0", "0|0\n1|2"),
        ("WITH t(a, b) AS (SELECT 5, 5) SELECT a + b AS c FROM t", "10"),
        ("SELECT b FROM (SELECT 5, 5) AS t(a, b)", "5"),
        (
            "WITH RECURSIVE t(n, f) AS (SELECT 1, 1 UNION ALL SELECT n + 1, f * (n + 1) FROM t WHERE n < 3) SELECT * FROM t",
            "1|1\n2|2\n3|6",
        ),
    ])
    .await;
}
