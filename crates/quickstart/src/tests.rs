use std::sync::Arc;

use arrow::array::{Float64Array, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use arrow::record_batch::RecordBatch;
use clap::Parser;

use crate::gold::TableSample;
use crate::{Args, GOLD_TABLES, JOB_TEXT, LandingState, ensure_landing, has_files, show};

fn sample(columns: usize) -> TableSample {
    let mut fields = vec![
        Field::new("name", DataType::Utf8, true),
        Field::new("sum", DataType::Float64, true),
        Field::new(
            "at",
            DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            true,
        ),
    ];
    let mut arrays: Vec<arrow::array::ArrayRef> = vec![
        Arc::new(StringArray::from(vec![
            Some("a name that is longer than what is shown"),
            None,
        ])),
        Arc::new(Float64Array::from(vec![Some(10.100_000_000_001), None])),
        Arc::new(
            TimestampMicrosecondArray::from(vec![Some(1_767_818_000_000_000), None])
                .with_timezone("UTC"),
        ),
    ];
    for number in 0..columns {
        fields.push(Field::new(format!("more_{number}"), DataType::Utf8, true));
        arrays.push(Arc::new(StringArray::from(vec!["twelve chars", "x"])));
    }
    let schema = Arc::new(Schema::new(fields));
    TableSample {
        name: "t".to_owned(),
        version: 3,
        comment: Some("a comment".to_owned()),
        rows: 5,
        files: 1,
        bytes: 100,
        first_rows: vec![RecordBatch::try_new(Arc::clone(&schema), arrays).unwrap()],
        schema,
    }
}

fn shown(table: &TableSample) -> String {
    let mut out = Vec::new();
    show::print_table(table, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_table_is_shown_with_its_facts_and_rows() {
    let text = shown(&sample(0));
    assert!(
        text.contains("t: 5 rows, 1 file, 100 bytes, version 3\na comment\n"),
        "{text}"
    );
    assert!(text.contains("a name that is longer than… "), "{text}");
    assert!(text.contains(" 10.10 "), "{text}");
    assert!(text.contains("2026-01-07T20:33:20"), "{text}");
    assert!(text.contains("NULL"), "{text}");
    assert!(text.contains("…"), "{text}");
}

#[test]
fn columns_that_do_not_fit_are_named() {
    let text = shown(&sample(10));
    assert!(
        text.lines().all(|line| line.chars().count() <= 120),
        "{text}"
    );
    assert!(text.ends_with("more_9\n"), "{text}");
    assert!(text.contains("more_0"), "{text}");
}

#[test]
fn an_empty_table_has_no_rows_to_show() {
    let mut table = sample(0);
    table.first_rows.clear();
    table.rows = 0;
    assert_eq!(
        shown(&table),
        "\nt: 0 rows, 1 file, 100 bytes, version 3\na comment\n"
    );
}

#[test]
fn the_job_makes_every_table_that_is_shown() {
    for table in GOLD_TABLES {
        let is_made = ["MATERIALIZED VIEW", "STREAMING TABLE"]
            .iter()
            .any(|kind| JOB_TEXT.contains(&format!("{kind} {table}\n")));
        assert!(is_made, "{table}");
    }
}

#[test]
fn landing_is_made_once() {
    let folder = tempfile::tempdir().unwrap();
    let landing = folder.path().join("landing");
    let args = Args::try_parse_from(["quickstart", "--user-events", "40", "--transactions", "20"]);
    let args = args.unwrap();
    let made = ensure_landing(&args, &landing).unwrap();
    assert!(matches!(made, LandingState::Landed(_)));
    let user_events = landing.join("user_events");
    assert!(has_files(&user_events));
    let files = |folder: &std::path::Path| {
        let mut names: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_file())
            .collect();
        names.sort();
        names
    };
    let before = files(&user_events);
    std::fs::write(&before[0], "{}\n").unwrap();
    let made = ensure_landing(&args, &landing).unwrap();
    assert!(matches!(made, LandingState::Found));
    assert_eq!(files(&user_events), before);
    assert_eq!(std::fs::read_to_string(&before[0]).unwrap(), "{}\n");
}
