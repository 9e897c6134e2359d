use super::super::testing::check_answers;

#[test]
fn values_at_paths() {
    check_answers(&[
        (r#"get_json_object('{"a":"b"}', '$.a')"#, "b"),
        (
            r#"get_json_object('{"a":{"b":[1,2.50,"x"]}}', '$.a')"#,
            r#"{"b":[1,2.5,"x"]}"#,
        ),
        (
            r#"get_json_object('{"a":[{"k":1},{"k":2}]}', '$.a[1].k')"#,
            "2",
        ),
        (
            r#"get_json_object('{"a":[{"k":1},{"k":2}]}', '$.a[*].k')"#,
            "[1,2]",
        ),
        (
            r#"get_json_object('{"a.b":7}', concat('$[', chr(39), 'a.b', chr(39), ']'))"#,
            "7",
        ),
        (r#"get_json_object('{"a":null}', '$.a')"#, "NULL"),
        (r#"get_json_object('{"a":1}', '$.b')"#, "NULL"),
        (r#"get_json_object('not json', '$.b')"#, "NULL"),
        (r#"get_json_object('{"a":1', '$.a')"#, "NULL"),
        (r#"get_json_object('{"a":1,"a":2}', '$.a')"#, "1"),
        (r#"get_json_object('[1, 2]', '$')"#, "[1,2]"),
        (r#"get_json_object('{"a":1}', 'a')"#, "NULL"),
        (r#"json_array_length('[1,2,{"a":3}]')"#, "3"),
        (r#"json_array_length('{"a":1}')"#, "NULL"),
        (r#"json_object_keys('{"a":1,"b":{"c":2}}')"#, "[a, b]"),
        ("json_object_keys('[1]')", "NULL"),
    ]);
}

#[test]
fn values_as_json() {
    check_answers(&[
        (
            "to_json(named_struct('a', 1, 'b', NULL, 'c', 'x'))",
            r#"{"a":1,"c":"x"}"#,
        ),
        ("to_json(array(1, NULL))", "[1,null]"),
        (
            "to_json(named_struct('d', DATE '2024-01-15', 't', TIMESTAMP '2024-01-15 10:00:00', 'f', CAST(2 AS DOUBLE)))",
            r#"{"d":"2024-01-15","t":"2024-01-15T10:00:00.000Z","f":2.0}"#,
        ),
        ("to_json(1)", "error: write to_json(struct"),
    ]);
}

#[test]
fn numbers_from_json() {
    check_answers(&[
        (
            r#"from_json('{"a":NaN,"b":-INF,"c":+Infinity}', 'a DOUBLE, b FLOAT, c DOUBLE')"#,
            "{a: NaN, b: -Infinity, c: Infinity}",
        ),
        (
            r#"from_json('{"a":"NaN","b":"-INF","c":"INF"}', 'a DOUBLE, b DOUBLE, c DOUBLE')"#,
            "{a: NaN, b: -Infinity, c: NULL}",
        ),
        // Not a number of JSON: nothing of the text is read.
        (
            r#"from_json('{"a":INF,"b":1}', 'a DOUBLE, b INT')"#,
            "{a: NULL, b: NULL}",
        ),
        (
            r#"from_json('{"a":NaNny,"b":1}', 'a DOUBLE, b INT')"#,
            "{a: NULL, b: NULL}",
        ),
        (
            r#"from_json('{"a":NaN,"b":NaN}', 'a INT, b DECIMAL(5,2)')"#,
            "{a: NULL, b: NULL}",
        ),
        (r#"from_json('[NaN, 1]', 'ARRAY<DOUBLE>')"#, "[NaN, 1.0]"),
        (
            r#"from_json('{"a":"1,234.5","b":1e2,"c":12345}', 'a DECIMAL(8,2), b DECIMAL(5,1), c DECIMAL(4,1)')"#,
            "{a: 1234.50, b: 100.0, c: NULL}",
        ),
        // Only from_json has a schema that says what a float is.
        (r#"get_json_object('{"a":NaN}', '$.a')"#, "NULL"),
    ]);
}

#[test]
fn values_from_json() {
    check_answers(&[
        (
            r#"from_json('{"a":1,"b":"x"}', 'a INT, b STRING')"#,
            "{a: 1, b: x}",
        ),
        (
            r#"from_json('{"a":"x","b":2}', 'a INT, b INT')"#,
            "{a: NULL, b: 2}",
        ),
        ("from_json('not json', 'a INT')", "{a: NULL}"),
        ("from_json(NULL, 'a INT')", "NULL"),
        ("from_json('[1,2]', 'ARRAY<INT>')", "[1, 2]"),
        (
            r#"from_json('{"k":{"x":1}}', 'MAP<STRING, STRING>')"#,
            r#"{k: {"x":1}}"#,
        ),
        (
            r#"from_json('{"items":[{"id":1,"q":2}]}', 'items ARRAY<STRUCT<id: INT, q: INT>>')"#,
            "{items: [{id: 1, q: 2}]}",
        ),
        (
            r#"from_json('{"d":"9999-12-31","n":1.25}', 'd DATE, n DECIMAL(5,2)')"#,
            "{d: 9999-12-31, n: 1.25}",
        ),
        ("from_json('{}', 'a WHAT')", "error: not a schema"),
        (
            r#"from_json('{"d":"26/08/2015"}', 'd DATE', map('dateFormat', 'dd/MM/yyyy'))"#,
            "{d: 2015-08-26}",
        ),
        (
            "from_json('{', 'a INT', map('mode', 'FAILFAST'))",
            "error: [MALFORMED_RECORD_IN_PARSING]",
        ),
        (
            "from_json('{}', 'a INT', map('primitivesAsString', 'true'))",
            "error: has no option 'primitivesAsString'",
        ),
        (
            r#"from_json('{"a":1,"b":"x"}', schema_of_json('{"a":1,"b":"x"}'))"#,
            "{a: 1, b: x}",
        ),
        (
            "to_json(named_struct('d', DATE'2015-08-26', 'n', NULL), \
             map('dateFormat', 'dd/MM/yyyy', 'ignoreNullFields', 'false'))",
            r#"{"d":"26/08/2015","n":null}"#,
        ),
        ("to_json(map(named_struct('a', 1), 2))", r#"{"[1]":2}"#),
        (
            r#"json_tuple('{"a":1,"b":{"c":2}}', 'a', 'b', 'x')"#,
            r#"{c0: 1, c1: {"c":2}, c2: NULL}"#,
        ),
    ]);
}
