//! Casts: what fits, what is rounded, and what is an error.

use super::session::{check, check_errors};

#[tokio::test]
async fn casts_convert_as_spark_does() {
    check(&[
        (
            "SELECT CAST(' 13 ' AS INT), CAST('-1e3' AS DOUBLE), CAST('yes' AS BOOLEAN)",
            "13|-1000.0|true",
        ),
        (
            "SELECT CAST('2.345' AS DECIMAL(10,2)), CAST(CAST(2.345 AS DOUBLE) AS DECIMAL(10,2))",
            "2.35|2.35",
        ),
        (
            "SELECT CAST(CAST(3.99 AS DOUBLE) AS INT), CAST(-3.99 AS INT)",
            "3|-3",
        ),
        (
            "SELECT CAST(CAST('1e7' AS DOUBLE) AS STRING), CAST(CAST('0.1' AS FLOAT) AS STRING)",
            "1.0E7|0.1",
        ),
        (
            "SELECT CAST(true AS INT), CAST(true AS DECIMAL(3,1)) AS b, CAST(0 AS BOOLEAN)",
            "1|1.0|false",
        ),
        (
            "SELECT TRY_CAST('x' AS INT), TRY_CAST('300' AS TINYINT), TRY_CAST(s AS INT) FROM t",
            "NULL|NULL|5\nNULL|NULL|NULL\nNULL|NULL|7\nNULL|NULL|NULL",
        ),
        (
            "SELECT int('5') + 1, double(1), string(1.5), boolean('no')",
            "6|1.0|1.5|false",
        ),
        ("SELECT CAST(make_array(1, NULL) AS STRING)", "[1, null]"),
        (
            "SELECT CAST('2024-1-5' AS DATE), CAST(' 2024-01 ' AS DATE), \
             CAST('2024-01-05T10:11:12.5+02:00' AS TIMESTAMP) AS c",
            "2024-01-05|2024-01-01|2024-01-05T10:11:12.500",
        ),
        (
            "SELECT TRY_CAST('20240105' AS DATE), TRY_CAST('2024-01-05 24:00:00' AS TIMESTAMP) AS b",
            "NULL|NULL",
        ),
        (
            "SELECT CAST(make_array('1', ' 2 ', NULL) AS ARRAY<INT>), \
             TRY_CAST(make_array('1', 'x') AS ARRAY<INT>) AS b",
            "[1, 2, NULL]|[1, NULL]",
        ),
        (
            "SELECT CAST(CAST('2024-03-01' AS DATE) - CAST('2024-01-15' AS DATE) AS STRING)",
            "INTERVAL '46' DAY",
        ),
    ])
    .await;
}

#[tokio::test]
async fn what_does_not_fit_is_an_error() {
    check_errors(&[
        (
            "SELECT CAST(s AS INT) FROM t",
            "[CAST_INVALID_INPUT] the text 'x' cannot be cast to INT",
        ),
        ("SELECT CAST('3.99' AS INT)", "[CAST_INVALID_INPUT]"),
        (
            "SELECT CAST('2024/01/05' AS DATE)",
            "[CAST_INVALID_INPUT] the text '2024/01/05' cannot be cast to DATE",
        ),
        (
            "SELECT CAST(make_array('1', 'x') AS ARRAY<INT>)",
            "[CAST_INVALID_INPUT] the text 'x' cannot be cast to INT",
        ),
        (
            "SELECT CAST(i AS DATE) FROM t",
            "INT cannot be cast to DATE; write date_from_unix_date(days)",
        ),
        (
            "SELECT CAST(CAST('2024-01-05' AS DATE) AS INT)",
            "DATE cannot be cast to INT; write unix_date(day)",
        ),
        (
            "SELECT CAST(b AS INT) FROM t",
            "[CAST_OVERFLOW] the value 9223372036854775807 of the type BIGINT does not fit INT",
        ),
        (
            "SELECT CAST(d AS INT) FROM t",
            "[CAST_OVERFLOW] the value NaN of the type DOUBLE",
        ),
        (
            "SELECT CAST(CAST('1e20' AS DOUBLE) AS INT)",
            "[CAST_OVERFLOW] the value 1.0E20",
        ),
        (
            "SELECT CAST(m AS DECIMAL(5,2)) FROM t",
            "does not fit DECIMAL(5,2)",
        ),
        (
            "SELECT CAST('maybe' AS BOOLEAN)",
            "cannot be cast to BOOLEAN",
        ),
    ])
    .await;
}
