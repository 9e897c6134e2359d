//! Intervals: their text, numbers, multiples and comparisons. The values are Spark's.

use super::job::{check_job, check_job_errors};

#[tokio::test]
async fn texts_of_intervals_have_their_units() {
    check_job(&[
        (
            "SELECT CAST(INTERVAL '1' DAY AS STRING) AS a, CAST(INTERVAL '14' MONTH AS STRING) AS b, CAST(INTERVAL 90 MINUTE AS STRING) AS c",
            "INTERVAL '1' DAY|INTERVAL '14' MONTH|INTERVAL '90' MINUTE",
        ),
        (
            "SELECT CAST(-INTERVAL '2-3' YEAR TO MONTH AS STRING) AS a, string(INTERVAL 1 DAY 2 HOURS) AS b",
            "INTERVAL '-2-3' YEAR TO MONTH|INTERVAL '1 02' DAY TO HOUR",
        ),
        (
            "SELECT CAST(INTERVAL 1 DAY * 3 AS STRING) AS a, CAST(INTERVAL 10 MONTHS / 4 AS STRING) AS b, CAST(INTERVAL '1' DAY + INTERVAL '2' HOUR AS STRING) AS c",
            "INTERVAL '3 00:00:00' DAY TO SECOND|INTERVAL '0-3' YEAR TO MONTH|INTERVAL '1 02' DAY TO HOUR",
        ),
        (
            "SELECT CAST(make_ym_interval(1, 2) AS STRING) AS a, CAST(make_interval(1, 2, 0, 0, 0, 0, 7.5) AS STRING) AS b, CAST(make_dt_interval(0, 1, 2, 3) AS STRING) AS c",
            "INTERVAL '1-2' YEAR TO MONTH|1 years 2 months 7.5 seconds|INTERVAL '0 01:02:03' DAY TO SECOND",
        ),
    ])
    .await;
}

#[tokio::test]
async fn intervals_are_counted_and_compared() {
    check_job(&[
        (
            "SELECT CAST(DATE'2024-03-01' - DATE'2024-01-01' AS INT) AS a, CAST(INTERVAL '5' DAY AS INT) AS b, CAST(TIMESTAMP'2024-01-02 03:00:00' - TIMESTAMP'2024-01-01 00:00:00' AS BIGINT) AS c",
            "60|5|97200",
        ),
        (
            "SELECT DATE'2024-01-04' - DATE'2024-01-01' = INTERVAL 3 DAYS AS a, INTERVAL 1 DAY = INTERVAL 24 HOURS AS b, INTERVAL 1 YEAR > INTERVAL 11 MONTHS AS c, INTERVAL '1' DAY < INTERVAL '25' HOUR AS d",
            "true|true|true|true",
        ),
        (
            "SELECT TIMESTAMP'2024-01-01 00:00:00' + 2 * INTERVAL '1' HOUR AS a, DATE'2024-01-01' + INTERVAL 1 MONTH * 3 AS b, TIMESTAMP'2024-05-01 00:00:00' - INTERVAL '2-1' YEAR TO MONTH AS c",
            "2024-01-01T02:00:00Z|2024-04-01|2022-04-01T00:00:00Z",
        ),
        (
            "SELECT TIMESTAMP'2024-01-01 00:00:00' + salary / 20 * INTERVAL 1 DAY AS a FROM emp WHERE id = 1",
            "2024-01-07T00:00:00Z",
        ),
    ])
    .await;
    check_job_errors(&[(
        "SELECT TIMESTAMP'2024-01-01 00:00:00' + INTERVAL 1 DAY / (salary - 120) AS a FROM emp WHERE id = 1",
        "divided by zero",
    )])
    .await;
}
