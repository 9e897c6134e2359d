use super::super::testing::check_answers;

#[test]
fn lambdas_over_elements() {
    check_answers(&[
        (
            "transform(array(1, 2, NULL), x -> x * 10)",
            "[10, 20, NULL]",
        ),
        (
            "transform(array('a', 'b'), (x, i) -> concat(x, i))",
            "[a0, b1]",
        ),
        ("transform(array(1), x -> 'c')", "[c]"),
        ("filter(array(5, 6, NULL), x -> x > 5)", "[6]"),
        ("filter(array('a', 'b', 'c'), (x, i) -> i > 0)", "[b, c]"),
        ("exists(array(1, NULL), x -> x = 2)", "NULL"),
        ("exists(array(1, NULL, 2), x -> x = 2)", "true"),
        ("exists(array(1), x -> x = 2)", "false"),
        ("forall(array(1, NULL), x -> x = 1)", "NULL"),
        ("forall(array(1, NULL), x -> x = 2)", "false"),
        ("forall(array(), x -> x = 2)", "true"),
        (
            "zip_with(array(1, 2), array('a'), (x, y) -> concat(x, coalesce(y, '-')))",
            "[1a, 2-]",
        ),
        ("exists(CAST(NULL AS ARRAY<INT>), x -> x = 2)", "NULL"),
        ("filter(array(1), x -> x)", "error: must be a condition"),
    ]);
}

#[test]
fn states_over_elements() {
    check_answers(&[
        (
            "aggregate(array(1, 2, 3), CAST(0 AS BIGINT), (acc, x) -> acc + x)",
            "6",
        ),
        (
            "reduce(array(1, 2), CAST(0 AS BIGINT), (acc, x) -> acc + x, acc -> acc * 10)",
            "30",
        ),
        ("aggregate(array(), 'a', (acc, x) -> acc)", "a"),
        (
            "aggregate(CAST(NULL AS ARRAY<INT>), 'a', (acc, x) -> acc)",
            "NULL",
        ),
        (
            "aggregate(array('b', 'c'), 'a', (acc, x) -> concat(acc, x))",
            "abc",
        ),
        (
            "aggregate(array(1), 'a', (acc, x) -> x)",
            "error: CAST the start",
        ),
    ]);
}

#[test]
fn lambdas_over_entries() {
    check_answers(&[
        ("map_filter(map('a', 1, 'b', 2), (k, v) -> v > 1)", "{b: 2}"),
        (
            "transform_values(map('a', 1, 'b', 2), (k, v) -> concat(k, v))",
            "{a: a1, b: b2}",
        ),
        ("transform_keys(map('a', 1), (k, v) -> upper(k))", "{A: 1}"),
        (
            "transform_keys(map('a', 1, 'b', 2), (k, v) -> 'x')",
            "error: has a key twice",
        ),
        (
            "map_zip_with(map('a', 1, 'b', 2), map('b', 3, 'c', 4), (k, x, y) -> concat(k, x, y))",
            "{a: NULL, b: b23, c: NULL}",
        ),
        (
            "map_zip_with(map('a', 1), if(1 = 2, map('a', 1), NULL), (k, x, y) -> x)",
            "NULL",
        ),
    ]);
}

#[test]
fn arrays_are_sorted_by_a_comparison() {
    const BY_LENGTH: &str = "(l, r) -> length(l) - length(r)";
    check_answers(&[
        (
            &format!("array_sort(array('bbb', 'a', 'cc', 'dd'), {BY_LENGTH})"),
            "[a, cc, dd, bbb]",
        ),
        (
            &format!("array_sort(CAST(NULL AS ARRAY<STRING>), {BY_LENGTH})"),
            "NULL",
        ),
        ("array_sort(array(3, 1, 2), (l, r) -> r - l)", "[3, 2, 1]"),
        (
            "array_sort(array('a', NULL), (l, r) -> length(l) - length(r))",
            "error: [COMPARATOR_RETURNS_NULL]",
        ),
    ]);
}
