//! The session's time zone, in Berlin. The values are Spark's.

use super::job::{check_job_errors, run_job};

async fn check_in_berlin(cases: &[(&str, &str)]) {
    for setting in [
        "SET spark.sql.session.timeZone = 'Europe/Berlin'",
        "SET TIME ZONE 'Europe/Berlin'",
    ] {
        for (query, expected) in cases {
            let rows = run_job(&format!("{setting};\n{query}")).await;
            let rows = rows.map(|(_, rows)| rows);
            assert_eq!(rows, Ok(vec![(*expected).to_owned()]), "{query}");
        }
    }
}

#[tokio::test]
async fn casts_and_parts_are_those_of_the_zone() {
    check_in_berlin(&[
        (
            "SELECT CAST('2024-01-15 10:00:00' AS TIMESTAMP) AS a, TIMESTAMP'2024-07-15 10:00:00' AS b, CAST(TIMESTAMP'2024-01-15 23:30:00Z' AS DATE) AS c, string(TIMESTAMP'2024-01-15 23:30:00Z') AS d",
            "2024-01-15T09:00:00Z|2024-07-15T08:00:00Z|2024-01-16|2024-01-16 00:30:00",
        ),
        (
            "SELECT hour(TIMESTAMP'2024-07-15 23:30:00Z') AS a, date_trunc('DAY', TIMESTAMP'2024-07-15 23:30:00Z') AS b, date_format(TIMESTAMP'2024-07-15 23:30:00Z', 'HH:mm XXX VV') AS c, unix_timestamp('2024-07-15 10:00:00') AS d",
            "1|2024-07-15T22:00:00Z|01:30 +02:00 Europe/Berlin|1721030400",
        ),
        (
            "SELECT to_timestamp('15/07/2024 10:00', 'dd/MM/yyyy HH:mm') AS a, from_unixtime(0) AS b, current_timezone() AS c, string(convert_timezone('UTC', TIMESTAMP_NTZ'2024-07-15 10:00:00')) AS d",
            "2024-07-15T08:00:00Z|1970-01-01 01:00:00|Europe/Berlin|2024-07-15 08:00:00",
        ),
        // Times that the clocks skip and show twice.
        (
            "SELECT CAST('2024-03-31 02:30:00' AS TIMESTAMP) AS a, CAST('2024-10-27 02:30:00' AS TIMESTAMP) AS b",
            "2024-03-31T01:30:00Z|2024-10-27T00:30:00Z",
        ),
    ])
    .await;
}

#[tokio::test]
async fn days_and_months_are_counted_on_the_clock() {
    check_in_berlin(&[
        (
            "SELECT TIMESTAMP'2024-02-15 12:00:00' + INTERVAL 2 MONTHS AS a, TIMESTAMP'2024-03-30 12:00:00' + INTERVAL 1 DAY AS b, TIMESTAMP'2024-03-30 12:00:00' + INTERVAL 25 HOURS AS c",
            "2024-04-15T10:00:00Z|2024-03-31T10:00:00Z|2024-03-31T11:00:00Z",
        ),
        (
            "SELECT string(TIMESTAMP'2024-03-31 12:00:00' - TIMESTAMP'2024-03-30 12:00:00') AS a, timestampdiff(HOUR, TIMESTAMP'2024-03-30 12:00:00', TIMESTAMP'2024-03-31 12:00:00') AS b",
            "INTERVAL '1 00:00:00' DAY TO SECOND|24",
        ),
        (
            "SELECT DATE'2024-07-15' = TIMESTAMP'2024-07-15 00:00:00' AS a, coalesce(NULL, DATE'2024-07-15', TIMESTAMP'2024-07-15 10:00:00') AS b, if(true, DATE'2024-07-15', now()) AS c",
            "true|2024-07-14T22:00:00Z|2024-07-14T22:00:00Z",
        ),
    ])
    .await;
    check_job_errors(&[(
        "SET TIME ZONE 'Europe/Berlin';\nSELECT sum(a) OVER (ORDER BY ts RANGE BETWEEN INTERVAL 1 DAY PRECEDING AND CURRENT ROW) AS s FROM VALUES (1, TIMESTAMP'2024-01-01 00:00:00') AS t(a, ts)",
        "RANGE of days",
    )])
    .await;
}
