//! Aggregates whose values are Spark's.

use super::job::{check_job, check_job_errors};

#[tokio::test]
async fn values_of_several_extreme_rows() {
    check_job(&[
        (
            "SELECT max_by(name, salary, 2) AS a, min_by(name, salary, 2) AS b, max_by(id, salary, 9) AS c FROM emp",
            "[Ann, Bob]|[Cat, Bob]|[1, 2, 3]",
        ),
        // Ties: the least value first.
        (
            "SELECT max_by(x, y, 3) AS a, min_by(x, y, 3) AS b FROM VALUES ('a', 1), ('b', 1), ('c', 1), ('d', 1) AS t(x, y)",
            "[a, b, c]|[a, b, c]",
        ),
        (
            "SELECT max_by(x, y, 2) AS a, min_by(x, y, 2) AS b FROM VALUES ('a', 1), ('b', 2), ('c', 2), ('d', 3), ('e', NULL), (NULL, 5) AS t(x, y)",
            "[NULL, d]|[a, b]",
        ),
        (
            "SELECT max_by(x, y, 1 + 1) AS a, max_by(x, y, 2L) AS b, max_by(DISTINCT x, y, 2) AS c, max_by(x, y, 2) FILTER (WHERE x > 1) AS d FROM VALUES (1, 2), (2, 3), (2, 3) AS t(x, y)",
            "[2, 2]|[2, 2]|[2, 1]|[2, 2]",
        ),
        (
            "SELECT max_by(id, salary, 2) AS a FROM emp WHERE salary IS NULL",
            "NULL",
        ),
        (
            "SELECT id, max_by(name, salary, 2) OVER (ORDER BY id) AS a, min_by(id, id, 2) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS b FROM emp",
            "1|[Ann]|[1]\n2|[Ann, Bob]|[1, 2]\n3|[Ann, Bob]|[2, 3]\n4|[Ann, Bob]|[3, 4]",
        ),
    ])
    .await;
    check_job_errors(&[
        ("SELECT max_by(id, salary, 0) AS a FROM emp", "less than 1"),
        ("SELECT max_by(id, salary, id) AS a FROM emp", "constant"),
        (
            "SELECT max_by(id, salary, 100001) AS a FROM emp",
            "at most 100000",
        ),
    ])
    .await;
}

#[tokio::test]
async fn modes_with_an_order() {
    check_job(&[
        (
            "SELECT mode() WITHIN GROUP (ORDER BY x) AS a, mode() WITHIN GROUP (ORDER BY x DESC) AS b, mode() WITHIN GROUP (ORDER BY x DESC NULLS FIRST) AS c, mode(x, true) AS d FROM VALUES (1), (2), (2), (3), (3), (NULL), (NULL), (NULL) AS t(x)",
            "2|3|3|2",
        ),
        (
            "SELECT dept, mode() WITHIN GROUP (ORDER BY salary DESC) AS m FROM emp GROUP BY dept",
            "NULL|NULL\neng|120\nops|80",
        ),
        (
            "SELECT id, mode() WITHIN GROUP (ORDER BY salary DESC) OVER (PARTITION BY dept) AS m FROM emp",
            "1|120\n2|120\n3|80\n4|NULL",
        ),
    ])
    .await;
}

#[tokio::test]
async fn sums_and_averages_of_intervals() {
    check_job(&[
        (
            "SELECT sum(x) = INTERVAL '10' HOUR AS a, avg(x) = INTERVAL '5' HOUR AS b, sum(x) / 2 = INTERVAL '300' MINUTE AS c, TIMESTAMP'2024-01-01 00:00:00' + sum(x) AS d FROM VALUES (INTERVAL '3' HOUR), (INTERVAL '7' HOUR), (NULL) AS t(x)",
            "true|true|true|2024-01-01T10:00:00Z",
        ),
        (
            "SELECT sum(x) = INTERVAL '25' MONTH AS a, avg(x) = INTERVAL '13' MONTH AS b, DATE'2024-01-31' + sum(x) AS c FROM VALUES (INTERVAL '1-2' YEAR TO MONTH), (INTERVAL '0-11' YEAR TO MONTH), (NULL) AS t(x)",
            "true|true|2026-02-28",
        ),
        (
            "SELECT avg(x) = INTERVAL '2' MONTH AS a, avg(-x) = INTERVAL '-2' MONTH AS b, sum(x) IS NULL AS c FROM VALUES (INTERVAL '1' MONTH), (INTERVAL '2' MONTH) AS t(x)",
            "true|true|false",
        ),
        (
            "SELECT string(sum(INTERVAL '1' DAY)) AS a, string(sum(INTERVAL '90' MINUTE)) AS b, string(avg(INTERVAL '1' YEAR)) AS c, string(sum(INTERVAL '1' YEAR)) AS d, string(max(INTERVAL '1' HOUR)) AS e",
            "INTERVAL '1' DAY|INTERVAL '90' MINUTE|INTERVAL '1-0' YEAR TO MONTH|INTERVAL '1' YEAR|INTERVAL '01' HOUR",
        ),
        (
            "SELECT id, string(sum(INTERVAL '1' HOUR * id) OVER (ORDER BY id)) AS a, string(avg(INTERVAL '1' MONTH * id) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)) AS b FROM emp",
            "1|INTERVAL '0 01:00:00' DAY TO SECOND|INTERVAL '0-1' YEAR TO MONTH\n2|INTERVAL '0 03:00:00' DAY TO SECOND|INTERVAL '0-2' YEAR TO MONTH\n3|INTERVAL '0 06:00:00' DAY TO SECOND|INTERVAL '0-3' YEAR TO MONTH\n4|INTERVAL '0 10:00:00' DAY TO SECOND|INTERVAL '0-4' YEAR TO MONTH",
        ),
        (
            "SELECT dept, sum(INTERVAL '1' DAY * id) = INTERVAL '3' DAY AS a FROM emp GROUP BY dept",
            "NULL|false\neng|true\nops|true",
        ),
    ])
    .await;
    check_job_errors(&[
        (
            "SELECT sum(x) AS a FROM VALUES (INTERVAL '106751991' DAY), (INTERVAL '106751991' DAY) AS t(x)",
            "INTERVAL_ARITHMETIC_OVERFLOW",
        ),
    ])
    .await;
}

#[tokio::test]
async fn histograms() {
    check_job(&[
        (
            "SELECT histogram_numeric(x, 3) AS a, histogram_numeric(x, 2 + 3) AS b FROM VALUES (0), (1), (2), (10), (NULL) AS t(x)",
            "[{x: 0, y: 1.0}, {x: 1, y: 2.0}, {x: 10, y: 1.0}]|[{x: 0, y: 1.0}, {x: 1, y: 1.0}, {x: 2, y: 1.0}, {x: 10, y: 1.0}]",
        ),
        (
            "SELECT histogram_numeric(x, 2) AS a FROM VALUES (DATE'2024-01-01'), (DATE'2024-01-05'), (DATE'2024-02-01') AS t(x)",
            "[{x: 2024-01-03, y: 2.0}, {x: 2024-02-01, y: 1.0}]",
        ),
        (
            "SELECT histogram_numeric(x, 2) AS a FROM VALUES (1.00), (3.50), (7.00) AS t(x)",
            "[{x: 2.25, y: 2.0}, {x: 7.00, y: 1.0}]",
        ),
        (
            "SELECT histogram_numeric(x, 2) AS a FROM VALUES ('1'), ('2'), ('3') AS t(x)",
            "[{x: 1.0, y: 1.0}, {x: 2.5, y: 2.0}]",
        ),
        (
            "SELECT histogram_numeric(x, 2)[0].x AS a FROM VALUES (TIMESTAMP'2024-01-01 00:00:00'), (TIMESTAMP'2024-01-01 00:00:03'), (TIMESTAMP'2024-02-01 00:00:00') AS t(x)",
            "2024-01-01T00:00:01.500Z",
        ),
        (
            "SELECT histogram_numeric(salary, 2) AS a FROM emp WHERE id > 3",
            "NULL",
        ),
    ])
    .await;
    check_job_errors(&[
        (
            "SELECT histogram_numeric(id, 1) AS a FROM emp",
            "less than 2",
        ),
        (
            "SELECT histogram_numeric(name = 'x', 2) AS a FROM emp",
            "not defined",
        ),
    ])
    .await;
}

#[tokio::test]
async fn places_are_constants() {
    check_job(&[
        (
            "SELECT round(1.25, 1L) AS a, bround(1.25, 1L) AS b, round(1.256, 1 + 1) AS c, round(15, -1L) AS d, round(1.25, '1') AS e, ceil(1.256, 1 + 1) AS f, floor(-1.234, 2) AS g, ceil(1234, -2) AS h, floor(-1.5D) AS i, ceiling(1.1) AS j",
            "1.3|1.2|1.26|20|1.3|1.26|-1.24|1300|-2|2",
        ),
    ])
    .await;
    check_job_errors(&[("SELECT round(1.25, id) AS a FROM emp", "literal")]).await;
}

#[tokio::test]
async fn times_without_a_date_are_todays() {
    check_job(&[
        (
            "SELECT date_format(CAST('12:00' AS TIMESTAMP), 'HH:mm') AS a, to_date(TRY_CAST('T01:00' AS TIMESTAMP)) = current_date() AS b, hour('12:30:00') AS c, minute('12:30') AS d, date_format('07:08:09', 'HH') AS e, date_trunc('hour', '12:34') = to_timestamp('12:00') AS f",
            "12:00|true|12|30|07|true",
        ),
        (
            "SELECT x, date_format(TRY_CAST(x AS TIMESTAMP), 'HH:mm:ss') AS a, try_to_timestamp(x) IS NULL AS b FROM VALUES ('12:00'), ('T3:04:05'), ('9'), ('24:00') AS t(x)",
            "12:00|12:00:00|false\n24:00|NULL|true\n9|NULL|true\nT3:04:05|03:04:05|false",
        ),
        (
            "SELECT TRY_CAST('12:00' AS TIMESTAMP_NTZ) AS a, TRY_CAST('12:00' AS DATE) AS b, TRY_CAST(' T12' AS TIMESTAMP) AS c, from_json('{\"t\":\"12:00\"}', 't TIMESTAMP').t IS NULL AS d",
            "NULL|NULL|NULL|false",
        ),
    ])
    .await;
}
