//! How records that are broken or do not fit are treated.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, SchemaRef};
use sluice_ndjson::{
    DecodeError, DecodeOptions, DecodeStats, Decoder, FileContext, Mode, SchemaError,
};

use crate::support::{
    column, decode, decode_chunks, list, map, nullable, options, schema, structure,
};

const TEXT: &str = "{\"id\": 1, \"name\": \"one\"}\r
{\"id\": \"2\", \"name\": \"two\"}\r
{\"id\": 3, \"name\": \"thr
[4]
{\"id\": 5, \"name\": \"five\"} {}
\t
{\"id\": 6, \"name\": \"six\"}";

fn corrupt_struct() -> DataType {
    structure([
        nullable("raw", DataType::Utf8),
        nullable("file", DataType::Utf8),
        nullable("line", DataType::Int64),
        nullable("reason", DataType::Utf8),
    ])
}

fn with_corrupt(data_type: DataType) -> DecodeOptions {
    let mut options = options(
        schema([
            nullable("id", DataType::Int64),
            nullable("_corrupt_record", data_type),
            nullable("name", DataType::Utf8),
        ]),
        Mode::Permissive,
    );
    options.corrupt_record = Some(1);
    options
}

#[test]
fn permissive_keeps_what_fits_and_describes_the_rest() {
    let batch = decode(&with_corrupt(corrupt_struct()), TEXT).unwrap();
    assert_eq!(
        column(&batch, 0),
        ["1", "null", "null", "null", "null", "6"]
    );
    assert_eq!(
        column(&batch, 2),
        ["one", "two", "null", "null", "null", "six"]
    );
    let corrupt = column(&batch, 1);
    let describe = |raw: &str, line: u64, reason: &str| {
        format!("{{raw: {raw}, file: file.json, line: {line}, reason: {reason}}}")
    };
    assert_eq!(
        corrupt,
        [
            "null".to_owned(),
            describe(
                "{\"id\": \"2\", \"name\": \"two\"}",
                2,
                "field id: expected BIGINT, found \"2\""
            ),
            describe("{\"id\": 3, \"name\": \"thr", 3, "the string is not closed"),
            describe("[4]", 4, "the line is not a JSON object"),
            describe(
                "{\"id\": 5, \"name\": \"five\"} {}",
                5,
                "more text follows the JSON object on its line"
            ),
            "null".to_owned(),
        ]
    );
}

#[test]
fn permissive_keeps_the_raw_line() {
    let batch = decode(&with_corrupt(DataType::Utf8), TEXT).unwrap();
    assert_eq!(column(&batch, 1)[3], "[4]");
    assert_eq!(column(&batch, 1)[0], "null");
    assert_eq!(column(&batch, 1)[1], "{\"id\": \"2\", \"name\": \"two\"}");
}

#[test]
fn the_corrupt_column_is_not_read_from_the_data() {
    let text = "{\"id\": 1, \"_corrupt_record\": \"forged\"}";
    let batch = decode(&with_corrupt(DataType::Utf8), text).unwrap();
    assert_eq!(column(&batch, 1), ["null"]);
}

fn plain() -> SchemaRef {
    schema([
        nullable("id", DataType::Int64),
        nullable("name", DataType::Utf8),
    ])
}

#[test]
fn dropmalformed_counts_what_it_leaves_out() {
    let chunks = [TEXT.as_bytes().to_vec()];
    let options = options(plain(), Mode::DropMalformed);
    let (batch, stats) = decode_chunks(&options, FileContext::new("f", 0), chunks).unwrap();
    assert_eq!(column(&batch, 0), ["1", "6"]);
    let expected = DecodeStats {
        lines: 7,
        rows: 2,
        malformed: 4,
        dropped: 4,
        blank: 1,
        bytes: TEXT.len() as u64,
    };
    assert_eq!(stats, expected);
}

#[test]
fn failfast_says_where() {
    let error = decode(&options(plain(), Mode::FailFast), TEXT).unwrap_err();
    let DecodeError::Malformed {
        file,
        line,
        offset,
        column,
        reason,
    } = &error
    else {
        panic!("{error}");
    };
    assert_eq!((&**file, *line, *offset, *column), ("file.json", 2, 26, 8));
    assert_eq!(reason, "field id: expected BIGINT, found \"2\"");
    assert!(
        error
            .to_string()
            .starts_with("file.json, line 2, column 8 (byte 26): field id")
    );
}

#[test]
fn failfast_repeats_the_same_error() {
    let options = options(plain(), Mode::FailFast);
    let mut decoder = Decoder::new(options, FileContext::new("f", 0)).unwrap();
    decoder.push_chunk("{\"id\": 1}\n{\"id\": x}\n{\"id\": 2}\n".into());
    decoder.end_input();
    let first = decoder.next_batch().unwrap_err().to_string();
    assert_eq!(decoder.next_batch().unwrap_err().to_string(), first);
    assert!(first.contains("line 2, column 8"), "{first}");
}

fn required() -> SchemaRef {
    let inner = structure([Field::new("x", DataType::Int64, false)]);
    let list = DataType::List(Arc::new(Field::new("item", DataType::Int64, false)));
    schema([
        Field::new("id", DataType::Int64, false),
        nullable("inner", inner),
        nullable("list", list),
    ])
}

#[test]
fn a_missing_value_that_was_declared_not_null() {
    let text = "{\"id\": 1, \"inner\": {\"x\": 1}, \"list\": [1]}
{\"inner\": null}
{\"id\": null}
{\"id\": 4, \"inner\": {}}
{\"id\": 5, \"list\": [1, null]}
{\"id\": 6}
";
    let dropped = decode(&options(required(), Mode::DropMalformed), text).unwrap();
    assert_eq!(column(&dropped, 0), ["1", "6"]);
    assert!(!dropped.schema().field(0).is_nullable());

    let kept = decode(&options(required(), Mode::Permissive), text).unwrap();
    assert_eq!(column(&kept, 0), ["1", "null", "null", "4", "5", "6"]);
    assert_eq!(column(&kept, 1)[3], "{x: null}");
    assert_eq!(column(&kept, 2)[4], "[1, null]");
    assert!(kept.schema().field(0).is_nullable());

    for (line, path) in [(1, "id"), (2, "id"), (3, "inner.x"), (4, "list[]")] {
        let text = text.lines().nth(line).unwrap();
        let error = decode(&options(required(), Mode::FailFast), text).unwrap_err();
        let expected = format!("field {path} is null or missing but declared NOT NULL");
        assert!(error.to_string().contains(&expected), "{error}");
    }
}

/// The content of unread fields is skipped and not checked; the structure of the
/// line always is.
#[test]
fn unread_fields_cannot_hide_a_broken_line() {
    let schema = schema([nullable("id", DataType::Int64)]);
    let read = |text: &str| decode(&options(schema.clone(), Mode::DropMalformed), text).unwrap();
    for broken in [
        "{\"id\": 1, \"more\": \"cut",
        "{\"id\": 1, \"more\": {\"a\": [1, 2}",
        "{\"id\": 1, \"more\": [1, 2}, \"b\": 1}",
        "{\"id\": 1, \"more\": {}",
        "{\"id\": 1, \"more\"}",
        "{\"id\": 1, \"more\": }",
        "{\"id\": 1, \"more\": ?}",
        "{\"id\": 1} x",
        "{\"id\": 1}}",
        "{\"id\": 1, \"more\": \"bad \u{1} control\"}",
        "{\"id\": 1",
        "{",
        "\"id\"",
        "null",
        "17",
    ] {
        let text = format!("{{\"id\": 1, \"more\": 2}}\n{broken}\n{{\"id\": 2, \"more\": 2}}\n");
        assert_eq!(column(&read(&text), 0), ["1", "2"], "{broken}");
    }
}

#[test]
fn strings_that_are_not_utf8() {
    let mut bytes =
        b"{\"name\": \"caf\xc3\xa9\"}\n{\"name\": \"caf\xe9\"}\n{\"name\": \"\\n\xff\"}\n".to_vec();
    bytes.extend_from_slice(b"{\"id\": 1, \"other\": \"\xff\"}\n{\"name\": [\"\xff\"]}\n");
    let mut options = with_corrupt(corrupt_struct());
    let file = || FileContext::new("f", 0);
    let (batch, _) = decode_chunks(&options, file(), [bytes.clone()]).unwrap();
    assert_eq!(column(&batch, 2), ["café", "null", "null", "null", "null"]);
    // The bytes of an unread field are not checked.
    assert_eq!(column(&batch, 0)[3], "1");
    assert_eq!(
        column(&batch, 1)[1],
        "{raw: {\"name\": \"caf\u{fffd}\"}, file: f, line: 2, reason: the string is not UTF-8}"
    );
    options.mode = Mode::DropMalformed;
    assert_eq!(
        decode_chunks(&options, file(), [bytes])
            .unwrap()
            .0
            .num_rows(),
        2
    );
}

#[test]
fn options_that_do_not_fit_the_schema() {
    let file = || FileContext::new("f", 0);
    let mut wrong = options(plain(), Mode::Permissive);
    wrong.corrupt_record = Some(0);
    let error = Decoder::new(wrong.clone(), file()).unwrap_err();
    assert!(
        matches!(error, SchemaError::CorruptRecord { .. }),
        "{error}"
    );
    wrong.corrupt_record = Some(2);
    let error = Decoder::new(wrong.clone(), file()).unwrap_err();
    assert!(
        matches!(error, SchemaError::NoSuchColumn { index: 2, .. }),
        "{error}"
    );
    wrong.corrupt_record = None;
    wrong.position = Some(1);
    let error = Decoder::new(wrong, file()).unwrap_err();
    assert!(matches!(error, SchemaError::Position { .. }), "{error}");
    let twice = schema([
        nullable("a", DataType::Int64),
        nullable("a", DataType::Int64),
    ]);
    let error = Decoder::new(options(twice, Mode::Permissive), file()).unwrap_err();
    assert!(matches!(error, SchemaError::Duplicate { .. }), "{error}");
}

/// What is read must not decide which records are malformed.
#[test]
fn records_are_judged_by_all_declared_columns() {
    let declared = schema([
        Field::new("id", DataType::Int64, false),
        nullable("n", DataType::Int32),
        nullable("text", DataType::Utf8),
        nullable(
            "deep",
            structure([
                nullable("a", DataType::Int32),
                nullable("b", list(structure([nullable("c", DataType::Date32)]))),
            ]),
        ),
        nullable("tags", map(DataType::Boolean)),
    ]);
    let text = "{\"id\": 1}
{\"id\": 2, \"n\": \"x\"}
{\"id\": 3, \"n\": 12x4}
{\"id\": 4, \"text\": \"\\q\"}
{\"n\": 5}
{\"id\": 6, \"deep\": {\"a\": 1, \"b\": [{\"c\": 6}]}}
{\"id\": 7, \"deep\": {\"a\" 1}}
{\"id\": 8, \"deep\": {\"a\": 1, \"b\": [{\"c\": \"2024-01-01\"}]}, \"tags\": {\"k\": true}}
{\"id\": 9, \"tags\": {\"k\": 1}}
";
    let narrow = |fields: Vec<Field>| schema(fields);
    let reads = [
        narrow(vec![]),
        narrow(vec![Field::new("id", DataType::Int64, false)]),
        narrow(vec![nullable(
            "deep",
            structure([nullable(
                "b",
                list(structure([nullable("c", DataType::Date32)])),
            )]),
        )]),
        Arc::clone(&declared),
    ];
    for read in reads {
        for (mode, rows, malformed) in [(Mode::DropMalformed, 2, 7), (Mode::Permissive, 9, 7)] {
            let mut options = options(Arc::clone(&read), mode);
            options.declared = Some(Arc::clone(&declared));
            let chunks = [text.as_bytes().to_vec()];
            let (batch, stats) =
                decode_chunks(&options, FileContext::new("file.json", 0), chunks).unwrap();
            assert_eq!((batch.num_rows(), stats.malformed), (rows, malformed));
            if read.fields().len() == 1 && mode == Mode::Permissive && read.field(0).name() == "id"
            {
                let ids = ["1", "2", "null", "null", "null", "6", "null", "8", "9"];
                assert_eq!(column(&batch, 0), ids);
            }
            if mode == Mode::DropMalformed
                && read.fields().len() == 1
                && read.field(0).name() == "deep"
            {
                assert_eq!(column(&batch, 0), ["null", "{b: [{c: 2024-01-01}]}"]);
            }
        }
        let mut options = options(Arc::clone(&read), Mode::FailFast);
        options.declared = Some(Arc::clone(&declared));
        let error = decode(&options, text).unwrap_err().to_string();
        assert!(
            error.contains("line 2") && error.contains("field n"),
            "{error}"
        );
    }
    let mut wrong = options(
        schema([nullable("other", DataType::Int32)]),
        Mode::Permissive,
    );
    wrong.declared = Some(declared);
    let error = Decoder::new(wrong, FileContext::new("file.json", 0)).unwrap_err();
    assert!(matches!(error, SchemaError::NotDeclared { path } if path == "other"));
}
