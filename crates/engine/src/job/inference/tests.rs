//! Columns that are found are those that Spark finds.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Deserialize;
use sluice_csv::CsvTypeDecoder;
use sluice_jobfile::{Relation, parse_job_file};
use sluice_ndjson::{DecoderOutput, FileContext, FileDecoder, Mode, TypeDecoder};
use sluice_values::TimeZone;

use super::*;

/// A file and what Spark finds in it, as `tests/spark/found_types.py` writes it.
#[derive(Deserialize)]
struct Answer {
    format: String,
    text: String,
    columns: String,
}

fn source_of(format: &str) -> Source {
    let text = format!(
        "CREATE TABLE t USING {format} OPTIONS ({}) LOCATION 'x';
         CREATE MATERIALIZED VIEW v AS SELECT * FROM t;",
        if format == "csv" {
            "header true, inferSchema true"
        } else {
            "mode 'permissive'"
        }
    );
    let file = parse_job_file("job.sql", &text).unwrap();
    let job = file.bind_parameters(&BTreeMap::new()).unwrap();
    let found = job
        .relations
        .into_iter()
        .find_map(|relation| match relation {
            Relation::Source(source) => Some(source),
            _ => None,
        });
    found.unwrap()
}

/// The row for files that are cut into two chunks each.
fn read_types(mut decoder: impl FileDecoder, text: &str) -> RecordBatch {
    let (start, end) = text.as_bytes().split_at(text.len() / 2);
    decoder.push_chunk(Bytes::copy_from_slice(start));
    decoder.push_chunk(Bytes::copy_from_slice(end));
    decoder.end_input();
    match decoder.next_batch().unwrap() {
        DecoderOutput::Batch(batch) => batch,
        other => panic!("{other:?}"),
    }
}

fn find_columns(format: &str, text: &str) -> Vec<Column> {
    let file = FileContext::new("a", 0);
    let rows = match format {
        "json" => read_types(TypeDecoder::new(Mode::Permissive, 1 << 20, file), text),
        _ => {
            let csv = sources::csv_options(&source_of(format));
            let limits = (Mode::Permissive, 1 << 20);
            read_types(
                CsvTypeDecoder::new(limits, csv, TimeZone::UTC, file).unwrap(),
                text,
            )
        }
    };
    merge_rows(&source_of(format), &[], &[rows]).unwrap()
}

/// As `StructType.simpleString` of Spark writes them.
fn spell(columns: &[Column]) -> String {
    let columns = columns.iter();
    let columns = columns.map(|of| format!("{}:{}", of.source_name, spell_type(&of.ty)));
    format!("struct<{}>", columns.collect::<Vec<_>>().join(","))
}

fn spell_type(ty: &DataType) -> String {
    match ty {
        DataType::Struct(fields) => {
            let fields = fields.iter();
            let fields = fields.map(|of| format!("{}:{}", of.source_name, spell_type(&of.ty)));
            format!("struct<{}>", fields.collect::<Vec<_>>().join(","))
        }
        DataType::Array(element) => format!("array<{}>", spell_type(element)),
        scalar => scalar.to_string().to_lowercase().replace(", ", ","),
    }
}

#[test]
fn spark_finds_the_same_columns() {
    let answers = include_str!("../../../../../tests/spark/found_types.json");
    let answers: Vec<Answer> = serde_json::from_str(answers).unwrap();
    assert!(answers.len() > 200);
    let mut differences = Vec::new();
    for Answer {
        format,
        text,
        columns,
    } in answers
    {
        let ours = spell(&find_columns(&format, &text));
        if ours != columns {
            differences.push(format!("{text}\nSpark {columns}\nours  {ours}"));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n\n"));
}

#[test]
fn columns_that_were_known_stay_and_new_ones_follow() {
    let known = find_columns("json", "{\"b\": 1, \"z\": \"x\"}\n");
    let found = find_columns("json", "{\"a\": 1, \"B\": true, \"b\": 1.5, \"c\": []}\n");
    let columns = add_columns(&known, found);
    assert_eq!(
        spell(&columns),
        "struct<b:bigint,z:string,a:bigint,c:array<string>>"
    );
}

#[test]
fn files_of_csv_have_their_columns_at_the_same_places() {
    let source = source_of("csv");
    let row = |fields: &[(&str, InferredType)]| {
        let fields = fields
            .iter()
            .map(|(name, of)| ((*name).to_owned(), of.clone()));
        InferredType::Struct(fields.collect())
    };
    let files = vec![
        row(&[("id", InferredType::Int), ("day", InferredType::Date)]),
        // A part of a file, which has no header.
        row(&[
            ("", InferredType::Double),
            ("", InferredType::Null),
            ("", InferredType::Int),
        ]),
        row(&[("ID", InferredType::Null), ("day", InferredType::Timestamp)]),
    ];
    let found = merge_by_position(&source, &[], files).unwrap();
    let expected = [
        ("id", InferredType::Double),
        ("day", InferredType::Timestamp),
    ];
    assert_eq!(found, expected.map(|(name, of)| (name.to_owned(), of)));
    let other = vec![row(&[
        ("day", InferredType::Date),
        ("id", InferredType::Int),
    ])];
    let known = find_columns("csv", "id,day\n1,2024-01-01\n");
    let error = merge_by_position(&source, &known, other).unwrap_err();
    assert!(
        error.to_string().contains("column 1 is called `id`"),
        "{error}"
    );
}
