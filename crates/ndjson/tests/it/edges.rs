//! Lines that readers of JSON disagree about, compared with `serde_json`, and
//! values at the edges of their types.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Float64Type, Int64Type, SchemaRef};
use proptest::prelude::*;
use serde_json::Value;
use sluice_ndjson::{DecodeOptions, FileContext, Mode};

use crate::support::{column, decode_chunks, list, map, nullable, options, schema, structure};

fn decode_bytes(options: &DecodeOptions, line: &[u8]) -> (Vec<Vec<String>>, u64) {
    let chunks = [line.to_vec()];
    let (batch, stats) = decode_chunks(options, FileContext::new("f", 0), chunks).unwrap();
    let columns = (0..batch.num_columns()).map(|index| column(&batch, index));
    (columns.collect(), stats.malformed)
}

fn text_column() -> SchemaRef {
    schema([nullable("s", DataType::Utf8)])
}

/// The text that a STRING column reads from `bytes`, `None` when it is malformed.
fn read_text(bytes: &[u8]) -> Option<String> {
    let (columns, malformed) = decode_bytes(&options(text_column(), Mode::Permissive), bytes);
    (malformed == 0).then(|| columns[0][0].clone())
}

#[test]
fn texts_at_the_edges() {
    for (line, expected) in [
        // Of equal names the last one wins, as in Spark.
        (&b"{\"s\":\"a\",\"s\":\"b\"}"[..], Some("b")),
        (b"{\"s\":\"a\",\"\\u0073\":null}", Some("null")),
        (b"{\"s\":\"\\u0000\"}", Some("\0")),
        (b"{\"s\":\"\\ud83d\\ude42\\/\\b\"}", Some("\u{1f642}/\u{8}")),
        // Half a pair is what Java's encoder writes for it.
        (b"{\"s\":\"\\ud83d\"}", Some("?")),
        (b"{\"s\":\"\\ude42\\ud83d\"}", Some("??")),
        (b"{\"s\":\"\\ud83d\\u0041\"}", Some("?A")),
        (b"{\"s\":\"\\ud83d\\ud83d\\ude42\"}", Some("?\u{1f642}")),
        (b"{\"s\":1e400}", Some("1e400")),
        (b"{\"s\":-0}", Some("-0")),
        (b"{\"s\":\"\xc3\xbc\"}", Some("ü")),
        (b"\xef\xbb\xbf{\"s\":\"x\"}", Some("x")),
        (b"{\"s\":\"x\"}\r", Some("x")),
        (b"{\"s\":\"\xff\"}", None),
        (b"{\"s\":\"\xed\xa0\xbd\"}", None),
        (b"{\"s\":\"\xc0\x80\"}", None),
        (b"{\"s\":\"\x00\"}", None),
        (b"{\"s\":\"\t\"}", None),
        (b"{\"s\":\"\\x\"}", None),
        (b"{\"s\":\"\\u12\"}", None),
        (b"{\"s\":'x'}", None),
        (b"{s:\"x\"}", None),
        (b"{\"s\":\"x\",}", None),
        (b"{\"s\":01}", None),
        (b"{\"s\":+1}", None),
        (b"{\"s\":.5}", None),
        (b"{\"s\":1.}", None),
        (b"{\"s\":0x10}", None),
        (b"{\"s\":tru}", None),
        (b"{\"s\":\"x\"}\0", None),
        (b"\0{\"s\":\"x\"}", None),
        (b"{\"s\":\"x\"", None),
    ] {
        let shown = String::from_utf8_lossy(line);
        assert_eq!(read_text(line).as_deref(), expected, "{shown}");
    }
}

#[test]
fn numbers_at_the_edges() {
    let schema = schema([
        nullable("i", DataType::Int64),
        nullable("d", DataType::Float64),
        nullable("f", DataType::Float32),
        nullable("c", DataType::Decimal128(38, 2)),
    ]);
    let digits = "9".repeat(400);
    for (number, expected) in [
        ("-0", ["0", "-0.0", "-0.0", "0.00"]),
        (
            "9223372036854775807",
            [
                "9223372036854775807",
                "9.223372036854776e18",
                "9.223372e18",
                "9223372036854775807.00",
            ],
        ),
        (
            "-9223372036854775808",
            [
                "-9223372036854775808",
                "-9.223372036854776e18",
                "-9.223372e18",
                "-9223372036854775808.00",
            ],
        ),
        (
            "9223372036854775808",
            [
                "null",
                "9.223372036854776e18",
                "9.223372e18",
                "9223372036854775808.00",
            ],
        ),
        ("1e400", ["null", "inf", "inf", "null"]),
        ("-1e400", ["null", "-inf", "-inf", "null"]),
        ("1e-400", ["null", "0.0", "0.0", "0.00"]),
        ("1e38", ["null", "1e38", "1e38", "null"]),
        ("3.4028236e38", ["null", "3.4028236e38", "inf", "null"]),
        ("0.005", ["null", "0.005", "0.005", "0.01"]),
        ("-0.005", ["null", "-0.005", "-0.005", "-0.01"]),
        (
            "2.2250738585072011e-308",
            ["null", "2.225073858507201e-308", "0.0", "0.00"],
        ),
        (digits.as_str(), ["null", "inf", "inf", "null"]),
    ] {
        let line = format!("{{\"i\":{number},\"d\":{number},\"f\":{number},\"c\":{number}}}\n");
        let (columns, _) =
            decode_bytes(&options(schema.clone(), Mode::Permissive), line.as_bytes());
        let found: Vec<&str> = columns.iter().map(|column| column[0].as_str()).collect();
        assert_eq!(found, expected, "{number}");
    }
}

#[test]
fn deep_and_long_values_are_read() {
    let depth = 20_000;
    let deep = format!("{{\"s\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(read_text(deep.as_bytes()).unwrap().len(), 2 * depth);
    let open = format!("{{\"s\":{}", "[".repeat(depth));
    assert_eq!(read_text(open.as_bytes()), None);
    let long = "x".repeat(3 << 20);
    assert_eq!(
        read_text(format!("{{\"s\":\"{long}\"}}").as_bytes()),
        Some(long)
    );
}

#[test]
fn a_carriage_return_ends_a_line() {
    let all = |text: &str| {
        let options = options(text_column(), Mode::Permissive);
        let mut whole = decode_bytes(&options, text.as_bytes());
        (whole.0.remove(0), whole.1)
    };
    let good = vec!["a".to_owned(), "b".to_owned()];
    for text in [
        "{\"s\":\"a\"}\r{\"s\":\"b\"}\r",
        "{\"s\":\"a\"}\r\n{\"s\":\"b\"}",
        "{\"s\":\"a\"} \r\r {\"s\":\"b\"}\r\n\r\n",
        "\r\n\r{\"s\":\"a\"}\n\r{\"s\":\"b\"}",
    ] {
        assert_eq!(all(text), (good.clone(), 0), "{text:?}");
    }
    let one_bad = vec!["a".to_owned(), "null".to_owned(), "b".to_owned()];
    for text in [
        "{\"s\":\"a\"}\r[1]\r{\"s\":\"b\"}\r",
        "{\"s\":\"a\"}\r{\"s\":\r{\"s\":\"b\"}",
        "{\"s\":\"a\"}\n\r{\"s\":\"x\r\n{\"s\":\"b\"}",
    ] {
        assert_eq!(all(text), (one_bad.clone(), 1), "{text:?}");
    }
}

/// JSON values as texts, with spaces, and as damaged texts.
fn json_text() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|b| b.to_string()),
        any::<i64>().prop_map(|n| n.to_string()),
        any::<f64>()
            .prop_filter("JSON has no others", |n| n.is_finite())
            .prop_map(|n| format!("{n:e}")),
        "-?(0|[1-9][0-9]{0,25})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?",
        "\"([a-z é🙂]|\\\\[\"\\\\/bfnrt]|\\\\u00[0-9a-f]{2}|\\\\ud83d\\\\ude4[0-9a-f]){0,6}\"",
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3)
                .prop_map(|items| format!("[{}]", items.join(" , "))),
            prop::collection::vec(("[abcds]", inner), 0..3).prop_map(|fields| {
                let fields: Vec<_> = fields.iter().map(|(k, v)| format!("\"{k}\":{v}")).collect();
                format!("{{{}}}", fields.join(","))
            }),
        ]
    })
}

fn tree() -> DataType {
    structure([
        nullable("a", DataType::Int64),
        nullable("b", DataType::Float64),
        nullable("c", list(DataType::Utf8)),
        nullable("d", map(DataType::Utf8)),
        nullable("s", DataType::Utf8),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Valid lines are never broken, and have the values that `serde_json` reads.
    #[test]
    fn valid_lines_have_the_values_of_serde_json(
        fields in prop::collection::vec(("[abcds]", json_text()), 0..5),
    ) {
        let fields: Vec<_> = fields.iter().map(|(k, v)| format!("\"{k}\" : {v}")).collect();
        let line = format!("{{{}}}\n", fields.join(", "));
        let DataType::Struct(columns) = tree() else { unreachable!() };
        let schema = schema(columns.iter().map(|field| field.as_ref().clone()));
        let mut described = options(schema, Mode::Permissive);
        let chunks = [line.as_bytes().to_vec()];
        let (batch, _) = decode_chunks(&described, FileContext::new("f", 0), chunks.clone()).unwrap();
        described.mode = Mode::FailFast;
        if let Err(error) = decode_chunks(&described, FileContext::new("f", 0), chunks) {
            prop_assert!(error.to_string().contains(": field "), "{error}: {line}");
        }
        // A number beyond DOUBLE is an error there, and infinite here.
        let Ok(value) = serde_json::from_str::<Value>(&line) else {
            return Ok(());
        };
        let a = batch.column(0).as_primitive::<Int64Type>();
        let is_whole = |n: &&serde_json::Number| !n.to_string().contains(['.', 'e', 'E']);
        let expected = value["a"].as_number().filter(is_whole).and_then(serde_json::Number::as_i64);
        // `-0` is a whole number here and a float there.
        if !line.contains("-0") {
            prop_assert_eq!(a.is_valid(0).then(|| a.value(0)), expected, "{}", line);
        }
        let b = batch.column(1).as_primitive::<Float64Type>();
        if let Some(expected) = value["b"].as_f64() {
            prop_assert!(b.is_valid(0), "{}", line);
            // Without its feature `float_roundtrip`, `serde_json` is one bit off.
            let close = (b.value(0) - expected).abs() <= expected.abs() * 1e-15;
            prop_assert!(close || b.value(0).is_infinite(), "{} {}", b.value(0), line);
        }
        let s = batch.column(4).as_string::<i32>();
        match &value["s"] {
            Value::Null => prop_assert!(s.is_null(0)),
            Value::String(text) => prop_assert_eq!(s.value(0), text),
            other => {
                let read: Value = serde_json::from_str(s.value(0)).unwrap();
                prop_assert_eq!(&read, other);
            }
        }
    }

    /// Damaged lines are malformed where a declared field is damaged.
    #[test]
    fn damaged_lines_are_malformed(
        text in json_text(),
        at in any::<prop::sample::Index>(),
        byte in prop::sample::select(b"{}[]\",:\\0x-.eE +\xff\x01\0".to_vec()),
        delete in any::<bool>(),
    ) {
        let line = format!("{{\"b\":1.5,\"s\":{text}}}");
        let mut bytes = line.into_bytes();
        let at = at.index(bytes.len());
        if delete {
            bytes.remove(at);
        } else {
            bytes[at] = byte;
        }
        let mut options = options(text_column(), Mode::DropMalformed);
        options.declared = Some(schema([
            nullable("b", DataType::Float64),
            nullable("s", DataType::Utf8),
        ]));
        let (_, malformed) = decode_bytes(&options, &bytes);
        let shown = String::from_utf8_lossy(&bytes);
        let names_are_intact = shown.starts_with("{\"b\":") && shown.contains(",\"s\":");
        match serde_json::from_slice::<Value>(&bytes) {
            Ok(value) => {
                let fits = value["b"].is_number() || value["b"].is_null();
                prop_assert!(malformed == u64::from(!(value.is_object() && fits)), "{shown}");
            }
            // Inside a container that is kept as text, brackets are only counted,
            // and a name that is not declared has a value that is skipped.
            // Half a surrogate pair is a `?` here, and a number may be of any size.
            Err(error)
                if ["hex escape", "out of range"]
                    .iter()
                    .any(|part| error.to_string().contains(part)) => {}
            Err(_) if text.contains(['{', '[']) || !names_are_intact => {}
            Err(_) => prop_assert_eq!(malformed, 1, "{}", shown),
        }
    }
}
