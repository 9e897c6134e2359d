//! Commits that were recorded before they were made.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use sluice_fault_store::Fault;

use super::*;
use crate::commit::prepared::{CommitOrigin, PreparedCommit};
use crate::commit::view::ViewPlan;
use crate::schema::COMMENT_KEY;
use crate::table::GoldTables;
use crate::test_table::{WRITE_AND_READ_FAIL, overtaken};

pub(super) fn origin(job: &str) -> CommitOrigin {
    CommitOrigin {
        job_id: job.to_owned(),
        job_name: "test".to_owned(),
        engine: "sluice/0.1.0".to_owned(),
        application: Some("sluice:s".to_owned()),
    }
}

async fn prepare(t: &Setup, job: &str) -> (PreparedCommit, String) {
    let file = t.file(job, None).await;
    let path = file.path.clone();
    let prepared = t
        .table
        .prepare_commit(&spec(), &[file], None, &origin(job))
        .await;
    (prepared.unwrap(), path)
}

/// What another process reads of the record.
fn read_again(prepared: &PreparedCommit) -> PreparedCommit {
    serde_json::from_str(&serde_json::to_string(prepared).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn another_process_makes_a_recorded_commit_once() {
    let t = Setup::new();
    let before = t.file("before", None).await;
    committed_version(t.replace("before", &[before]).await);
    let (prepared, path) = prepare(&t, "a").await;
    let restored = read_again(&prepared);
    assert_eq!(restored, prepared);
    let other = t.open_again();
    assert_eq!(other.find_prepared(&restored).await.unwrap(), None);
    assert_eq!(committed_version(other.commit_prepared(&restored).await), 1);
    assert_eq!(t.content().await, [path]);
    // A later commit of another job stays, and the version is still found.
    let later = t.file("later", None).await;
    committed_version(t.replace("later", std::slice::from_ref(&later)).await);
    for table in [&t.table, &other, &t.open_again()] {
        assert_eq!(table.find_prepared(&prepared).await.unwrap(), Some(1));
        let again = table.commit_prepared(&prepared).await.unwrap();
        assert_eq!(again, CommitOutcome::AlreadyCommitted { version: 1 });
    }
    assert_eq!(t.content().await, [later.path]);
    assert_eq!(t.versions(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recorded_commit_may_create_its_table() {
    let t = Setup::new();
    let (prepared, path) = prepare(&t, "a").await;
    assert_eq!(t.versions(), 0, "preparing changes nothing");
    assert_eq!(
        committed_version(t.table.commit_prepared(&prepared).await),
        0
    );
    let again = t.open_again().commit_prepared(&prepared).await.unwrap();
    assert_eq!(again, CommitOutcome::AlreadyCommitted { version: 0 });
    assert_eq!(t.content().await, [path]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_of_unknown_outcome_can_be_made_again() {
    for fault in [Fault::LostAnswer, Fault::LostRequest, Fault::SentTwice] {
        let t = Setup::new();
        let (prepared, path) = prepare(&t, "a").await;
        let dead = vec![WRITE_AND_READ_FAIL; MAX_ATTEMPTS as usize];
        t.faults.set_faults(dead);
        let error = t.table.commit_prepared(&prepared).await.unwrap_err();
        assert!(error.is_outcome_unknown(), "{error}");
        t.faults.set_faults([fault.clone()]);
        let table = t.open_again();
        table.commit_prepared(&prepared).await.unwrap();
        assert_eq!(table.find_prepared(&prepared).await.unwrap(), Some(0));
        assert_eq!(
            (t.content().await, t.versions()),
            (vec![path], 1),
            "{fault:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recorded_commit_is_built_anew_after_a_lost_race() {
    let t = Setup::new();
    let before = t.file("before", None).await;
    committed_version(t.replace("before", &[before]).await);
    let (prepared, path) = prepare(&t, "a").await;
    t.faults.set_faults([overtaken(), overtaken()]);
    assert_eq!(
        committed_version(t.table.commit_prepared(&prepared).await),
        3
    );
    assert_eq!(t.content().await, [path]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_number_of_another_scheduler_hides_no_commit() {
    let t = Setup::new();
    let before = t.file("before", None).await;
    committed_version(t.replace("before", &[before]).await);
    // Two schedulers whose state folders are copies of each other.
    let (one, _) = prepare(&t, "one").await;
    let (other, path) = prepare(&t, "other").await;
    assert_eq!(committed_version(t.table.commit_prepared(&one).await), 1);
    assert_eq!(committed_version(t.table.commit_prepared(&other).await), 2);
    assert_eq!(t.content().await, [path]);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_log_was_cleaned_up_the_txn_number_shows_the_commit() {
    let t = Setup::new();
    let before = t.file("before", None).await;
    committed_version(t.replace("before", &[before]).await);
    let (prepared, _) = prepare(&t, "a").await;
    committed_version(t.table.commit_prepared(&prepared).await);
    let later = t.file("later", None).await;
    committed_version(t.replace("later", std::slice::from_ref(&later)).await);
    t.table.write_checkpoint().await.unwrap();
    let log = t.folder.path().join("my table/_delta_log");
    for version in 0..2 {
        std::fs::remove_file(log.join(format!("{version:020}.json"))).unwrap();
    }
    let outcome = t.open_again().commit_prepared(&prepared).await.unwrap();
    assert_eq!(outcome, CommitOutcome::AlreadyCommitted { version: 2 });
    assert_eq!(
        t.open_again()
            .load_snapshot()
            .await
            .unwrap()
            .unwrap()
            .version,
        2
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_committed_is_refused_before_it_is_recorded() {
    let t = Setup::new();
    let file = t.file("a", None).await;
    committed_version(t.replace("a", &[file]).await);
    let log = t.folder.path().join("my table/_delta_log");
    let line = r#"{"protocol":{"minReaderVersion":1,"minWriterVersion":5}}"#;
    std::fs::write(log.join("00000000000000000001.json"), line).unwrap();
    let file = t.file("b", None).await;
    let refused = t
        .table
        .prepare_commit(&spec(), &[file], None, &origin("b"))
        .await;
    assert!(
        matches!(refused, Err(GoldError::Protocol { .. })),
        "{refused:?}"
    );
}

/// Every type that a table may have is recorded as the table has it.
#[tokio::test(flavor = "multi_thread")]
async fn columns_and_locations_survive_the_record() {
    let t = Setup::new();
    let comment = HashMap::from([(COMMENT_KEY.to_owned(), "why".to_owned())]);
    let item = Arc::new(Field::new("item", DataType::Utf8View, true));
    let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let fields = vec![
        Field::new("a", DataType::Int64, false).with_metadata(comment),
        Field::new("b", DataType::Decimal128(20, 3), true),
        Field::new("c", utc, true),
        Field::new("d", DataType::List(item), true),
        Field::new(
            "e",
            DataType::Struct(vec![Field::new("x", DataType::UInt32, true)].into()),
            true,
        ),
        Field::new("f", DataType::Date32, true),
        Field::new("g", DataType::Binary, true),
    ];
    let spec = TableSpec {
        schema: Arc::new(Schema::new(fields)),
        partition_by: vec!["a".to_owned()],
        ..spec()
    };
    let mut file = t.file("a", None).await;
    file.partition_values = vec![("a".to_owned(), Some("1".to_owned()))];
    let prepared = t
        .table
        .prepare_commit(&spec, &[file], None, &origin("a"))
        .await;
    let restored = read_again(&prepared.unwrap());
    let read = restored.spec().unwrap();
    assert_eq!(read.schema, crate::delta_schema(&spec.schema));
    assert_eq!(
        (&read.partition_by, &read.comment),
        (&spec.partition_by, &spec.comment)
    );
    committed_version(t.table.commit_prepared(&restored).await);
    let snapshot = t.table.load_snapshot().await.unwrap().unwrap();
    assert_eq!(snapshot.schema, read.schema);

    let stores = sluice_storage::Stores::new(sluice_storage::StoreOptions::new());
    let tables = GoldTables::new(stores.clone());
    for text in ["/tmp/a%20b/ü c", "s3://bucket/a%2520b/c%20d"] {
        let root = stores.parse_location(text).unwrap();
        let table = tables.open(&root, "t").unwrap();
        let parsed = stores.parse_location(table.location().url().as_str());
        assert_eq!(&parsed.unwrap(), table.location(), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_keeps_files_of_the_version_that_was_read() {
    let t = Setup::new();
    let (stays, replaced) = (t.file("a", None).await, t.file("b", None).await);
    let both = [stays.clone(), replaced.clone()];
    committed_version(t.replace("before", &both).await);
    let prepare_view = async |number, removes: Vec<String>| {
        let file = t.file("view", None).await;
        let path = file.path.clone();
        let read = t.table.load_snapshot().await.unwrap().unwrap();
        let view = Some(ViewPlan {
            number,
            based_on: Some(read.version),
            adds: false,
            removes: Some(removes),
        });
        let (spec, origin) = (spec(), origin("view"));
        let prepared = t.table.prepare_commit(&spec, &[file], view, &origin).await;
        Ok::<_, GoldError>((prepared?, path))
    };
    let missing = vec!["other.parquet".to_owned()];
    let error = prepare_view(1, missing).await.unwrap_err();
    assert!(matches!(error, GoldError::PastChanged { .. }), "{error}");

    let (prepared, path) = prepare_view(1, vec![replaced.path]).await.unwrap();
    let restored = read_again(&prepared);
    assert_eq!(restored, prepared);
    let other = t.open_again();
    assert_eq!(committed_version(other.commit_prepared(&restored).await), 1);
    let mut expected = [stays.path.clone(), path.clone()];
    expected.sort();
    assert_eq!(t.content().await, expected);
    let snapshot = t.table.load_snapshot().await.unwrap().unwrap();
    assert_eq!(t.table.view_number(&snapshot).await.unwrap(), Some(1));
    let again = t.table.commit_prepared(&prepared).await.unwrap();
    assert_eq!(again, CommitOutcome::AlreadyCommitted { version: 1 });

    // Nothing is removed: the groups of the run are in no file.
    let (added, _) = prepare_view(2, Vec::new()).await.unwrap();
    // Rows that stay were read of a version that is no longer the newest.
    let (late, _) = prepare_view(3, vec![path]).await.unwrap();
    assert_eq!(committed_version(t.table.commit_prepared(&added).await), 2);
    assert_eq!(t.content().await.len(), 3);
    let error = t.table.commit_prepared(&late).await.unwrap_err();
    assert!(matches!(error, GoldError::PastChanged { .. }), "{error}");
    assert_eq!(t.content().await.len(), 3);
}
