//! Floats that are equal are one key.

use super::session::check;

/// `d` has 0.0, -0.0 and two NaN of different bits.
#[tokio::test]
async fn zeros_are_one_key_and_nan_is_another() {
    check(&[
        ("SELECT d, count(*) FROM t GROUP BY d", "0.0|2\nNaN|2"),
        ("SELECT DISTINCT d FROM t", "0.0\nNaN"),
        ("SELECT count(DISTINCT d), count(DISTINCT i) FROM t", "2|3"),
        ("SELECT count(*) FROM t a JOIN t b ON a.d = b.d", "8"),
        ("SELECT count(*) FROM t a JOIN t b USING (d)", "8"),
        ("SELECT count(*) FROM t WHERE d IN (SELECT CAST(0 AS DOUBLE) AS z FROM t) OR d = 0", "2"),
        ("SELECT count(*) FROM t WHERE i IN (SELECT CAST(0 AS INT) FROM t) OR i = 0", "0"),
        ("SELECT count(*) FROM t WHERE d IN (SELECT -d FROM t)", "4"),
        ("SELECT d FROM t UNION SELECT -d FROM t", "0.0\nNaN"),
        ("SELECT d FROM t INTERSECT SELECT -d FROM t", "0.0\nNaN"),
        ("SELECT d FROM t EXCEPT SELECT -d FROM t", ""),
        ("SELECT count(*) OVER (PARTITION BY d) FROM t", "2\n2\n2\n2"),
        ("SELECT rank() OVER (ORDER BY d) FROM t", "1\n1\n3\n3"),
        ("SELECT d = -0.0, d > CAST('1e300' AS DOUBLE) FROM t", "true|false\ntrue|false\nfalse|true\nfalse|true"),
        ("SELECT d, j = 0, count(*) FROM t GROUP BY GROUPING SETS ((d), (j = 0))", "0.0|NULL|2\nNaN|NULL|2\nNULL|false|2\nNULL|true|2"),
        ("SELECT count(nullif(d, CAST(0 AS DOUBLE))), count(nullif(d, d)) FROM t", "2|0"),
        ("SELECT CASE d WHEN 0 THEN 'zero' ELSE 'other' END FROM t", "zero\nzero\nother\nother"),
        ("SELECT count(*) FROM (SELECT d FROM t QUALIFY row_number() OVER (PARTITION BY d ORDER BY i) = 1)", "2"),
        ("SELECT count(*) FROM (SELECT named_struct('d', d) AS x FROM t GROUP BY x)", "2"),
    ])
    .await;
}
