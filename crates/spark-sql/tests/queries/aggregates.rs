//! Aggregates: types, overflow, NULL, frames.

use super::session::{check, check_errors, run};

#[tokio::test]
async fn sums_and_averages_have_the_types_of_spark() {
    check(&[
        ("SELECT sum(i), avg(i), arrow_typeof(sum(i)) FROM t", "2147483647|715827882.3333334|Int64"),
        ("SELECT avg(m), arrow_typeof(avg(m)), arrow_typeof(sum(m)) FROM t WHERE i IN (7, 2147483647)", "0.995000|Decimal128(14, 6)|Decimal128(20, 2)"),
        ("SELECT avg(x) FROM (VALUES (1.00), (1.00), (0.00)) v(x)", "0.666667"),
        ("SELECT sum(x), avg(x) FROM (VALUES ('1'), ('2.5'), (NULL)) v(x)", "3.5|1.75"),
        ("SELECT sum(i), avg(i), max(s), count(*) FROM t WHERE i = 99", "NULL|NULL|NULL|0"),
        ("SELECT sum(DISTINCT i), sum(DISTINCT j), count(DISTINCT b) FROM t", "2147483647|5|3"),
        ("SELECT arrow_typeof(a), a, b FROM (SELECT sum(m) AS a, count(DISTINCT j) AS b FROM t WHERE i < 0)", "Decimal128(20, 2)|99999999.99|1"),
        ("SELECT j, sum(m), avg(m) FROM t GROUP BY j", "2|2.00|2.000000\n0|-0.01|-0.010000\n3|99999999.99|99999999.990000"),
    ])
    .await;
}

#[tokio::test]
async fn sums_that_overflow_are_errors() {
    check_errors(&[
        ("SELECT sum(b) FROM (SELECT b FROM t UNION ALL SELECT b FROM t)", "[ARITHMETIC_OVERFLOW] the sum of the values does not fit BIGINT"),
        ("SELECT j > 0, sum(b) FROM (SELECT j, b FROM t UNION ALL SELECT j, b FROM t) GROUP BY 1", "[ARITHMETIC_OVERFLOW]"),
        ("SELECT sum(CAST('9e37' AS DECIMAL(38,0))) FROM t", "[ARITHMETIC_OVERFLOW]"),
    ])
    .await;
}

#[tokio::test]
async fn frames_forget_what_has_left_them() {
    check(&[
        (
            "SELECT k, sum(x) OVER w, avg(x) OVER w, stddev(x) OVER w FROM (SELECT k, CAST(y AS DOUBLE) AS x FROM (VALUES (1, 'NaN'), (2, '1'), (3, '3'), (4, '1e300'), (5, '1'), (6, '2')) v(k, y)) WINDOW w AS (ORDER BY k ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)",
            "1|NaN|NaN|NULL\n2|NaN|NaN|NaN\n3|4.0|2.0|1.4142135623730951\n4|1e300|5e299|inf\n5|1e300|5e299|inf\n6|3.0|1.5|0.7071067811865476",
        ),
        (
            "SELECT sum(i) OVER (ORDER BY j, i ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM t",
            "NULL\n2147483647\n2147483654\n0",
        ),
        (
            "SELECT count(i) FILTER (WHERE i > 0) OVER w, max(i) FILTER (WHERE i > 0) OVER w, min(i) FILTER (WHERE i < 0) OVER w FROM t WINDOW w AS (ORDER BY j, i ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)",
            "0|NULL|NULL\n1|2147483647|NULL\n2|2147483647|NULL\n1|7|-7",
        ),
    ])
    .await;
}

#[tokio::test]
async fn null_is_no_key_and_no_item() {
    check(&[
        ("SELECT max_by(j, i), min_by(j, i) FROM t", "0|3"),
        ("SELECT max_by(s, m), min_by(s, j) FROM t", " 7 |x"),
        ("SELECT max_by(j, i) FROM t WHERE i IS NULL", "NULL"),
        ("SELECT j, max_by(s, i) FROM t GROUP BY j", "2|5\n0|x\n3| 7 "),
        ("SELECT max_by(j, i) OVER (ORDER BY j, i ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM t", "NULL\n0\n0\n2"),
        ("SELECT array_agg(i), collect_list(i) FROM t WHERE j = 0", "[2147483647]|[2147483647]"),
        ("SELECT array_agg(i), collect_set(i) FROM t WHERE j = 99", "[]|[]"),
        ("SELECT j, collect_set(i) FROM t GROUP BY j", "2|[7]\n0|[2147483647]\n3|[-7]"),
        ("SELECT array_agg(i ORDER BY i DESC) FROM t", "[2147483647, 7, -7]"),
        ("SELECT array_agg(j ORDER BY i), collect_list(j ORDER BY i DESC) FROM t", "[0, 3, 2, 0]|[0, 2, 3, 0]"),
        ("SELECT collect_list(i) OVER (ORDER BY j, i ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM t", "[]\n[2147483647]\n[2147483647, 7]\n[7, -7]"),
        ("SELECT first(i, true), last(i, true), any_value(i) IGNORE NULLS FROM (SELECT * FROM t WHERE j = 0)", "2147483647|2147483647|2147483647"),
        ("SELECT first(i) FROM t WHERE i IS NULL", "NULL"),
        ("SELECT count(DISTINCT i, j), count(i, s), count(DISTINCT j) FROM t", "3|3|3"),
        ("SELECT max(x)['k'], min(x)['k'] FROM (SELECT named_struct('i', i, 'k', j) AS x FROM t)", "0|0"),
        ("SELECT max(named_struct('i', i, 'k', s)) OVER ()['k'] FROM t LIMIT 1", "x"),
        ("SELECT mode(j), mode(s), try_avg(j), try_sum(i) FROM t", "0| 7 |1.25|2147483647"),
        ("SELECT round(skewness(j), 6), round(kurtosis(j), 6), skewness(j) OVER (ORDER BY j, i ROWS 1 PRECEDING) IS NULL FROM t GROUP BY j, i LIMIT 0", ""),
        ("SELECT round(skewness(j), 6), round(kurtosis(j), 6), skewness(i) FROM t WHERE i IS NULL OR j > 0", "-0.381802|-1.5|0.0"),
        ("SELECT every(j > 0), some(j > 0), bool_and(i > 0) FROM t", "false|true|false"),
        ("SELECT stddev(j), var_pop(j), std(j) FROM t WHERE j = 2", "NULL|0.0|NULL"),
        ("SELECT median(i), percentile_cont(0.5) WITHIN GROUP (ORDER BY j) FROM t", "7.0|1.0"),
    ])
    .await;
}

#[tokio::test]
async fn null_is_first_ascending_and_last_descending() {
    check(&[
        ("SELECT i FROM t ORDER BY i LIMIT 1", "NULL"),
        ("SELECT i FROM t ORDER BY i DESC LIMIT 1", "2147483647"),
        (
            "SELECT rank() OVER (ORDER BY i), rank() OVER (ORDER BY i DESC) FROM t WHERE i IS NULL",
            "1|1",
        ),
        (
            "SELECT r FROM (SELECT i, rank() OVER (ORDER BY i) AS r FROM t) WHERE i IS NULL",
            "1",
        ),
        (
            "SELECT r FROM (SELECT i, rank() OVER (ORDER BY i DESC) AS r FROM t) WHERE i IS NULL",
            "4",
        ),
    ])
    .await;
}

#[tokio::test]
async fn percentiles_are_sparks() {
    const VALUES: &str = "FROM (VALUES (1), (5), (NULL), (10), (11)) v(x)";
    for (call, expected) in [
        ("percentile(x, 0.3)", "4.6"),
        ("percentile(x, make_array(0.1, 0.5, 1))", "[2.2, 7.5, 11.0]"),
        ("percentile_approx(x, 0.5)", "5"),
        ("percentile_approx(x, make_array(0.25, 0.5), 100)", "[1, 5]"),
        ("percentile_disc(0.5) WITHIN GROUP (ORDER BY x)", "5.0"),
        (
            "percentile_disc(0.3) WITHIN GROUP (ORDER BY x DESC)",
            "10.0",
        ),
        ("percentile_cont(0.5) WITHIN GROUP (ORDER BY x DESC)", "7.5"),
        (
            "percentile(x, 0.5, CASE WHEN x = 1 THEN 9 ELSE 1 END)",
            "1.0",
        ),
    ] {
        let rows = run(&format!("SELECT {call} {VALUES}")).await;
        assert_eq!(rows, Ok(vec![expected.to_owned()]), "{call}");
    }
    check_errors(&[
        (
            "SELECT percentile(i, 1.5) FROM t",
            "must be between 0 and 1",
        ),
        ("SELECT percentile(i, d) FROM t", "must be a constant"),
    ])
    .await;
}

#[tokio::test]
async fn conditions_over_sliding_frames() {
    check(&[(
        "SELECT bool_or(x > 2) OVER w, bool_and(x > 1) OVER w \
         FROM (VALUES (1, 1), (2, 3), (3, NULL), (4, 2)) v(k, x) \
         WINDOW w AS (ORDER BY k ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)",
        "false|false\ntrue|false\ntrue|true\nfalse|true",
    )])
    .await;
}
