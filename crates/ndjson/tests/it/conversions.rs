//! Which JSON value becomes which value of a column: the table in
//! docs/ndjson.md, line by line.

use arrow::datatypes::{DataType, Field, TimeUnit};
use sluice_ndjson::Mode;

use crate::support::{column, decode, list, map, nullable, options, schema, structure, timestamp};

/// What `json` becomes as a value of `data_type`: `conflict` if it does not fit,
/// and `broken` if the line is not JSON.
fn converted(data_type: &DataType, json: &str) -> String {
    let schema = schema([nullable("v", data_type.clone())]);
    let line = format!("{{\"v\": {json}}}\n");
    let strict = decode(&options(schema.clone(), Mode::FailFast), &line);
    let lenient = decode(&options(schema, Mode::Permissive), &line).unwrap();
    let value = column(&lenient, 0).remove(0);
    match strict {
        Ok(batch) => {
            assert_eq!(column(&batch, 0).first(), Some(&value));
            value
        }
        Err(e) => {
            assert_eq!(value, "null");
            let conflict = e.to_string().contains("field v: expected ");
            let kind = if conflict { "conflict" } else { "broken" };
            kind.to_owned()
        }
    }
}

#[track_caller]
fn check(data_type: &DataType, cases: &[(&str, &str)]) {
    for (json, expected) in cases {
        assert_eq!(
            converted(data_type, json),
            *expected,
            "{json} as {data_type}"
        );
    }
}

#[test]
fn booleans() {
    check(
        &DataType::Boolean,
        &[
            ("true", "true"),
            ("false", "false"),
            ("null", "null"),
            ("\"true\"", "conflict"),
            ("1", "conflict"),
            ("{}", "conflict"),
            ("tru", "broken"),
            ("True", "broken"),
        ],
    );
}

#[test]
fn integers() {
    check(
        &DataType::Int32,
        &[
            ("3", "3"),
            ("-0", "0"),
            ("2147483647", "2147483647"),
            ("-2147483648", "-2147483648"),
            ("2147483648", "conflict"),
            ("\"3\"", "conflict"),
            ("\"\"", "conflict"),
            ("3.0", "conflict"),
            ("3e0", "conflict"),
            ("true", "conflict"),
            ("[3]", "conflict"),
            ("{\"a\": \"}\"}", "conflict"),
            ("null", "null"),
            ("03", "broken"),
            ("+3", "broken"),
            ("3x", "broken"),
            ("nul", "broken"),
            ("", "broken"),
        ],
    );
    check(
        &DataType::Int64,
        &[
            ("9223372036854775807", "9223372036854775807"),
            ("-9223372036854775808", "-9223372036854775808"),
            ("9223372036854775808", "conflict"),
            ("123456789012345678901234567890", "conflict"),
        ],
    );
    check(
        &DataType::UInt64,
        &[
            ("18446744073709551615", "18446744073709551615"),
            ("18446744073709551616", "conflict"),
            ("-1", "conflict"),
        ],
    );
    check(&DataType::Int8, &[("-128", "-128"), ("128", "conflict")]);
    check(
        &DataType::Int16,
        &[("32767", "32767"), ("-32769", "conflict")],
    );
}

#[test]
fn floats() {
    check(
        &DataType::Float64,
        &[
            ("442.94", "442.94"),
            ("3", "3.0"),
            ("-1.5e-3", "-0.0015"),
            ("0.1", "0.1"),
            ("123456789012345678901234567890", "1.2345678901234568e29"),
            ("1e999", "inf"),
            ("NaN", "NaN"),
            ("-Infinity", "-inf"),
            ("\"NaN\"", "NaN"),
            ("\"+INF\"", "inf"),
            ("\"Infinity\"", "inf"),
            ("\"-INF\"", "-inf"),
            ("\"3.5\"", "conflict"),
            ("\"\"", "conflict"),
            ("false", "conflict"),
            ("1.", "broken"),
            (".5", "broken"),
            ("01.5", "broken"),
            ("1e", "broken"),
            ("- 1", "broken"),
        ],
    );
    check(
        &DataType::Float32,
        &[("0.1", "0.1"), ("16777217", "16777216.0"), ("1e39", "inf")],
    );
}

#[test]
fn decimals() {
    check(
        &DataType::Decimal128(6, 2),
        &[
            ("12.345", "12.35"),
            ("-12.345", "-12.35"),
            ("12", "12.00"),
            ("1.2e3", "1200.00"),
            ("\"12.3\"", "12.30"),
            ("12345", "conflict"),
            ("\"12.3 \"", "conflict"),
            ("\"\"", "conflict"),
            ("true", "conflict"),
            ("1.2.3", "broken"),
        ],
    );
}

#[test]
fn strings() {
    for text in [DataType::Utf8, DataType::Utf8View] {
        check(
            &text,
            &[
                (r#""plain""#, "plain"),
                (r#""""#, ""),
                (r#""a\"b\\c\/d\n\t""#, "a\"b\\c/d\n\t"),
                (r#""\u00e9 \ud83d\ude00 é""#, "é 😀 é"),
                (r#""\ud83d!""#, "?!"),
                ("1.50", "1.50"),
                ("true", "true"),
                (r#"{"a": [1, "}"] }"#, r#"{"a": [1, "}"] }"#),
                ("[1,  2]", "[1,  2]"),
                ("null", "null"),
                (r#""\x""#, "broken"),
                (r#""\u12g4""#, "broken"),
                ("\"tab\there\"", "broken"),
                ("\"open", "broken"),
                ("yes", "broken"),
                ("[1, 2", "broken"),
            ],
        );
    }
}

#[test]
fn binaries() {
    check(
        &DataType::Binary,
        &[
            ("\"Zm9v\"", "666f6f"),
            ("\"\"", ""),
            ("\"Zm9\"", "conflict"),
            ("1", "conflict"),
        ],
    );
}

#[test]
fn dates_and_timestamps() {
    check(
        &DataType::Date32,
        &[
            ("\"2026-01-07\"", "2026-01-07"),
            ("\"2026-01-07T23:59:59Z\"", "2026-01-07"),
            ("\"\\u0032026-1-7\"", "2026-01-07"),
            ("\"07.01.2026\"", "conflict"),
            ("\"\"", "conflict"),
            ("20000", "conflict"),
        ],
    );
    check(
        &timestamp(),
        &[
            (
                "\"2026-01-07T20:58:29.292017Z\"",
                "2026-01-07T20:58:29.292017Z",
            ),
            ("\"2026-01-07 20:58:29\"", "2026-01-07T20:58:29Z"),
            (
                "\"2026-01-07T20:58:29.123456789+01:00\"",
                "2026-01-07T19:58:29.123456Z",
            ),
            ("\"2026-01-07\"", "2026-01-07T00:00:00Z"),
            ("1767819509", "2026-01-07T20:58:29Z"),
            ("1767819509.5", "conflict"),
            ("\"yesterday\"", "conflict"),
            ("\"\"", "conflict"),
        ],
    );
    check(
        &DataType::Timestamp(TimeUnit::Microsecond, None),
        &[
            ("\"2026-01-07T20:58:29.5\"", "2026-01-07T20:58:29.500"),
            ("\"2026-01-07T20:58:29Z\"", "conflict"),
            ("1767819509", "conflict"),
        ],
    );
}

#[test]
fn nested_values() {
    check(
        &structure([
            nullable("a", DataType::Int64),
            nullable("b", DataType::Utf8),
        ]),
        &[
            (r#"{"b": "x", "a": 1, "c": {}}"#, "{a: 1, b: x}"),
            ("{}", "{a: null, b: null}"),
            ("null", "null"),
            ("[1]", "conflict"),
            (r#"{"a": 1,}"#, "broken"),
            (r#"{"a": 1 "b": 2}"#, "broken"),
            (r#"{,"a": 1}"#, "broken"),
            (r#"{"a"}"#, "broken"),
            (r#"{a: 1}"#, "broken"),
        ],
    );
    check(
        &list(DataType::Int64),
        &[
            ("[1, null ,3]", "[1, null, 3]"),
            ("[ ]", "[]"),
            // One element that does not fit makes the array null.
            ("{}", "conflict"),
            ("[1,]", "broken"),
            ("[1 2]", "broken"),
        ],
    );
    check(
        &map(DataType::Int64),
        &[
            (r#"{"a": 1, "b": null}"#, "{a: 1, b: null}"),
            (r#"{"a": 1, "a": 2}"#, "{a: 1, a: 2}"),
            ("{}", "{}"),
            ("[]", "conflict"),
            (r#"{"a": 1, }"#, "broken"),
        ],
    );
}

/// Rows of permissive decoding where parts of a nested value do not fit.
#[test]
fn partial_results_of_nested_values() {
    let item = structure([
        nullable("id", DataType::Utf8),
        nullable("n", DataType::Int64),
    ]);
    let schema = schema([
        nullable("items", list(item)),
        nullable("numbers", list(DataType::Int64)),
        nullable("counts", map(DataType::Int64)),
        nullable("last", DataType::Int64),
    ]);
    let text = r#"{"items": [{"id": "a", "n": "1"}, {"id": "b", "n": 2}], "numbers": [1, "2"], "counts": {"x": 1, "y": "z"}, "last": 7}"#;
    let batch = decode(&options(schema, Mode::Permissive), text).unwrap();
    assert_eq!(column(&batch, 0), ["[{id: a, n: null}, {id: b, n: 2}]"]);
    assert_eq!(column(&batch, 1), ["null"]);
    assert_eq!(column(&batch, 2), ["null"]);
    assert_eq!(column(&batch, 3), ["7"]);
}

#[test]
fn keys_are_compared_exactly() {
    let schema = schema([
        nullable("a", DataType::Int64),
        nullable("A", DataType::Int64),
        nullable("é\"", DataType::Int64),
        nullable("", DataType::Int64),
    ]);
    let text = "{\"a\": 1, \"A\": 2, \"\\u00e9\\\"\": 3, \"\": 4, \"aa\": 5}\n{\"\\u0061\": 6}\n";
    let batch = decode(&options(schema, Mode::FailFast), text).unwrap();
    assert_eq!(column(&batch, 0), ["1", "6"]);
    assert_eq!(column(&batch, 1), ["2", "null"]);
    assert_eq!(column(&batch, 2), ["3", "null"]);
    assert_eq!(column(&batch, 3), ["4", "null"]);
}

/// SQL may fold or rename a column; the data keeps its key.
#[test]
fn a_field_can_name_its_key() {
    let keyed = |name: &str, key: &str| {
        let metadata = [(sluice_ndjson::JSON_KEY.to_owned(), key.to_owned())];
        nullable(name, DataType::Int64).with_metadata(metadata.into())
    };
    let inner = structure([keyed("x", "X")]);
    let schema = schema([keyed("userid", "userId"), nullable("inner", inner)]);
    let text = "{\"userId\": 1, \"userid\": 2, \"inner\": {\"X\": 3, \"x\": 4}}";
    let batch = decode(&options(schema.clone(), Mode::FailFast), text).unwrap();
    assert_eq!(batch.schema(), schema);
    assert_eq!(column(&batch, 0), ["1"]);
    assert_eq!(column(&batch, 1), ["{x: 3}"]);
}

#[test]
fn the_last_of_equal_keys_wins() {
    let schema = schema([
        nullable("a", DataType::Utf8),
        nullable("b", list(DataType::Int64)),
        nullable("c", structure([nullable("x", DataType::Int64)])),
    ]);
    let text = r#"{"a": "x", "b": [1], "a": "y", "c": {"x": 1, "x": 2}, "b": [2, 3], "c": {}}
{"a": "only"}
"#;
    let batch = decode(&options(schema, Mode::FailFast), text).unwrap();
    assert_eq!(column(&batch, 0), ["y", "only"]);
    assert_eq!(column(&batch, 1), ["[2, 3]", "null"]);
    assert_eq!(column(&batch, 2), ["{x: null}", "null"]);
}

#[test]
fn many_columns_in_any_order() {
    let names: Vec<String> = (0..150).map(|n| format!("column_{n}")).collect();
    let fields: Vec<Field> = names.iter().map(|n| nullable(n, DataType::Int64)).collect();
    let mut text = String::new();
    for line in 0..20usize {
        let members: Vec<String> = (0..150)
            .map(|n| (n * 7 + line) % 150)
            .filter(|n| n % 20 != line)
            .map(|n| format!("\"column_{n}\":{n}"))
            .collect();
        text.push_str(&format!("{{{}}}\n", members.join(",")));
    }
    let batch = decode(&options(schema(fields), Mode::FailFast), &text).unwrap();
    for n in 0..150 {
        for (line, value) in column(&batch, n).iter().enumerate() {
            let expected = if n % 20 == line {
                "null".into()
            } else {
                n.to_string()
            };
            assert_eq!(*value, expected, "column {n} of line {line}");
        }
    }
}

#[test]
fn unsupported_types_are_named_with_their_path() {
    let bad = list(structure([nullable(
        "x",
        DataType::Duration(TimeUnit::Second),
    )]));
    let options_of = |data_type| options(schema([nullable("a", data_type)]), Mode::FailFast);
    let file = sluice_ndjson::FileContext::new("f", 0);
    let error = sluice_ndjson::Decoder::new(options_of(bad), file.clone()).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("field a[].x has type Duration"),
        "{error}"
    );

    for (zone, taken) in [("UTC", true), ("Z", true), ("Europe/Rome", false)] {
        let zoned = DataType::Timestamp(TimeUnit::Microsecond, Some(zone.into()));
        let options = options_of(zoned);
        let decoder = sluice_ndjson::Decoder::new(options, file.clone());
        assert_eq!(decoder.is_ok(), taken, "{zone}");
    }
}
