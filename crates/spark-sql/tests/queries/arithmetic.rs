//! Operators: types, rounding and errors.

use super::session::{check, check_errors};

#[tokio::test]
async fn results_have_the_types_of_spark() {
    check(&[
        ("SELECT arrow_typeof(i / j) FROM t LIMIT 0", ""),
        ("SELECT i / 2 AS q FROM t WHERE s = '5'", "3.5"),
        ("SELECT arrow_typeof(i + i) FROM t WHERE s = '5'", "Int32"),
        ("SELECT arrow_typeof(m * m) FROM t WHERE s = '5'", "Decimal128(21, 4)"),
        ("SELECT arrow_typeof(m * 2) FROM t WHERE s = '5'", "Decimal128(12, 2)"),
        ("SELECT arrow_typeof(m + 1) FROM t WHERE s = '5'", "Decimal128(11, 2)"),
        ("SELECT m / 3 FROM t WHERE s = '5'", "0.666667"),
        ("SELECT 1.0 / 3.0, 0.1 + 0.2, 1.10 * 2.25", "0.333333|0.3|2.4750"),
        ("SELECT i % 4, -i % 4 FROM t WHERE s = '5'", "3|-3"),
        ("SELECT '2' * 3, '1.5' + 0.5", "6|2.0"),
        ("SELECT NULL + 1, 1 / NULL", "NULL|NULL"),
        ("SELECT mod(7, 4), div(7, 2)", "3|3"),
        ("SELECT arrow_typeof(i + 1), arrow_typeof(b + 1) FROM t WHERE i = -7", "Int32|Int64"),
        ("SELECT round(m, 1), arrow_typeof(round(m, 1)), round(i, -1), bround(2.5, 0) FROM t WHERE i = 7", "2.0|Decimal128(10, 1)|10|2"),
        ("SELECT round(CAST(1.005 AS DOUBLE), 2), ceil(m), floor(-1.5), ceil(CAST(1.2 AS DOUBLE)), arrow_typeof(ceil(m)) FROM t WHERE i = 7", "1.01|2|-2|2|Decimal128(9, 0)"),
        ("SELECT arrow_typeof(CASE WHEN i > 0 THEN 1 ELSE 0 END), arrow_typeof(coalesce(i, 0)), try_add(i, 1), try_add(i, 2147483648) FROM t WHERE j = 0 AND i > 0", "Int32|Int32|NULL|4294967295"),
        ("SELECT ln(0), log10(-1), log(2, 8), ln(NULL)", "NULL|NULL|3.0|NULL"),
        ("SELECT array_transform([1, 2], x -> x / 4)", "[0.25, 0.5]"),
    ])
    .await;
}

#[tokio::test]
async fn overflow_and_division_by_zero_are_errors() {
    check_errors(&[
        (
            "SELECT i + i FROM t",
            "[ARITHMETIC_OVERFLOW] 2147483647 + 2147483647 does not fit INT",
        ),
        ("SELECT i + 1 FROM t", "2147483647 + 1 does not fit INT"),
        ("SELECT i * i FROM t", "[ARITHMETIC_OVERFLOW]"),
        (
            "SELECT CAST(-2147483647 AS INT) - i FROM t WHERE i > 9",
            "try_subtract(a, b)",
        ),
        (
            "SELECT b + 1 FROM t",
            "9223372036854775807 + 1 does not fit BIGINT",
        ),
        (
            "SELECT -(b - b - 9223372036854775807 - 1) FROM t WHERE b > 9",
            "[ARITHMETIC_OVERFLOW]",
        ),
        ("SELECT i / j FROM t", "[DIVIDE_BY_ZERO]"),
        (
            "SELECT i % j FROM t",
            "[DIVIDE_BY_ZERO] 2147483647 % 0 divides by zero",
        ),
        ("SELECT d / CAST(0 AS DOUBLE) FROM t", "[DIVIDE_BY_ZERO]"),
        ("SELECT m / 0 FROM t", "[DIVIDE_BY_ZERO]"),
        (
            "SELECT CAST(m AS DECIMAL(38,2)) * CAST('1e35' AS DECIMAL(38,0)) FROM t",
            "[ARITHMETIC_OVERFLOW]",
        ),
        (
            "SELECT array_transform([b], x -> x + x) FROM t WHERE i = 7",
            "[ARITHMETIC_OVERFLOW]",
        ),
        ("SELECT s + s FROM t", ""),
    ])
    .await;
}

#[tokio::test]
async fn try_functions_give_null() {
    check(&[
        ("SELECT try_add(b, 1) FROM t", "NULL\n2\n0\nNULL"),
        (
            "SELECT try_divide(i, j) FROM t",
            "3.5\nNULL\n-2.3333333333333335\nNULL",
        ),
        ("SELECT try_mod(i, j) FROM t", "1\nNULL\n-1\nNULL"),
        (
            "SELECT try_multiply(b, 2), try_subtract(-2, b) FROM t WHERE i = 7",
            "NULL|NULL",
        ),
    ])
    .await;
}

#[tokio::test]
async fn text_meets_numbers_as_numbers() {
    check(&[
        ("SELECT coalesce('7', 1), CASE WHEN i > 0 THEN '1' ELSE 2 END, arrow_typeof(if(i > 0, 1.5, CAST(1 AS DOUBLE))) FROM t WHERE i = 7", "7|1|Float64"),
        ("SELECT arrow_typeof(x) FROM (SELECT 1.5 AS x UNION ALL SELECT CAST(1 AS DOUBLE))", "Float64\nFloat64"),
        ("SELECT x + 1 FROM (SELECT '1' AS x UNION ALL SELECT 2)", "2\n3"),
        ("SELECT '2' < 10, '1.0' = 1.0, '10' > '9'", "true|true|false"),
        ("SELECT i FROM t WHERE s <> 'x' AND s = 7", "-7"),
        ("SELECT '07' IN (7, 8), '7' BETWEEN 6 AND 10", "true|true"),
    ])
    .await;
    check_errors(&[(
        "SELECT s = 1 FROM t",
        "[CAST_INVALID_INPUT] the text 'x' cannot be cast to BIGINT",
    )])
    .await;
}
