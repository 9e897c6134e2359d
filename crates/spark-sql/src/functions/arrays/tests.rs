use super::super::testing::check_answers;

#[test]
fn single_elements() {
    check_answers(&[
        ("element_at(array(1, 2, 3), 1)", "1"),
        ("element_at(array(1, 2, 3), -1)", "3"),
        ("element_at(array(1, 2, 3), 5)", "error: use try_element_at"),
        ("element_at(array(1), 0)", "error: count from 1"),
        ("try_element_at(array(1, 2), 3)", "NULL"),
        ("try_element_at(array(1, 2), 0)", "error: count from 1"),
        ("get(array(1, 2), 0)", "1"),
        ("get(array(1, 2), 2)", "NULL"),
        ("get(array(1, 2), -1)", "NULL"),
        ("size(array(1, NULL))", "2"),
        ("size(NULL)", "NULL"),
        ("cardinality(array())", "0"),
        ("size('abc')", "error: an array or a map"),
    ]);
}

#[test]
fn searches() {
    check_answers(&[
        ("array_contains(array(1, 2), 2)", "true"),
        ("array_contains(array(1, NULL), 2)", "NULL"),
        ("array_contains(array(1, NULL), 1)", "true"),
        (
            "array_contains(array(1), NULL)",
            "error: NULL without a type",
        ),
        ("array_contains(array(), 1)", "false"),
        (
            "array_contains(array(CAST(0.0 AS DOUBLE)), CAST(-0.0 AS DOUBLE))",
            "true",
        ),
        ("array_contains(array(1, 2), CAST(2.0 AS DOUBLE))", "true"),
        (
            "array_contains(array(1, 2), CAST(2 AS DECIMAL(5,2)))",
            "true",
        ),
        (
            "array_contains(array(1, 2), '2')",
            "error: CAST one of them",
        ),
        ("array_position(NULL, 1)", "error: NULL without a type"),
        ("arrays_overlap(array(1), array('1'))", "error: CAST one"),
        ("array_position(array(312, 773, 708), 708)", "3"),
        ("array_position(array(1, NULL), 5)", "0"),
        ("array_position(array(1), NULL)", "NULL"),
        ("arrays_overlap(array(1, 2, 3), array(3, 4))", "true"),
        ("arrays_overlap(array(1, NULL), array(2))", "NULL"),
        ("arrays_overlap(array(1), array(2))", "false"),
        ("arrays_overlap(array(1, NULL), array())", "false"),
    ]);
}

#[test]
fn changed_arrays() {
    check_answers(&[
        ("array_remove(array(3, NULL, 1, 1), 1)", "[3, NULL]"),
        ("array_remove(array(1), NULL)", "NULL"),
        ("array_append(array(1), NULL)", "[1, NULL]"),
        ("array_append(CAST(NULL AS ARRAY<INT>), 1)", "NULL"),
        ("array_append(NULL, 1)", "error: NULL without a type"),
        (
            "array_append(array(1), 'a')",
            "error: array<int> and string",
        ),
        ("array_append(array(1.5), 2)", "error: CAST one of them"),
        ("array_append(array(1), CAST(2 AS BIGINT))", "[1, 2]"),
        ("array_prepend(array(1), 0)", "[0, 1]"),
        ("array_insert(array(1, 3), 2, 2)", "[1, 2, 3]"),
        ("array_insert(array(1), 4, 2)", "[1, NULL, NULL, 2]"),
        ("array_insert(array(5, 4, 3), -1, 2)", "[5, 4, 3, 2]"),
        ("array_insert(array(5, 3), -2, 4)", "[5, 4, 3]"),
        ("array_insert(array(5), -4, 1)", "[1, NULL, NULL, 5]"),
        ("array_insert(array(5), 0, 1)", "error: no position 0"),
        ("array_compact(array(1, NULL, 2))", "[1, 2]"),
        ("slice(array(1, 2, 3, 4), 2, 2)", "[2, 3]"),
        ("slice(array(1, 2, 3, 4), -2, 2)", "[3, 4]"),
        ("slice(array(1, 2), 5, 2)", "[]"),
        ("slice(array(1, 2), -5, 2)", "[]"),
        ("slice(array(1, 2), 0, 2)", "error: no position 0"),
        ("slice(array(1, 2), 1, -1)", "error: cannot have the length"),
        ("reverse(array(1, 2, NULL))", "[NULL, 2, 1]"),
        ("reverse('héo')", "oéh"),
        ("flatten(array(array(1, 2), array(3)))", "[1, 2, 3]"),
        ("flatten(array(array(1), NULL))", "NULL"),
        ("concat(array(1), array(CAST(2.5 AS DOUBLE)))", "[1.0, 2.5]"),
    ]);
}

#[test]
fn arrays_as_sets() {
    check_answers(&[
        ("array_distinct(array(1, 2, NULL, 1, NULL))", "[1, 2, NULL]"),
        (
            "array_union(array(1, 2, 2), array(1, 3, NULL))",
            "[1, 2, 3, NULL]",
        ),
        (
            "array_intersect(array(1, 2, 3, NULL, 2), array(2, NULL))",
            "[2, NULL]",
        ),
        ("array_except(array(1, 2, 2, NULL), array(1))", "[2, NULL]"),
        ("array_union(array(1), CAST(NULL AS ARRAY<INT>))", "NULL"),
        ("array_union(array(1), NULL)", "error: NULL without a type"),
        (
            "array_except(array('a'), array(1))",
            "error: CAST one of them",
        ),
        (
            "array_distinct(array(CAST(0.0 AS DOUBLE), CAST(-0.0 AS DOUBLE), CAST('NaN' AS DOUBLE), CAST('NaN' AS DOUBLE)))",
            "[0.0, NaN]",
        ),
    ]);
}

#[test]
fn order() {
    check_answers(&[
        ("sort_array(array(2, NULL, 1))", "[NULL, 1, 2]"),
        ("sort_array(array(2, NULL, 1), false)", "[2, 1, NULL]"),
        ("array_sort(array('b', NULL, 'a'))", "[a, b, NULL]"),
        ("array_max(array(1, NULL, 3))", "3"),
        (
            "array_max(array(CAST(1.5 AS DOUBLE), CAST('NaN' AS DOUBLE)))",
            "NaN",
        ),
        ("array_min(array(NULL, 2, 1))", "1"),
        ("array_min(array())", "NULL"),
    ]);
}

#[test]
fn new_arrays() {
    check_answers(&[
        ("array(1, CAST(2.5 AS DOUBLE), NULL)", "[1.0, 2.5, NULL]"),
        ("array()", "[]"),
        ("array_repeat('x', 2)", "[x, x]"),
        ("array_repeat('x', -1)", "[]"),
        ("array_repeat('x', 2000000000)", "error: elements"),
        ("array_join(array('a', NULL, 'b'), ',')", "a,b"),
        ("array_join(array('a', NULL, 'b'), ',', '?')", "a,?,b"),
        ("array_join(array(1, 2, NULL), '-')", "1-2"),
        (
            "arrays_zip(array(1, 2), array('a'))",
            "[{0: 1, 1: a}, {0: 2, 1: NULL}]",
        ),
        ("sequence(1, 5)", "[1, 2, 3, 4, 5]"),
        ("sequence(5, 1, -2)", "[5, 3, 1]"),
        ("sequence(1, 5, -1)", "error: of the other sign"),
        ("sequence(1, 9223372036854775807)", "error: elements"),
        (
            "sequence(DATE '2024-01-31', DATE '2024-04-30', INTERVAL '1' MONTH)",
            "[2024-01-31, 2024-02-29, 2024-03-31, 2024-04-30]",
        ),
        (
            "sequence(DATE '9999-12-30', DATE '9999-12-31')",
            "[9999-12-30, 9999-12-31]",
        ),
        (
            "sequence(TIMESTAMP '2024-01-01 00:00:00', TIMESTAMP '2024-01-01 12:00:00', INTERVAL '6' HOUR)",
            "[2024-01-01 00:00:00, 2024-01-01 06:00:00, 2024-01-01 12:00:00]",
        ),
    ]);
}
