//! Appends by flows.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};

use super::prepared::origin;
use super::*;
use crate::commit::append::FlowAppend;
use crate::commit::prepared::PreparedCommit;
use crate::test_table::overtaken;

fn flows(follows: Option<i64>, number: i64) -> Vec<FlowAppend> {
    vec![FlowAppend {
        flow: "f".to_owned(),
        follows,
        number,
        makes_version: None,
    }]
}

async fn prepare_file(
    table: &GoldTable,
    file: DataFile,
    flows: Vec<FlowAppend>,
    job: &str,
) -> Result<PreparedCommit, GoldError> {
    let (spec, origin) = (spec(), origin(job));
    table.prepare_append(&spec, &[file], flows, &origin).await
}

async fn prepare(
    t: &Setup,
    job: &str,
    follows: Option<i64>,
    number: i64,
) -> Result<(PreparedCommit, String), GoldError> {
    let file = t.file(job, None).await;
    let path = file.path.clone();
    let prepared = prepare_file(&t.table, file, flows(follows, number), job).await?;
    Ok((prepared, path))
}

async fn append(t: &Setup, job: &str, follows: Option<i64>, number: i64) -> String {
    let (prepared, path) = prepare(t, job, follows, number).await.unwrap();
    committed_version(t.table.commit_prepared(&prepared).await);
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn appends_keep_what_the_table_has() {
    let t = Setup::new();
    let first = append(&t, "a", None, 0).await;
    let second = append(&t, "b", Some(0), 4).await;
    let mut both = [first, second];
    both.sort();
    assert_eq!(t.content().await, both);
    for table in [&t.table, &t.open_again()] {
        let snapshot = table.load_snapshot().await.unwrap().unwrap();
        assert!(snapshot.is_streaming());
        assert_eq!(table.flow_number(&snapshot, "f").await.unwrap(), Some(4));
        assert_eq!(table.flow_number(&snapshot, "g").await.unwrap(), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_runs_that_take_the_same_one_adds_it() {
    let t = Setup::new();
    append(&t, "a", None, 0).await;
    let (slow, _) = prepare(&t, "slow", Some(0), 1).await.unwrap();
    let fast = append(&t, "fast", Some(0), 2).await;
    let error = t.table.commit_prepared(&slow).await.unwrap_err();
    assert!(matches!(error, GoldError::FlowOvertaken { .. }), "{error}");
    assert!(t.content().await.contains(&fast));
    assert_eq!(t.content().await.len(), 2);
    let error = prepare(&t, "late", Some(0), 3).await.unwrap_err();
    assert!(
        error.to_string().contains("submit the job again"),
        "{error}"
    );
    // A commit that was made is found, although its flow has gone on.
    let (made, _) = prepare(&t, "made", Some(2), 3).await.unwrap();
    committed_version(t.table.commit_prepared(&made).await);
    append(&t, "later", Some(3), 4).await;
    let again = t.open_again().commit_prepared(&made).await.unwrap();
    assert_eq!(again, CommitOutcome::AlreadyCommitted { version: 2 });
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_is_built_again_on_what_others_have_committed() {
    let t = Setup::new();
    let first = append(&t, "a", None, 0).await;
    let (prepared, path) = prepare(&t, "b", Some(0), 1).await.unwrap();
    t.faults.set_faults([overtaken()]);
    assert_eq!(
        committed_version(t.table.commit_prepared(&prepared).await),
        2
    );
    let mut both = [first, path];
    both.sort();
    assert_eq!(t.content().await, both);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_that_read_the_table_is_made_on_that_version_only() {
    let t = Setup::new();
    let on_version = |makes_version| {
        let mut append = flows(None, 0);
        append[0].flow = "keyed".to_owned();
        append[0].makes_version = Some(makes_version);
        append
    };
    let file = t.file("a", None).await;
    let early = prepare_file(&t.table, file, on_version(0), "a").await;
    let early = early.unwrap();
    append(&t, "other", None, 0).await;
    let error = t.table.commit_prepared(&early).await.unwrap_err();
    assert!(matches!(error, GoldError::PastChanged { .. }), "{error}");
    assert_eq!(t.content().await.len(), 1);
    let file = t.file("b", None).await;
    let again = prepare_file(&t.table, file, on_version(1), "b").await;
    let again = again.unwrap();
    assert_eq!(committed_version(t.table.commit_prepared(&again).await), 1);
    // It was made, whatever comes after it.
    append(&t, "other", Some(0), 1).await;
    let found = t.open_again().commit_prepared(&again).await.unwrap();
    assert_eq!(found, CommitOutcome::AlreadyCommitted { version: 1 });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_is_replaced_on_the_version_that_was_read() {
    let t = Setup::new();
    let stays = append(&t, "a", None, 0).await;
    let removed = append(&t, "b", Some(0), 1).await;
    let prepare_part = async |follows, number, removes: &[String]| {
        let file = t.file("part", None).await;
        let path = file.path.clone();
        let mut flows = flows(Some(follows), number);
        let read = t.table.load_snapshot().await.unwrap().unwrap();
        flows[0].makes_version = Some(read.version + 1);
        let (spec, origin, files) = (spec(), origin("part"), [file]);
        let prepared = t
            .table
            .prepare_part(&spec, (&files, removes), flows, &origin);
        Ok::<_, GoldError>((prepared.await?, path))
    };
    let missing = ["other.parquet".to_owned()];
    let error = prepare_part(1, 2, &missing).await.unwrap_err();
    assert!(matches!(error, GoldError::PastChanged { .. }), "{error}");

    let (part, path) = prepare_part(1, 2, &[removed]).await.unwrap();
    // A record of the commit says the same.
    let text = serde_json::to_string(&part).unwrap();
    let part: PreparedCommit = serde_json::from_str(&text).unwrap();
    assert_eq!(committed_version(t.table.commit_prepared(&part).await), 2);
    let mut both = [stays, path.clone()];
    both.sort();
    assert_eq!(t.content().await, both);
    let snapshot = t.table.load_snapshot().await.unwrap().unwrap();
    assert_eq!(t.table.flow_number(&snapshot, "f").await.unwrap(), Some(2));
    let found = t.open_again().commit_prepared(&part).await.unwrap();
    assert_eq!(found, CommitOutcome::AlreadyCommitted { version: 2 });
    let error = t.table.added_files(2..3, &|_| true).await.unwrap_err();
    assert!(matches!(error, GoldError::NotAppended { .. }), "{error}");

    // Rows that stay were read of a version that is no longer the newest.
    let (late, _) = prepare_part(2, 3, &[path]).await.unwrap();
    let file = t.file("g", None).await;
    let mut of_other = flows(None, 0);
    of_other[0].flow = "g".to_owned();
    let other = prepare_file(&t.table, file, of_other, "g").await;
    committed_version(t.table.commit_prepared(&other.unwrap()).await);
    let error = t.table.commit_prepared(&late).await.unwrap_err();
    assert!(matches!(error, GoldError::PastChanged { .. }), "{error}");
    assert_eq!(t.content().await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_replaces_the_rows_and_what_all_flows_have_taken() {
    let t = Setup::new();
    append(&t, "a", None, 0).await;
    let file = t.file("g", None).await;
    let mut of_other = flows(None, 1);
    of_other[0].flow = "g".to_owned();
    let other = prepare_file(&t.table, file, of_other.clone(), "g").await;
    committed_version(t.table.commit_prepared(&other.unwrap()).await);
    let (late, _) = prepare(&t, "late", Some(0), 2).await.unwrap();

    let file = t.file("again", None).await;
    let path = file.path.clone();
    let (spec, origin) = (spec(), origin("again"));
    let restart = flows(Some(0), 3);
    let files = [file];
    let restart = t.table.prepare_restart(&spec, &files, restart, &origin);
    let restart = restart.await.unwrap();
    // A record of the commit says the same.
    let text = serde_json::to_string(&restart).unwrap();
    let restart: PreparedCommit = serde_json::from_str(&text).unwrap();
    assert_eq!(
        committed_version(t.table.commit_prepared(&restart).await),
        2
    );
    assert_eq!(t.content().await, [path]);
    let snapshot = t.table.load_snapshot().await.unwrap().unwrap();
    assert_eq!(t.table.flow_number(&snapshot, "f").await.unwrap(), Some(3));
    assert_eq!(t.table.flow_number(&snapshot, "g").await.unwrap(), None);
    // What was computed before the restart is not added after it.
    let error = t.table.commit_prepared(&late).await.unwrap_err();
    assert!(matches!(error, GoldError::FlowOvertaken { .. }), "{error}");
    let file = t.file("early", None).await;
    of_other[0].number = 2;
    let early = prepare_file(&t.table, file, of_other, "early").await;
    let error = early.unwrap_err();
    assert!(matches!(error, GoldError::FlowOvertaken { .. }), "{error}");
    append(&t, "next", Some(3), 4).await;
    assert_eq!(t.content().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_are_read_as_a_stream_of_what_they_add() {
    let t = Setup::new();
    let first = append(&t, "a", None, 0).await;
    let second = append(&t, "b", Some(0), 5).await;
    let third = append(&t, "c", Some(5), 6).await;
    let added = async |versions, without: i64| {
        let is_wanted = move |numbers: &[i64]| !numbers.contains(&without);
        let files = t.table.added_files(versions, &is_wanted).await?;
        Ok::<_, GoldError>(files.into_iter().map(|file| file.path).collect::<Vec<_>>())
    };
    assert_eq!(added(1..3, -1).await.unwrap(), [second, third.clone()]);
    assert_eq!(added(0..3, 5).await.unwrap(), [first, third]);
    assert!(added(3..3, -1).await.unwrap().is_empty());
    let error = added(2..4, -1).await.unwrap_err();
    assert!(error.to_string().contains("no longer there"), "{error}");
    // A version that removes rows is no addition, unless its rows are known.
    let file = t.file("again", None).await;
    let (spec, origin) = (spec(), origin("again"));
    let files = [file];
    let restart = t
        .table
        .prepare_restart(&spec, &files, flows(Some(6), 7), &origin);
    committed_version(t.table.commit_prepared(&restart.await.unwrap()).await);
    let error = added(2..4, -1).await.unwrap_err();
    assert!(
        matches!(error, GoldError::NotAppended { version: 3, .. }),
        "{error}"
    );
    assert_eq!(added(2..4, 7).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_flows_have_taken_outlives_checkpoints() {
    let t = Setup::new();
    append(&t, "a", None, 7).await;
    append(&t, "b", Some(7), 8).await;
    t.table.write_checkpoint().await.unwrap();
    let log = t.folder.path().join("my table/_delta_log");
    for version in 0..2 {
        std::fs::remove_file(log.join(format!("{version:020}.json"))).unwrap();
    }
    let table = t.open_again();
    let snapshot = table.load_snapshot().await.unwrap().unwrap();
    assert_eq!(table.flow_number(&snapshot, "f").await.unwrap(), Some(8));
    let file = t.file("c", None).await;
    let prepared = prepare_file(&table, file, flows(Some(8), 9), "c");
    let prepared = prepared.await.unwrap();
    assert_eq!(committed_version(table.commit_prepared(&prepared).await), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn streaming_tables_are_not_replaced_and_others_not_appended_to() {
    let t = Setup::new();
    append(&t, "a", None, 0).await;
    let error = t.replace("b", &[]).await.unwrap_err();
    assert!(matches!(error, GoldError::Streaming { .. }), "{error}");
    t.table.check_target(true).await.unwrap();
    t.table.check_target(false).await.unwrap_err();
    let t = Setup::new();
    committed_version(t.replace("a", &[]).await);
    let error = prepare(&t, "b", None, 0).await.unwrap_err();
    assert!(matches!(error, GoldError::NotStreaming { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_are_added_and_never_changed() {
    let t = Setup::new();
    append(&t, "a", None, 0).await;
    let snapshot = t.table.load_snapshot().await.unwrap().unwrap();
    let with = |fields: Vec<Field>| {
        let mut other = spec();
        other.schema = Arc::new(Schema::new(fields));
        append_schema(&snapshot, &other)
    };
    let day = || Field::new("day", DataType::Utf8, true);
    let columns = with(vec![
        Field::new("new", DataType::Int32, false),
        Field::new("v", DataType::Int64, false),
        day(),
    ]);
    let columns = columns.unwrap();
    let names: Vec<_> = columns.fields().iter().map(|f| f.name().as_str()).collect();
    assert_eq!(names, ["day", "v", "new"]);
    assert!(columns.fields().iter().all(|field| field.is_nullable()));
    let error = with(vec![day(), Field::new("v", DataType::Int32, true)]).unwrap_err();
    assert!(
        error.to_string().contains("'v' is Int64 in the table"),
        "{error}"
    );
    let error = with(vec![day()]).unwrap_err().to_string();
    assert!(error.contains("no longer has column 'v'"), "{error}");
    let mut other = spec();
    other.partition_by.clear();
    let error = append_schema(&snapshot, &other).unwrap_err().to_string();
    assert!(error.contains("partitioned by day"), "{error}");
    let mut forgetful = spec();
    let key = "delta.setTransactionRetentionDuration".to_owned();
    forgetful
        .properties
        .insert(key, "interval 1 day".to_owned());
    let origin = origin("b");
    let prepared = t
        .table
        .prepare_append(&forgetful, &[], flows(Some(0), 1), &origin);
    let error = prepared.await.unwrap_err().to_string();
    assert!(
        error.contains("must keep what its flows have taken"),
        "{error}"
    );
}
