//! Which files groups may be in.

use datafusion::arrow::array::{ArrayRef, Int64Array, StringArray};
use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::arrow::record_batch::RecordBatch;
use serde_json::json;
use sluice_gold::FileStats;

use super::*;
use crate::job::key_ranges::{KeyColumn, MAX_RANGES, find_ranges};

fn schema() -> Schema {
    Schema::new(vec![
        Field::new("k", DataType::Int64, true),
        Field::new("s", DataType::Utf8, true),
        Field::new("d", DataType::Float64, true),
    ])
}

fn file(path: &str, (min, max): (i64, i64), size: u64) -> DataFile {
    let object = |value: serde_json::Value| value.as_object().cloned().unwrap();
    DataFile {
        path: path.to_owned(),
        size,
        modification_time_ms: 0,
        partition_values: Vec::new(),
        stats: FileStats {
            num_records: 2,
            min_values: object(json!({"k": min, "s": "a"})),
            max_values: object(json!({"k": max, "s": "c"})),
            null_count: object(json!({"k": 0, "s": 0})),
        },
    }
}

fn groups(keys: &[(Option<i64>, &str)]) -> RecordBatch {
    let numbers: Int64Array = keys.iter().map(|(number, _)| *number).collect();
    let texts: StringArray = keys.iter().map(|(_, text)| Some(*text)).collect();
    RecordBatch::try_from_iter_with_nullable([
        ("__group_0", Arc::new(numbers) as ArrayRef, true),
        ("__group_1", Arc::new(texts) as ArrayRef, true),
    ])
    .unwrap()
}

fn key(of_table: &str, of_groups: &str) -> KeyColumn {
    KeyColumn {
        of_table: of_table.to_owned(),
        of_groups: of_groups.to_owned(),
        is_day_of: false,
    }
}

fn chosen(files: &[DataFile], keys: &[(Option<i64>, &str)]) -> Vec<String> {
    let columns = [key("k", "__group_0"), key("s", "__group_1")];
    let ranges = find_ranges(&[groups(keys)], &columns).unwrap();
    choose_files(files, Some(&ranges), &schema())
}

const MIB: u64 = 1024 * 1024;

#[test]
fn files_that_may_have_a_group_are_replaced() {
    let files = [file("a", (0, 9), MIB), file("b", (10, 19), MIB)];
    assert_eq!(chosen(&files, &[(Some(3), "b")]), ["a"]);
    assert_eq!(
        chosen(&files, &[(Some(3), "b"), (Some(12), "a")]),
        ["a", "b"]
    );
    // Both keys of one group.
    assert_eq!(chosen(&files, &[(Some(3), "z"), (Some(30), "b")]), [""; 0]);
    assert_eq!(chosen(&files, &[(None, "b")]), [""; 0]);
    assert_eq!(chosen(&files, &[]), [""; 0]);
    // Too many groups to look at.
    assert_eq!(choose_files(&files, None, &schema()), ["a", "b"]);
}

#[test]
fn many_groups_are_ranges() {
    let keys: Vec<(Option<i64>, &str)> = (0..10_000).map(|at| (Some(at * 3), "b")).collect();
    let columns = [key("k", "__group_0"), key("s", "__group_1")];
    let ranges = find_ranges(&[groups(&keys)], &columns).unwrap();
    assert_eq!(ranges.len(), MAX_RANGES - 6);
    let files = [
        file("a", (20_000, 20_010), MIB),
        file("b", (40_000, 50_000), MIB),
    ];
    assert_eq!(choose_files(&files, Some(&ranges), &schema()), ["a"]);
}

#[test]
fn keys_that_cannot_be_compared_are_in_any_file() {
    let batch = groups(&[(Some(1), "b")]);
    let ranges = find_ranges(&[batch], &[key("d", "missing")]).unwrap();
    let files = [file("a", (20, 30), MIB)];
    assert_eq!(choose_files(&files, Some(&ranges), &schema()), ["a"]);
}

#[test]
fn many_small_files_are_written_again_together() {
    let mut files: Vec<DataFile> = (0..=MAX_SMALL_FILES as i64)
        .map(|at| file(&at.to_string(), (at, at), 100))
        .collect();
    files.push(file("large", (100, 200), MIB));
    // The one with the group is replaced in any case; the others are few enough.
    assert_eq!(chosen(&files, &[(Some(3), "b")]), ["3"]);
    files.push(file("more", (50, 50), 100));
    let replaced = chosen(&files, &[(Some(3), "b")]);
    assert_eq!(replaced.len(), MAX_SMALL_FILES + 2);
    assert!(!replaced.contains(&"large".to_owned()));
    // Without a change nothing is.
    assert_eq!(chosen(&files, &[]), [""; 0]);
}

#[test]
fn files_are_decided_once() {
    let replaced = ReplacedFiles::default();
    assert_eq!(replaced.paths(), None);
    assert_eq!(replaced.decide(vec!["a".to_owned()]), ["a"]);
    assert_eq!(replaced.clone().decide(vec!["b".to_owned()]), ["a"]);
    assert_eq!(replaced.paths(), Some(&["a".to_owned()][..]));
}
