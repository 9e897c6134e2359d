//! Queries that once gave other rows than Spark, or none. The values are Spark's.

use super::job::{check_job, check_job_errors};

#[tokio::test]
async fn intervals_of_the_same_length_are_equal() {
    const INTERVALS: &str = "VALUES ('b', INTERVAL '30' HOUR), ('a', INTERVAL '1' DAY), ('c', INTERVAL '2' DAY), ('d', INTERVAL '24' HOUR) AS t(k, x)";
    check_job(&[
        (
            "SELECT INTERVAL '1' DAY IN (INTERVAL '24' HOUR) AS a, INTERVAL '1' DAY BETWEEN INTERVAL '23' HOUR AND INTERVAL '25' HOUR AS b, CASE INTERVAL '1' DAY WHEN INTERVAL '24' HOUR THEN 1 ELSE 0 END AS c, nullif(INTERVAL '1' DAY, INTERVAL '24' HOUR) IS NULL AS d, greatest(INTERVAL '1' DAY, INTERVAL '30' HOUR) = INTERVAL '30' HOUR AS e",
            "true|true|1|true|true",
        ),
        (
            &format!("SELECT count(*) AS n FROM (SELECT x FROM {INTERVALS} GROUP BY x)"),
            "3",
        ),
        (
            &format!("SELECT count(DISTINCT x) AS n, max(x) = INTERVAL '2' DAY AS m, min(x) = INTERVAL '1' DAY AS l FROM {INTERVALS}"),
            "3|true|true",
        ),
        (
            &format!("SELECT count(*) AS n FROM (SELECT DISTINCT x FROM {INTERVALS})"),
            "3",
        ),
        (
            &format!("SELECT k FROM {INTERVALS} ORDER BY x DESC LIMIT 2"),
            "b\nc",
        ),
        (
            &format!("SELECT k, rank() OVER (ORDER BY x) AS r FROM {INTERVALS}"),
            "a|1\nb|3\nc|4\nd|1",
        ),
        (
            "SELECT a.k, b.k AS l FROM VALUES ('a', INTERVAL '1' DAY) AS a(k, x) JOIN VALUES ('b', INTERVAL '24' HOUR) AS b(k, x) ON a.x = b.x",
            "a|b",
        ),
    ])
    .await;
}

#[tokio::test]
async fn differences_of_times_are_compared_with_intervals() {
    const TIMES: &str = "VALUES (1, DATE'2024-02-29', DATE'2024-01-31'), (2, DATE'2023-12-31', DATE'2022-03-15'), (3, DATE'2024-07-14', DATE'2024-07-07') AS t(id, d, e)";
    check_job(&[
        (
            &format!("SELECT id FROM {TIMES} WHERE d - e BETWEEN INTERVAL '-100' DAY AND INTERVAL '100' DAY"),
            "1\n3",
        ),
        (
            &format!("SELECT id FROM {TIMES} WHERE d - e IN (INTERVAL '7' DAY, INTERVAL '29' DAY)"),
            "1\n3",
        ),
        (
            &format!("SELECT id, rank() OVER (ORDER BY d - e) AS r FROM {TIMES}"),
            "1|2\n2|3\n3|1",
        ),
        (
            "SELECT DATE'2024-01-10' - '2024-01-01' = INTERVAL '9' DAY AS a, string('2024-01-10' - DATE'2024-01-01') AS b, CAST(DATE'2024-02-29' - '2024-01-01' AS INT) AS c, TIMESTAMP'2024-01-10 00:00:00' - '2024-01-01' = INTERVAL '9' DAY AS d",
            "true|INTERVAL '9' DAY|59|true",
        ),
    ])
    .await;
}

#[tokio::test]
async fn digits_of_ceil_and_floor() {
    check_job(&[
        (
            "SELECT ceil(x, 2) AS a, floor(x, 2) AS b, ceil(x, -1) AS c, typeof(ceil(x, 2)) AS d, typeof(floor(x, 0)) AS e FROM VALUES (1.125D), (-1.125D), (NULL) AS t(x)",
            "1.13|1.12|10|decimal(18,2)|decimal(16,0)\n-1.12|-1.13|0|decimal(18,2)|decimal(16,0)\nNULL|NULL|NULL|decimal(18,2)|decimal(16,0)",
        ),
        (
            "SELECT floor(CAST(1.26 AS FLOAT), 1) AS a, ceil(15, -1) AS b, floor(-15, -1) AS c, typeof(ceil(15, 1)) AS d, typeof(ceil(1L, -1)) AS e, ceil('1.55', 1) AS f, ceil(CAST('NaN' AS DOUBLE), 1) AS g, ceil(1.5D) AS h",
            "1.2|20|-20|decimal(11,0)|decimal(21,0)|1.6|NULL|2",
        ),
    ])
    .await;
    check_job_errors(&[("SELECT ceil(1e20D, 2) AS a", "DECIMAL(30,15)")]).await;
}

#[tokio::test]
async fn positive_remainders() {
    check_job(&[
        (
            "SELECT pmod(-7, 3) AS a, pmod(7, -3) AS b, pmod(-7, -3) AS c, pmod(-7.5, 2) AS d, pmod(7.5D, -2) AS e, pmod(-5Y, 3Y) AS f, pmod(NULL, 2) AS g, typeof(pmod(1.5, 2)) AS h, try_mod(5, 0) AS i",
            "2|1|-1|0.5|1.5|1|NULL|decimal(2,1)|NULL",
        ),
    ])
    .await;
    check_job_errors(&[
        ("SELECT pmod(5, 0) AS a", "try_mod"),
        ("SELECT pmod(id, id - id) AS a FROM emp", "try_mod"),
        ("SELECT pmod(5.5, 0) AS a", "try_mod"),
        ("SELECT pmod(5D, 0D) AS a", "try_mod"),
    ])
    .await;
}

#[tokio::test]
async fn whole_numbers_next_to_decimals_have_their_digits() {
    check_job(&[(
        "SELECT typeof(1L + 1.5) AS a, typeof(1L * 2.5) AS b, 5L / 3.0 AS c, typeof(5L / 2.0) AS d, typeof(try_add(1, 2.5)) AS e, try_divide(10, 3.0) AS f, typeof(try_multiply(2, 1.5)) AS g, typeof(mod(10, 3.5)) AS h",
        "decimal(3,1)|decimal(4,1)|1.666667|decimal(8,6)|decimal(3,1)|3.333333|decimal(4,1)|decimal(2,1)",
    )])
    .await;
}

#[tokio::test]
async fn clocks_that_are_put_back() {
    check_job(&[
        (
            "SET TIME ZONE 'America/New_York';\nSELECT date_trunc('hour', x) AS h, date_trunc('day', x) AS d, date_trunc('minute', x) AS m FROM (SELECT timestamp_seconds(1730611800 + id * 3600) AS x FROM range(3))",
            "2024-11-03T05:00:00Z|2024-11-03T04:00:00Z|2024-11-03T05:30:00Z\n2024-11-03T06:00:00Z|2024-11-03T04:00:00Z|2024-11-03T06:30:00Z\n2024-11-03T07:00:00Z|2024-11-03T04:00:00Z|2024-11-03T07:30:00Z",
        ),
        (
            "SET TIME ZONE 'America/New_York';\nSELECT sequence(TIMESTAMP'2024-03-10 00:00:00', TIMESTAMP'2024-03-10 05:00:00', INTERVAL '1' HOUR) AS a",
            "[2024-03-10T05:00:00Z, 2024-03-10T06:00:00Z, 2024-03-10T07:00:00Z, 2024-03-10T08:00:00Z, 2024-03-10T09:00:00Z]",
        ),
        (
            "SET TIME ZONE 'America/New_York';\nSELECT sequence(TIMESTAMP'2024-03-09 12:00:00', TIMESTAMP'2024-03-12 12:00:00', INTERVAL '36' HOUR) AS a, sequence(TIMESTAMP'2024-03-10 04:00:00', TIMESTAMP'2024-03-10 00:00:00', INTERVAL '-90' MINUTE) AS b",
            "[2024-03-09T17:00:00Z, 2024-03-11T04:00:00Z, 2024-03-12T16:00:00Z]|[2024-03-10T08:00:00Z, 2024-03-10T06:30:00Z, 2024-03-10T05:00:00Z]",
        ),
        (
            "SELECT sequence(DATE'2024-03-09', DATE'2024-03-12', INTERVAL '36' HOUR) AS a",
            "[2024-03-09, 2024-03-10, 2024-03-12]",
        ),
    ])
    .await;
    check_job_errors(&[(
        "SELECT sequence(DATE'2024-03-09', DATE'2024-03-11', INTERVAL '12' HOUR) AS a",
        "a day or more",
    )])
    .await;
}

#[tokio::test]
async fn quotes_in_lines_of_csv() {
    check_job(&[(
        r#"SELECT from_csv('"a ""b"" c",2', 'x STRING, y INT').x AS a, from_csv('1,""', 'a INT, b STRING').b AS b, from_csv('"a"b,2', 'x STRING, y INT').x AS c, from_csv('"a" ,2', 'x STRING, y INT').x AS d, from_csv('"a\\nb",2', 'x STRING, y INT').x AS e, from_csv('"a""",2', 'x STRING, y INT').x AS f"#,
        r#""a ""b"" c"|NULL|"a"b|a|a\nb|a"""#,
    )])
    .await;
}

#[tokio::test]
async fn casts_tell_aggregates_and_groups_apart() {
    check_job(&[
        (
            "SELECT count(DISTINCT salary) AS a, count(DISTINCT CAST(salary AS STRING)) AS b, max(id) AS c, max(CAST(id AS STRING)) AS d, sum(id) AS e, sum(id::DOUBLE) AS f FROM emp",
            "3|3|4|4|10|10.0",
        ),
        (
            "SELECT CAST(id AS STRING) AS s, CAST(id AS DOUBLE) AS d, id, count(*) AS n FROM emp WHERE id < 3 GROUP BY CAST(id AS STRING), CAST(id AS DOUBLE), id ORDER BY CAST(id AS DOUBLE)",
            "1|1.0|1|1\n2|2.0|2|1",
        ),
        (
            "SELECT CAST(salary AS STRING) AS s, salary, count(*) AS n FROM emp GROUP BY ALL HAVING sum(CAST(id AS DOUBLE)) > 0 AND sum(id) < 3",
            "100|100|1\n120|120|1",
        ),
        (
            "SELECT CAST(id AS STRING), id AS i, count(*) AS n FROM emp WHERE id = 1 GROUP BY 1, 2",
            "1|1|1",
        ),
        (
            "SELECT id, sum(salary) OVER (ORDER BY id) AS a, sum(CAST(salary AS DOUBLE)) OVER (ORDER BY id) AS b FROM emp WHERE id < 3",
            "1|120|120.0\n2|220|220.0",
        ),
    ])
    .await;
}

#[tokio::test]
async fn frames_without_rows() {
    check_job(&[(
        "SELECT id, collect_list(id) OVER (ORDER BY id ROWS BETWEEN 2 PRECEDING AND 1 PRECEDING) AS a, collect_set(id) OVER (ORDER BY id ROWS BETWEEN 1 FOLLOWING AND 2 FOLLOWING) AS b, count(id) OVER (ORDER BY id ROWS BETWEEN 2 PRECEDING AND 1 PRECEDING) AS c FROM emp WHERE id < 4",
        "1|[]|[2, 3]|0\n2|[1]|[3]|1\n3|[1, 2]|[]|2",
    )])
    .await;
}

#[tokio::test]
async fn whole_numbers_in_nested_values() {
    check_job(&[
        (
            "SELECT typeof(a) AS t, typeof(m) AS u, typeof(s) AS v, aggregate(a, 0, (x, y) -> x + y) AS w FROM VALUES (array(1, 2), map('a', 1), named_struct('x', 1)) AS t(a, m, s)",
            "array<int>|map<string,int>|struct<x:int>|3",
        ),
        (
            "SELECT aggregate(map_values(map('a', 1, 'b', 2)), 0, (x, y) -> x + y) AS a, transform(flatten(array(array(1), array(2))), x -> x + 1) AS b",
            "3|[2, 3]",
        ),
    ])
    .await;
}

#[tokio::test]
async fn joins_and_percentiles_in_other_forms() {
    check_job(&[
        (
            "SELECT e.id, o.n FROM emp e LEFT JOIN LATERAL (SELECT count(*) AS n FROM dept d WHERE d.dept = e.dept) o",
            "1|1\n2|1\n3|0\n4|0",
        ),
        (
            "SELECT count(*) AS n FROM emp a LEFT JOIN dept b",
            "8",
        ),
        (
            "SELECT id, percentile_cont(0.5) WITHIN GROUP (ORDER BY salary) OVER (PARTITION BY dept) AS c, percentile_disc(0.5) WITHIN GROUP (ORDER BY salary) OVER (PARTITION BY dept) AS d FROM emp",
            "1|110.0|100.0\n2|110.0|100.0\n3|80.0|80.0\n4|NULL|NULL",
        ),
        (
            "SELECT CAST(CAST('NaN' AS DOUBLE) AS DECIMAL(10,2)) AS a, TRY_CAST(CAST('Infinity' AS DOUBLE) AS DECIMAL(10,2)) AS b",
            "NULL|NULL",
        ),
    ])
    .await;
}

#[tokio::test]
async fn values_in_json_that_do_not_fit() {
    check_job(&[
        (
            "SELECT from_json(x, 'e ARRAY<INT>, f INT') AS a FROM VALUES ('{\"e\":[1,\"x\",3],\"f\":2}'), ('{\"e\":[1,null],\"f\":2}') AS t(x)",
            "{e: NULL, f: 2}\n{e: [1, NULL], f: 2}",
        ),
        (
            "SELECT from_json('{\"e\":[{\"g\":1},{\"g\":\"x\"}]}', 'e ARRAY<STRUCT<g: INT>>') AS a, from_json('{\"m\":{\"a\":1,\"b\":\"x\"},\"f\":2}', 'm MAP<STRING, INT>, f INT') AS b, from_json('[[1],[\"x\"]]', 'ARRAY<ARRAY<INT>>') IS NULL AS c, from_json('{\"e\":[{\"g\":[1,\"x\"]},{\"g\":[2]}]}', 'e ARRAY<STRUCT<g: ARRAY<INT>>>') AS d",
            "{e: [{g: 1}, {g: NULL}]}|{m: NULL, f: 2}|true|{e: [{g: NULL}, {g: [2]}]}",
        ),
    ])
    .await;
}

#[tokio::test]
async fn seconds_before_1970_and_title_case() {
    check_job(&[
        (
            "SELECT unix_timestamp(TIMESTAMP'1969-12-31 23:59:59.5') AS a, unix_seconds(TIMESTAMP'1969-12-31 23:59:59.5') AS b, unix_timestamp('1969-12-31 23:59:58.5', 'yyyy-MM-dd HH:mm:ss.S') AS c",
            "0|-1|-1",
        ),
        (
            "SELECT initcap('ßa ﬁb ŉc ǆd straße éa x1y') AS a",
            "Ssa Fib ʼNc ǅd Straße Éa X1y",
        ),
        ("SELECT format_string('%.2f|%e|%%g', 0.5D, 0.5D) AS a", "0.50|5.000000e-01|%g"),
    ])
    .await;
    check_job_errors(&[("SELECT format_string('%10.3g', 0.5D) AS a", "%g")]).await;
}

#[tokio::test]
async fn dates_plus_intervals_with_hours_are_timestamps() {
    check_job(&[
        (
            "SELECT DATE'2024-01-01' + (INTERVAL '1' DAY + INTERVAL '2' HOUR) AS a, DATE'2024-01-01' - INTERVAL '2' HOUR AS b, DATE'2024-01-01' + INTERVAL '1' DAY / 2 AS c, DATE'2024-01-01' + -INTERVAL '2' HOUR AS d",
            "2024-01-02T02:00:00Z|2023-12-31T22:00:00Z|2024-01-01T12:00:00Z|2023-12-31T22:00:00Z",
        ),
        (
            "SELECT DATE'2024-01-01' + if(id > 1, INTERVAL '1' HOUR, INTERVAL '2' HOUR) AS a, DATE'2024-01-01' + CASE WHEN id > 1 THEN INTERVAL '1' DAY ELSE INTERVAL '2' DAY END AS b FROM emp WHERE id < 3",
            "2024-01-01T01:00:00Z|2024-01-02\n2024-01-01T02:00:00Z|2024-01-03",
        ),
        (
            "SELECT DATE'2024-01-01' + x AS a FROM VALUES (INTERVAL '3' DAY), (INTERVAL '3' MONTH) AS t(x)",
            "2024-01-04\n2024-04-01",
        ),
        (
            "SELECT DATE'2024-01-01' + (DATE'2024-02-29' - DATE'2024-01-31') AS a, DATE'2024-01-01' + (TIMESTAMP'2024-01-02 12:00:00' - TIMESTAMP'2024-01-01 00:00:00') AS b, DATE'2024-01-01' + sum(INTERVAL '1' HOUR) AS c",
            "2024-01-30|2024-01-02T12:00:00Z|2024-01-01T01:00:00Z",
        ),
    ])
    .await;
    check_job_errors(&[
        (
            "SELECT DATE'2024-01-01' + x AS a FROM VALUES (INTERVAL '3' HOUR) AS t(x)",
            "CAST(day AS TIMESTAMP)",
        ),
        (
            "SELECT DATE'2024-01-01' + make_interval(0, 1, 0, 2, 5) AS a",
            "CAST(day AS TIMESTAMP)",
        ),
    ])
    .await;
}
