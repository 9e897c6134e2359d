use std::collections::HashSet;
use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::datatypes::{DataType, Field, Schema};
use object_store::ObjectStoreExt as _;
use object_store::path::Path;
use sluice_fault_store::{Call, Fault, FaultScript, FaultyStore, Op};
use sluice_storage::{DurableLocal, Location, StoreErrorKind, StoreOptions, Stores};

use super::*;
use crate::files::data_file::FileStats;
use crate::files::file_names::{DataFileName, partition_path};
use crate::log::checkpoint::is_checkpoint_due;

struct Setup {
    folder: tempfile::TempDir,
    store: FaultyStore,
    faults: FaultScript,
    table: GoldTable,
}

/// A write of a log entry that does not arrive, after which the log cannot be
/// read back either.
const WRITE_AND_READ_FAIL: Fault = Fault::Refused(ErrorKind::TimedOut);

/// Another writer creates the entry first.
fn overtaken() -> Fault {
    let line = r#"{"commitInfo":{"timestamp":1,"operation":"WRITE","txnId":"x"}}"#;
    Fault::OtherWriterFirst(line.into())
}

fn is_entry(path: &Path) -> bool {
    path.as_ref().contains("_delta_log/") && path.extension() == Some("json")
}

/// A local store with faults in the log only.
fn store_with_log_faults(faults: FaultScript) -> FaultyStore {
    let dead = AtomicBool::default();
    let plan = move |call: &Call<'_>| match call.op {
        _ if !is_entry(call.path) => None,
        Op::Create => {
            let fault = faults.take_next();
            dead.store(fault == Some(WRITE_AND_READ_FAIL), Ordering::SeqCst);
            fault
        }
        Op::Get => dead
            .swap(false, Ordering::SeqCst)
            .then_some(WRITE_AND_READ_FAIL),
        _ => None,
    };
    FaultyStore::new(Arc::new(DurableLocal::new()), plan)
}

impl Setup {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let faults = FaultScript::default();
        let store = store_with_log_faults(faults.clone());
        let stores = Stores::with_local(StoreOptions::new(), Arc::new(store.clone()));
        let root = Location::parse(folder.path().to_str().unwrap(), folder.path()).unwrap();
        let table = GoldTable::open(&stores, &root, "my table").unwrap();
        Self {
            folder,
            store,
            faults,
            table,
        }
    }

    async fn file(&self, job: &str, day: Option<&str>) -> DataFile {
        let values = vec![("day".to_owned(), day.map(str::to_owned))];
        let name = DataFileName::new(job, 0).unwrap();
        let path = format!("{}{name}", partition_path(&values));
        let full = self.table.location().join(&path).unwrap();
        self.store.put(full.path(), "data".into()).await.unwrap();
        DataFile {
            path,
            size: 4,
            modification_time_ms: 1,
            partition_values: values,
            stats: FileStats::default(),
        }
    }

    async fn replace(&self, job: &str, adds: &[DataFile]) -> Result<CommitOutcome, GoldError> {
        self.table.commit_replace(&spec(), adds, &info(job)).await
    }

    async fn content(&self) -> Vec<String> {
        let snapshot = self.table.load_snapshot().await.unwrap().unwrap();
        let mut paths: Vec<_> = snapshot.files.iter().map(|f| f.path.clone()).collect();
        paths.sort();
        paths
    }

    fn versions(&self) -> usize {
        let log = self.folder.path().join("my table/_delta_log");
        std::fs::read_dir(log).map_or(0, Iterator::count)
    }
}

fn spec() -> TableSpec {
    TableSpec {
        name: "my table".to_owned(),
        schema: Arc::new(Schema::new(vec![
            Field::new("day", DataType::Utf8, true),
            Field::new("v", DataType::Int64, true),
        ])),
        partition_by: vec!["day".to_owned()],
        properties: Default::default(),
        comment: Some("a test".to_owned()),
    }
}

fn info(job: &str) -> CommitInfo {
    CommitInfo {
        job_id: job.to_owned(),
        job_name: "test".to_owned(),
        engine: "sluice/0.1.0".to_owned(),
        commit_id: Uuid::new_v4(),
        txn: None,
    }
}

fn committed_version(outcome: Result<CommitOutcome, GoldError>) -> u64 {
    match outcome.unwrap() {
        CommitOutcome::Committed { version, .. } => version,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_is_created_replaced_and_readable_by_deltalake() {
    let t = Setup::new();
    assert!(t.table.load_snapshot().await.unwrap().is_none());
    let first = t.file("a", Some("2024/01 ü%")).await;
    let outcome = t.replace("a", std::slice::from_ref(&first)).await.unwrap();
    let created = CommitOutcome::Committed {
        version: 0,
        created: true,
        removed_files: 0,
        attempts: 1,
    };
    assert_eq!(outcome, created);
    let snapshot = t.table.load_snapshot().await.unwrap().unwrap();
    assert_eq!(snapshot.version, 0);
    assert_eq!(snapshot.description.as_deref(), Some("a test"));
    assert_eq!(snapshot.partition_by, ["day"]);
    assert_eq!((snapshot.reader_version, snapshot.writer_version), (1, 2));
    assert_eq!(snapshot.schema, crate::delta_schema(&spec().schema));
    assert_eq!(snapshot.files[0].path, first.path);
    assert_eq!(
        snapshot.files[0].partition_values["day"].as_deref(),
        Some("2024/01 ü%")
    );
    let files = snapshot.files.iter();
    t.table
        .verify_files(files.map(|file| (file.path.as_str(), file.size)))
        .await
        .unwrap();

    let second = [t.file("b", None).await, t.file("b", Some("x")).await];
    let outcome = t.replace("b", &second).await.unwrap();
    let replaced = CommitOutcome::Committed {
        version: 1,
        created: false,
        removed_files: 1,
        attempts: 1,
    };
    assert_eq!(outcome, replaced);
    let mut paths: Vec<_> = second.iter().map(|file| file.path.clone()).collect();
    paths.sort();
    assert_eq!(t.content().await, paths);

    let url = url::Url::from_directory_path(t.folder.path().join("my table")).unwrap();
    let theirs = deltalake_core::open_table(url).await.unwrap();
    assert_eq!(theirs.version(), Some(1));
    let mut uris: Vec<_> = theirs.get_file_uris().unwrap().collect();
    uris.sort();
    assert_eq!(uris.len(), 2);
    for (uri, path) in uris.iter().zip(&paths) {
        assert!(uri.ends_with(path.as_str()), "{uri} is not {path}");
    }
    // The first version's file is still there for readers of that version.
    let old = t.folder.path().join("my table").join(&first.path);
    assert!(old.exists(), "{}", old.display());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replace_may_change_columns_and_partitions() {
    let t = Setup::new();
    let file = t.file("a", Some("1")).await;
    committed_version(t.replace("a", &[file]).await);
    let mut wider = spec();
    wider.schema = Arc::new(Schema::new(vec![Field::new(
        "w",
        DataType::Utf8View,
        false,
    )]));
    wider.partition_by.clear();
    let mut file = t.file("b", None).await;
    file.partition_values.clear();
    committed_version(t.table.commit_replace(&wider, &[file], &info("b")).await);
    let snapshot = t.table.load_snapshot().await.unwrap().unwrap();
    assert_eq!(snapshot.schema.field(0).name(), "w");
    assert!(snapshot.partition_by.is_empty());
    assert_eq!(snapshot.files.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_of_unknown_fate_is_found_in_the_log() {
    for (at, faults) in [
        (0, &[Fault::LostAnswer][..]),
        (0, &[Fault::SentTwice]),
        (0, &[Fault::FalseConflict]),
        (0, &[Fault::LostRequest]),
        (
            0,
            &[Fault::LostRequest, Fault::LostRequest, Fault::LostAnswer],
        ),
        (0, &[WRITE_AND_READ_FAIL, Fault::LostAnswer]),
        (1, &[Fault::LostAnswer]),
        (1, &[Fault::SentTwice]),
        (1, &[Fault::FalseConflict]),
        (1, &[Fault::LostRequest, Fault::SentTwice]),
    ] {
        let t = Setup::new();
        for n in 0..at {
            let file = t.file(&format!("before{n}"), None).await;
            committed_version(t.replace("before", &[file]).await);
        }
        t.faults.set_faults(faults.iter().cloned());
        let file = t.file("a", None).await;
        let committed = committed_version(t.replace("a", std::slice::from_ref(&file)).await);
        assert_eq!(committed, at, "{faults:?}");
        assert_eq!(t.content().await, [file.path], "{faults:?}");
        assert_eq!(
            t.versions() as u64,
            at + 1,
            "{faults:?}: one entry for one commit"
        );
        assert_eq!(t.faults.faults_left(), 0, "{faults:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_race_is_built_anew_on_the_winners_version() {
    let t = Setup::new();
    let before = t.file("before", None).await;
    committed_version(t.replace("before", &[before]).await);
    t.faults.set_faults([overtaken(), overtaken()]);
    let file = t.file("a", None).await;
    let outcome = t.replace("a", std::slice::from_ref(&file)).await.unwrap();
    let CommitOutcome::Committed {
        version, attempts, ..
    } = outcome
    else {
        panic!("{outcome:?}");
    };
    assert_eq!((version, attempts), (3, 3));
    assert_eq!(t.content().await, [file.path]);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_too_many_lost_races_it_is_a_conflict() {
    let t = Setup::new();
    let before = t.file("before", None).await;
    committed_version(t.replace("before", std::slice::from_ref(&before)).await);
    t.faults.set_faults(vec![overtaken(); 100]);
    let file = t.file("a", None).await;
    let outcome = t.replace("a", &[file]).await.unwrap();
    assert!(
        matches!(
            outcome,
            CommitOutcome::Conflict {
                attempts: MAX_ATTEMPTS,
                ..
            }
        ),
        "{outcome:?}"
    );
    assert_eq!(t.content().await, [before.path]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_an_error_of_its_kind_and_commits_nothing() {
    let t = Setup::new();
    t.faults
        .set_faults([Fault::Refused(ErrorKind::StorageFull)]);
    let file = t.file("a", None).await;
    let error = t.replace("a", &[file]).await.unwrap_err();
    assert_eq!(error.store_kind(), Some(StoreErrorKind::NoSpace));
    assert!(!error.is_outcome_unknown());
    assert!(
        error.to_string().contains("no space left: free some space"),
        "{error}"
    );
    assert_eq!(t.versions(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn when_reading_back_fails_too_the_outcome_is_unknown() {
    let t = Setup::new();
    t.faults
        .set_faults(vec![WRITE_AND_READ_FAIL; MAX_ATTEMPTS as usize]);
    let file = t.file("a", None).await;
    let error = t.replace("a", &[file]).await.unwrap_err();
    assert!(error.is_outcome_unknown(), "{error}");
    assert_eq!(error.store_kind(), Some(StoreErrorKind::Unreachable));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_txn_number_is_taken_once() {
    let t = Setup::new();
    let numbered = |number: i64| CommitInfo {
        txn: Some(("job:a".to_owned(), number)),
        ..info("a")
    };
    let commit = async |number: i64| {
        let file = t.file("a", None).await;
        t.table
            .commit_replace(&spec(), &[file], &numbered(number))
            .await
            .unwrap()
    };
    assert!(matches!(
        commit(3).await,
        CommitOutcome::Committed { version: 0, .. }
    ));
    assert_eq!(
        commit(3).await,
        CommitOutcome::AlreadyCommitted { version: 0 }
    );
    assert_eq!(
        commit(2).await,
        CommitOutcome::AlreadyCommitted { version: 0 }
    );
    assert!(matches!(
        commit(4).await,
        CommitOutcome::Committed { version: 1, .. }
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_writers_at_once_each_commit_whole_versions() {
    let t = Setup::new();
    let (a, b) = tokio::join!(
        async {
            for _ in 0..5 {
                let files = [t.file("a", Some("1")).await, t.file("a", Some("2")).await];
                committed_version(t.replace("a", &files).await);
            }
        },
        async {
            for _ in 0..5 {
                let files = [t.file("b", Some("1")).await, t.file("b", Some("2")).await];
                committed_version(t.replace("b", &files).await);
            }
        },
    );
    let ((), ()) = (a, b);
    let snapshot = t.table.load_snapshot().await.unwrap().unwrap();
    assert_eq!(snapshot.version, 9, "ten commits, ten versions");
    assert_eq!(
        snapshot.files.len(),
        2,
        "the last commit's files and no others"
    );
    let jobs: HashSet<_> = snapshot
        .files
        .iter()
        .map(|file| {
            DataFileName::parse(file.path.rsplit('/').next().unwrap())
                .unwrap()
                .job_id
        })
        .collect();
    assert_eq!(jobs.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_changes_nothing_but_what_is_read() {
    let t = Setup::new();
    for n in 0..4 {
        let file = t.file("a", Some(&n.to_string())).await;
        committed_version(t.replace("a", &[file]).await);
    }
    let before = t.content().await;
    t.table.write_checkpoint().await.unwrap();
    let log = t.folder.path().join("my table/_delta_log");
    assert!(log.join("_last_checkpoint").exists());
    assert!(log.join("00000000000000000003.checkpoint.parquet").exists());
    // The checkpoint replaces the entries.
    for n in 0..3 {
        std::fs::remove_file(log.join(format!("{n:020}.json"))).unwrap();
    }
    assert_eq!(t.content().await, before);
    let file = t.file("a", None).await;
    assert_eq!(
        committed_version(t.replace("a", std::slice::from_ref(&file)).await),
        4
    );
    assert_eq!(t.content().await, [file.path]);

    assert!(!is_checkpoint_due(0, &spec()));
    assert!(!is_checkpoint_due(49, &spec()));
    assert!(is_checkpoint_due(50, &spec()));
    let mut often = spec();
    often
        .properties
        .insert("delta.checkpointInterval".to_owned(), "3".to_owned());
    assert!(is_checkpoint_due(3, &often));
}

#[tokio::test(flavor = "multi_thread")]
async fn clean_up_takes_only_what_no_commit_names() {
    let t = Setup::new();
    let committed = t.file("job-1", Some("a/b ü")).await;
    committed_version(t.replace("job-1", std::slice::from_ref(&committed)).await);
    let lost = [
        t.file("job-1", Some("a/b ü")).await,
        t.file("job-1", None).await,
    ];
    let other = t.file("job-1-2", None).await;
    let root = t.folder.path().join("my table");
    let temporary = root.join(format!("{}#12345", lost[1].path));
    std::fs::write(&temporary, "x").unwrap();
    std::fs::write(root.join("readme.txt"), "x").unwrap();

    // Another job replaced the table meanwhile: our file is a tombstone now, but
    // a reader may still be reading it.
    committed_version(t.replace("job-9", &[]).await);
    let cleanup = t
        .table
        .cleanup_uncommitted("job-1", &HashSet::new())
        .await
        .unwrap();
    assert_eq!((cleanup.deleted_files, cleanup.deleted_bytes), (2, 8));
    assert_eq!((cleanup.deleted_temporaries, cleanup.kept_files), (1, 1));
    assert!(root.join(&committed.path).exists());
    assert!(root.join(&other.path).exists());
    assert!(root.join("readme.txt").exists());
    assert!(!temporary.exists());
    assert!(lost.iter().all(|file| !root.join(&file.path).exists()));

    let known = HashSet::from([committed.path.clone()]);
    let cleanup = t.table.cleanup_uncommitted("job-1", &known).await.unwrap();
    assert_eq!((cleanup.deleted_files, cleanup.kept_files), (0, 1));
    // A table that was never created.
    let empty = Setup::new();
    let cleanup = empty
        .table
        .cleanup_uncommitted("job-1", &known)
        .await
        .unwrap();
    assert_eq!(cleanup, crate::CleanupSummary::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_verified_before_and_after() {
    let t = Setup::new();
    let mut file = t.file("a", Some("x y")).await;
    t.table
        .verify_files([(file.path.as_str(), 4)])
        .await
        .unwrap();
    file.size = 5;
    let error = t
        .table
        .verify_files([(file.path.as_str(), 5)])
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("4 bytes instead of 5"),
        "{error}"
    );
    let error = t.table.verify_files([("none", 5)]).await.unwrap_err();
    assert!(error.to_string().contains("it is missing"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_was_deleted_and_made_anew_is_not_mistaken_for_the_old_one() {
    let t = Setup::new();
    for _ in 0..3 {
        let file = t.file("a", None).await;
        committed_version(t.replace("a", &[file]).await);
    }
    std::fs::remove_dir_all(t.folder.path().join("my table")).unwrap();
    assert!(t.table.load_snapshot().await.unwrap().is_none());
    let file = t.file("b", None).await;
    assert_eq!(committed_version(t.replace("b", &[file]).await), 0);
}

/// Our replay and `deltalake`'s must return the same table.
#[tokio::test(flavor = "multi_thread")]
async fn both_readers_agree() {
    let t = Setup::new();
    for n in 0..4 {
        let files = [t.file("a", Some("x%/y ü")).await, t.file("a", None).await];
        let mut spec = spec();
        spec.properties.insert("n".to_owned(), n.to_string());
        committed_version(t.table.commit_replace(&spec, &files, &info("a")).await);
        let ours = t.table.load_snapshot().await.unwrap().unwrap();
        let theirs = crate::Snapshot::load_newest(t.table.log_store())
            .await
            .unwrap()
            .unwrap();
        let mut files = theirs.files.clone();
        files.sort_by(|a, b| a.raw_path.cmp(&b.raw_path));
        assert_eq!(ours.files, files);
        let theirs = crate::Snapshot {
            files,
            txns: ours.txns.clone(),
            ..theirs
        };
        assert_eq!(format!("{ours:?}"), format!("{theirs:?}"));
    }
}
