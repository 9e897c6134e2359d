use super::super::testing::check_answers;

#[test]
fn new_maps() {
    check_answers(&[
        ("map('a', 1, 'b', NULL)", "{a: 1, b: NULL}"),
        ("map(1, 'x', 2.5, 'y')", "{1.0: x, 2.5: y}"),
        ("size(map())", "0"),
        ("map('a', 1, 'a', 2)", "error: has a key twice"),
        ("map(NULL, 1)", "error: NULL as a key"),
        ("map('a')", "error: takes pairs"),
        ("map_concat(map('a', 1), map('b', 2))", "{a: 1, b: 2}"),
        (
            "map_concat(map('a', 1), map('a', 2))",
            "error: has a key twice",
        ),
        (
            "map_from_arrays(array(1, 2), array('x', 'y'))",
            "{1: x, 2: y}",
        ),
        (
            "map_from_arrays(array(1), array('x', 'y'))",
            "error: 1 keys and 2 values",
        ),
        (
            "map_from_entries(array(named_struct('k', 1, 'v', 'a')))",
            "{1: a}",
        ),
    ]);
}

#[test]
fn parts_of_maps() {
    check_answers(&[
        ("map_keys(map('a', 1, 'b', 2))", "[a, b]"),
        ("map_values(map('a', 1, 'b', NULL))", "[1, NULL]"),
        ("map_entries(map('a', 1))", "[{key: a, value: 1}]"),
        ("map_contains_key(map('a', 1), 'a')", "true"),
        ("map_contains_key(map('a', 1), 'b')", "false"),
        (
            "map_contains_key(map('a', 1), 1)",
            "error: CAST one of them",
        ),
        ("map_contains_key(map('a', 1), NULL)", "error: NULL without"),
        ("element_at(map('x', 10), 'x')", "10"),
        ("element_at(map('x', 10), 'y')", "NULL"),
        ("size(map('a', 1))", "1"),
        ("to_json(map('a', 1, 'b', NULL))", r#"{"a":1,"b":null}"#),
    ]);
}
