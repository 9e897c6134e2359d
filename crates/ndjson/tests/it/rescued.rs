//! What becomes of fields that are not declared, and of values that do not fit.

use std::time::{Duration, Instant};

use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};
use serde_json::Value;
use sluice_ndjson::{DecodeError, DecodeOptions, FileContext, Mode, NewFields, SchemaError};

use crate::generate::{Dice, line, random_schema};
use crate::support::{column, decode, decode_chunks, list, map, nullable, schema, structure};

/// Options that put what the columns do not hold into a last column.
fn rescuing_options(fields: impl IntoIterator<Item = Field>, mode: Mode) -> DecodeOptions {
    let mut fields: Vec<Field> = fields.into_iter().collect();
    let index = fields.len();
    fields.push(nullable("_rescued_data", DataType::Utf8));
    let mut options = DecodeOptions::new(schema(fields));
    options.mode = mode;
    options.new_fields = NewFields::Rescued;
    options.rescued = Some(index);
    options
}

fn example_fields() -> [Field; 4] {
    let home = structure([
        nullable("city", DataType::Utf8),
        nullable("zip", DataType::Int32),
    ]);
    [
        nullable("id", DataType::Int64),
        nullable("home", home.clone()),
        nullable("homes", list(home)),
        nullable("counts", map(DataType::Int32)),
    ]
}

/// A record, and the members of its rescued data; none when all is held.
const EXAMPLES: [(&str, &str); 15] = [
    (r#"{"id":1}"#, ""),
    (r#"{"id":null,"home":null,"homes":[null]}"#, ""),
    (r#"{"id":1,"new":2,"home":{"zip":1}}"#, r#""new":2"#),
    (
        r#"{ "a" : [1, {"b":2}] , "id" : 1.50, "c":{} }"#,
        r#""a":[1, {"b":2}],"id":1.50,"c":{}"#,
    ),
    (r#"{"ID":1}"#, r#""ID":1"#),
    (
        r#"{"home":{"city":"x","street":"y","zip":"1"}}"#,
        r#""home":{"street":"y","zip":"1"}"#,
    ),
    (r#"{"home":[1]}"#, r#""home":[1]"#),
    (
        r#"{"homes":[{"zip":1},{"zip":1,"floor":2}]}"#,
        r#""homes":[{"zip":1},{"zip":1,"floor":2}]"#,
    ),
    (r#"{"homes":[{"zip":"1"}]}"#, r#""homes":[{"zip":"1"}]"#),
    (
        r#"{"counts":{"a":1,"b":true}}"#,
        r#""counts":{"a":1,"b":true}"#,
    ),
    // Of equal keys the last one wins.
    (r#"{"id":"x","id":1,"n":1,"n":2}"#, r#""n":2"#),
    (r#"{"id":1,"id":"x"}"#, r#""id":"x""#),
    // What is no JSON is text.
    (r#"{"n":NaN,"m":01}"#, r#""n":"NaN","m":"01""#),
    (r#"{"n":"\q"}"#, r#""n":"\"\\q\"""#),
    (r#"{"a\"b\u00e9":1}"#, r#""a\"bé":1"#),
];

fn example_text() -> String {
    EXAMPLES.map(|(record, _)| format!("{record}\n")).concat()
}

fn expected_rescued() -> Vec<String> {
    let expected = EXAMPLES.map(|(_, members)| match members {
        "" => "null".to_owned(),
        members => format!(r#"{{{members},"_file_path":"file.json"}}"#),
    });
    expected.to_vec()
}

#[test]
fn what_no_column_holds_is_rescued_and_no_record_is_malformed() {
    for mode in [Mode::Permissive, Mode::DropMalformed, Mode::FailFast] {
        let options = rescuing_options(example_fields(), mode);
        let chunks = [example_text().into_bytes()];
        let (batch, stats) =
            decode_chunks(&options, FileContext::new("file.json", 0), chunks).unwrap();
        assert_eq!(column(&batch, 4), expected_rescued());
        assert_eq!(stats.malformed, 0);
        assert_eq!(column(&batch, 0)[..4], ["1", "null", "1", "null"]);
        assert_eq!(column(&batch, 0)[10..12], ["1", "null"]);
        assert_eq!(column(&batch, 1)[5], "{city: x, zip: null}");
        assert_eq!(
            column(&batch, 2)[7],
            "[{city: null, zip: 1}, {city: null, zip: 1}]"
        );
    }
}

#[test]
fn what_is_read_changes_nothing_of_what_is_rescued() {
    let whole = rescuing_options(example_fields(), Mode::FailFast);
    let mut alone = rescuing_options([], Mode::FailFast);
    alone.declared = Some(whole.schema.clone());
    let batch = decode(&alone, &example_text()).unwrap();
    assert_eq!(column(&batch, 0), expected_rescued());
    // Nor is a record malformed when the rescued data is not read.
    let mut without = rescuing_options(example_fields(), Mode::FailFast);
    without.schema = schema(example_fields());
    without.rescued = None;
    let batch = decode(&without, &example_text()).unwrap();
    assert_eq!(batch.num_rows(), EXAMPLES.len());
}

#[test]
fn broken_lines_and_missing_values_are_malformed_all_the_same() {
    let id = Field::new("id", DataType::Int64, false);
    let text =
        "{\"id\":1,\"n\":1}\n{\"n\":2}\n{\"id\":\"x\"}\n{\"n\":3\n{\"id\":4}\n{\"id\":5,\"n\":4}\n";
    let options = rescuing_options([id.clone()], Mode::DropMalformed);
    let chunks = [text.as_bytes().to_vec()];
    let (batch, stats) = decode_chunks(&options, FileContext::new("f", 0), chunks).unwrap();
    assert_eq!(column(&batch, 0), ["1", "4", "5"]);
    let rescued = [
        r#"{"n":1,"_file_path":"f"}"#,
        "null",
        r#"{"n":4,"_file_path":"f"}"#,
    ];
    assert_eq!(column(&batch, 1), rescued);
    assert_eq!(stats.dropped, 3);
    let batch = decode(&rescuing_options([id], Mode::Permissive), text).unwrap();
    let rescued: Vec<bool> = column(&batch, 1)
        .iter()
        .map(|text| text != "null")
        .collect();
    assert_eq!(rescued, [true, true, true, false, false, true]);
}

#[test]
fn a_field_that_is_not_declared_is_refused_with_its_place() {
    let refusing = |text: &str, offset: u64| {
        let mut options = DecodeOptions::new(schema(example_fields()));
        options.new_fields = NewFields::Refused;
        let mut file = FileContext::new("f", 0);
        file.offset = offset;
        let chunks = [text.as_bytes().to_vec()];
        decode_chunks(&options, file, chunks).map(|(batch, _)| batch.num_rows())
    };
    let fits = "{\"id\":1}\n{\"id\":\"x\",\"home\":{}}\n\n";
    assert_eq!(refusing(fits, 0).unwrap(), 2);
    for (record, expected) in [
        (r#"{"id":1,"new":2,"newer":3}"#, "new"),
        (r#"{"home":{"zip":1, "a\tb" : 2}}"#, "home.a\tb"),
        (r#"{"homes":[{},{"floor":2}]}"#, "homes[].floor"),
    ] {
        // The records before are like it, so that their keys are guessed.
        let text = format!("{fits}{{\"broken\":1\n{record}\n");
        for (offset, line) in [(0, 5), (7, 105)] {
            let Err(DecodeError::NewField {
                field,
                line: at,
                offset: byte,
                ..
            }) = refusing(&text, offset)
            else {
                panic!("{record} is not refused");
            };
            assert_eq!((field.as_str(), at), (expected, line));
            assert_eq!(byte, offset + text.len() as u64 - record.len() as u64 - 1);
        }
    }
}

#[test]
fn the_column_must_be_a_string_that_may_be_null() {
    for field in [
        nullable("r", DataType::Int64),
        Field::new("r", DataType::Utf8, false),
    ] {
        let mut options = DecodeOptions::new(schema([field]));
        options.rescued = Some(0);
        let error = sluice_ndjson::Decoder::new(options, FileContext::new("f", 0)).unwrap_err();
        assert!(matches!(error, SchemaError::Rescued { .. }), "{error}");
    }
}

/// Whether a record with only this member fits a schema with only this column.
fn fits_alone(field: &Field, key: &str, value: &Value) -> bool {
    let mut options = DecodeOptions::new(schema([field.clone()]));
    options.mode = Mode::FailFast;
    options.new_fields = NewFields::Refused;
    let record = Value::Object([(key.to_owned(), value.clone())].into_iter().collect());
    decode(&options, &record.to_string()).is_ok()
}

fn check_seed(seed: u64) {
    let mut dice = Dice::new(seed);
    let read: SchemaRef = random_schema(&mut dice, false);
    let written = random_schema(&mut dice, false);
    let fields: Fields = read.fields().clone();
    let options = rescuing_options(
        fields.iter().map(|field| field.as_ref().clone()),
        Mode::FailFast,
    );
    let own: &Schema = if dice.one_in(2) { &written } else { &read };
    for _ in 0..4 {
        let record = line(&mut dice, &own.clone().into());
        let Ok(Value::Object(members)) = serde_json::from_str(&record) else {
            continue;
        };
        let Ok(batch) = decode(&options, &record) else {
            continue;
        };
        let text = column(&batch, fields.len()).remove(0);
        let rescued: Value = serde_json::from_str(&text).unwrap();
        // What is not written as it was, such as `-0`, would be judged otherwise alone.
        let as_written = (members.iter()).filter(|(_, value)| record.contains(&value.to_string()));
        for (key, value) in as_written {
            let field = fields.iter().find(|field| field.name() == key);
            let is_held = field.is_some_and(|field| fits_alone(field, key, value));
            let found = rescued.get(key);
            assert_eq!(
                found.is_none(),
                is_held,
                "seed {seed}: {key} of {record}: {text}"
            );
        }
    }
}

#[test]
fn random_records_are_held_or_rescued() {
    let end = Instant::now() + Duration::from_secs(2);
    let mut seed = 0;
    while Instant::now() < end {
        check_seed(seed);
        seed += 1;
    }
    assert!(seed > 10);
}
