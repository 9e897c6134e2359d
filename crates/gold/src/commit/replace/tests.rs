use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use deltalake_core::kernel::Action as DeltaAction;

use super::*;
use crate::files::data_file::FileStats;
use crate::log::snapshot::ActiveFile;

fn spec() -> TableSpec {
    TableSpec {
        name: "t".to_owned(),
        schema: Arc::new(Schema::new(vec![
            Field::new("day", DataType::Utf8, true),
            Field::new("v", DataType::UInt64, false),
        ])),
        partition_by: vec!["day".to_owned()],
        properties: BTreeMap::new(),
        comment: None,
    }
}

fn info() -> CommitInfo {
    CommitInfo {
        job_id: "job-1".to_owned(),
        job_name: "nightly".to_owned(),
        engine: "sluice/0.1.0".to_owned(),
        commit_id: Uuid::from_u128(7),
        txn: Some(("job:nightly".to_owned(), 3)),
    }
}

fn file(path: &str, day: Option<&str>) -> DataFile {
    DataFile {
        path: path.to_owned(),
        size: 10,
        modification_time_ms: 1,
        partition_values: vec![("day".to_owned(), day.map(str::to_owned))],
        stats: FileStats {
            num_records: 2,
            ..FileStats::default()
        },
    }
}

fn snapshot(spec: &TableSpec) -> Snapshot {
    let schema = delta_schema(&spec.schema);
    Snapshot {
        version: 4,
        table_id: "id".to_owned(),
        name: Some("t".to_owned()),
        description: None,
        schema_string: schema_string(&schema).unwrap(),
        schema,
        partition_by: spec.partition_by.clone(),
        properties: BTreeMap::new(),
        files: vec![ActiveFile {
            path: "day=a b/x".to_owned(),
            size: 5,
            modification_time_ms: 1,
            partition_values: [("day".to_owned(), Some("a b".to_owned()))].into(),
            stats: None,
            // As another writer might have encoded it.
            raw_path: "day=a%20b/%78".to_owned(),
        }],
        reader_version: 1,
        writer_version: 2,
        features: Vec::new(),
        created_time: Some(1),
        txns: None,
    }
}

fn lines(planned: &PlannedEntry) -> Vec<serde_json::Value> {
    let lines = planned.entry.lines();
    let lines: Vec<_> = lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    for line in planned.entry.lines() {
        serde_json::from_str::<DeltaAction>(line).unwrap_or_else(|e| panic!("{line}: {e}"));
    }
    lines
}

fn keys(planned: &PlannedEntry) -> Vec<String> {
    let key = |line: &serde_json::Value| line.as_object().unwrap().keys().next().unwrap().clone();
    lines(planned).iter().map(key).collect()
}

#[test]
fn the_first_version_creates_the_table() {
    let (spec, info) = (spec(), info());
    let adds = [file("day=1/a", Some("1")), file("day=%2F/ü", Some(""))];
    let replace =
        ReplaceCommit::new_checked("t", &spec, &adds, CommitMode::Replace, &info).unwrap();
    let planned = replace.plan_entry(None, 1_000, Uuid::from_u128(9)).unwrap();
    assert!(planned.creates_table);
    assert_eq!((planned.version, planned.removed_files), (0, 0));
    assert_eq!(
        keys(&planned),
        ["commitInfo", "protocol", "metaData", "txn", "add", "add"]
    );
    let lines = lines(&planned);
    assert_eq!(lines[0]["commitInfo"]["txnId"], info.commit_id.to_string());
    assert_eq!(
        lines[0]["commitInfo"]["operationMetrics"]["numOutputRows"],
        "4"
    );
    assert_eq!(
        lines[0]["commitInfo"]["operationParameters"]["partitionBy"],
        r#"["day"]"#
    );
    assert!(lines[0]["commitInfo"].get("readVersion").is_none());
    assert_eq!(lines[1]["protocol"]["minReaderVersion"], 1);
    assert_eq!(lines[1]["protocol"]["minWriterVersion"], 2);
    assert_eq!(lines[2]["metaData"]["id"], Uuid::from_u128(9).to_string());
    assert_eq!(lines[3]["txn"]["version"], 3);
    assert_eq!(lines[5]["add"]["path"], "day=%252F/%C3%BC");
    // An empty string is NULL in a partition.
    assert!(lines[5]["add"]["partitionValues"]["day"].is_null());
    let stats: FileStats =
        serde_json::from_str(lines[4]["add"]["stats"].as_str().unwrap()).unwrap();
    assert_eq!(stats.num_records, 2);
}

#[test]
fn a_replace_removes_everything_and_says_what_changed_only_then() {
    let (spec, info) = (spec(), info());
    let before = snapshot(&spec);
    let adds = [file("day=1/a", Some("1"))];
    let replace =
        ReplaceCommit::new_checked("t", &spec, &adds, CommitMode::Replace, &info).unwrap();
    let planned = replace
        .plan_entry(Some(&before), 1_000, Uuid::from_u128(9))
        .unwrap();
    assert_eq!(
        (
            planned.version,
            planned.removed_files,
            planned.creates_table
        ),
        (5, 1, false)
    );
    assert_eq!(keys(&planned), ["commitInfo", "txn", "remove", "add"]);
    let remove = &lines(&planned)[2]["remove"];
    // Byte for byte, or strict readers would keep the file.
    assert_eq!(remove["path"], "day=a%20b/%78");
    assert_eq!(remove["deletionTimestamp"], 1_000);
    assert_eq!(remove["size"], 5);
    assert_eq!(remove["dataChange"], true);

    let mut wider = spec.clone();
    wider.comment = Some("new".to_owned());
    wider
        .properties
        .insert("owner".to_owned(), "ann".to_owned());
    let mut before = before;
    before
        .properties
        .insert("kept".to_owned(), "yes".to_owned());
    let replace =
        ReplaceCommit::new_checked("t", &wider, &adds, CommitMode::Replace, &info).unwrap();
    let planned = replace
        .plan_entry(Some(&before), 1_000, Uuid::from_u128(9))
        .unwrap();
    let metadata = &lines(&planned)[1]["metaData"];
    assert_eq!(metadata["id"], "id", "the table keeps its id");
    assert_eq!(metadata["createdTime"], 1);
    assert_eq!(metadata["description"], "new");
    assert_eq!(
        metadata["configuration"],
        serde_json::json!({"kept": "yes", "owner": "ann"})
    );
}

#[test]
fn an_empty_result_empties_the_table() {
    let (spec, info) = (spec(), info());
    let replace = ReplaceCommit::new_checked("t", &spec, &[], CommitMode::Replace, &info).unwrap();
    let planned = replace
        .plan_entry(Some(&snapshot(&spec)), 1, Uuid::nil())
        .unwrap();
    assert_eq!(keys(&planned), ["commitInfo", "txn", "remove"]);
}

#[test]
fn tables_that_ask_for_more_are_refused() {
    let (spec, info) = (spec(), info());
    let replace = ReplaceCommit::new_checked("t", &spec, &[], CommitMode::Replace, &info).unwrap();
    let plan = |change: fn(&mut Snapshot)| {
        let mut snapshot = snapshot(&spec);
        change(&mut snapshot);
        replace.plan_entry(Some(&snapshot), 1, Uuid::nil())
    };
    assert!(plan(|s| s.writer_version = 1).is_ok());
    assert!(plan(|s| s.writer_version = 4).is_ok());
    let constrained = |s: &mut Snapshot| {
        s.writer_version = 4;
        s.properties
            .insert("delta.constraints.c".to_owned(), "id > 0".to_owned());
    };
    for refused in [constrained, |s: &mut Snapshot| s.writer_version = 5] {
        let refused = plan(refused);
        assert!(matches!(refused, Err(GoldError::Protocol { .. })));
    }
    let listed = |s: &mut Snapshot| {
        (s.reader_version, s.writer_version) = (3, 7);
        s.features = vec!["appendOnly".to_owned(), "timestampNtz".to_owned()];
    };
    assert!(plan(listed).is_ok());
    let error = plan(|s| {
        (s.reader_version, s.writer_version) = (3, 7);
        s.features = vec!["deletionVectors".to_owned(), "invariants".to_owned()];
    })
    .unwrap_err();
    assert!(
        error.to_string().contains("features deletionVectors"),
        "{error}"
    );
    let error = plan(|s| {
        s.properties
            .insert("delta.appendOnly".to_owned(), "true".to_owned());
    })
    .unwrap_err();
    assert!(matches!(error, GoldError::AppendOnly { .. }));
}

#[test]
fn a_feed_of_changes_needs_a_newer_writer_and_no_newer_reader() {
    let (mut spec, info) = (spec(), info());
    spec.properties
        .insert("delta.enableChangeDataFeed".to_owned(), "true".to_owned());
    let replace = ReplaceCommit::new_checked("t", &spec, &[], CommitMode::Replace, &info).unwrap();
    let protocol = |snapshot: Option<&Snapshot>| {
        let planned = replace.plan_entry(snapshot, 1, Uuid::nil()).unwrap();
        let lines = lines(&planned).into_iter();
        let versions = lines.filter_map(|line| {
            let protocol = line.get("protocol")?;
            Some((
                protocol["minReaderVersion"].as_i64()?,
                protocol["minWriterVersion"].as_i64()?,
            ))
        });
        versions.collect::<Vec<_>>()
    };
    assert_eq!(protocol(None), [(1, 4)]);
    let mut before = snapshot(&spec);
    assert_eq!(protocol(Some(&before)), [(1, 4)]);
    before.writer_version = 4;
    assert_eq!(protocol(Some(&before)), []);
    (before.reader_version, before.writer_version) = (3, 7);
    let refused = replace
        .plan_entry(Some(&before), 1, Uuid::nil())
        .unwrap_err();
    assert!(refused.to_string().contains("changeDataFeed"), "{refused}");
    before.features = vec!["changeDataFeed".to_owned()];
    assert_eq!(protocol(Some(&before)), []);
}

#[test]
fn what_does_not_fit_is_refused_before_anything_is_written() {
    let (spec, info) = (spec(), info());
    let check = |adds: &[DataFile]| {
        let error =
            ReplaceCommit::new_checked("t", &spec, adds, CommitMode::Replace, &info).unwrap_err();
        error.to_string()
    };
    for path in ["/a", "a/../b", "a//b", ""] {
        assert!(
            check(&[file(path, None)]).contains("not relative"),
            "{path}"
        );
    }
    assert!(check(&[file("a", None), file("a", None)]).contains("twice"));
    let mut other = file("a", None);
    other.partition_values.clear();
    assert!(check(&[other]).contains("partition columns"));
    let mut bad = spec.clone();
    bad.partition_by = vec!["v".to_owned(), "day".to_owned()];
    let error = ReplaceCommit::new_checked("t", &bad, &[], CommitMode::Replace, &info).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("table 't' cannot have these columns"),
        "{error}"
    );
}

#[test]
fn a_schema_of_another_writer_is_the_same_in_another_order() {
    assert!(same_json(r#"{"a":1,"b":[1]}"#, r#"{ "b": [1], "a": 1 }"#));
    assert!(!same_json(r#"{"a":1}"#, r#"{"a":2}"#));
    assert!(!same_json("x", "y"));
}
