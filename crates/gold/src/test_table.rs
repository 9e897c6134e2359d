//! For tests: a table in a local folder, whose log fails as a test says.

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::datatypes::{DataType, Field, Schema};
use object_store::ObjectStoreExt as _;
use object_store::path::Path;
use sluice_fault_store::{Call, Fault, FaultScript, FaultyStore, Op};
use sluice_storage::{DurableLocal, Location, StoreOptions, Stores};
use uuid::Uuid;

use crate::commit::CommitOutcome;
use crate::commit::replace::CommitInfo;
use crate::error::GoldError;
use crate::files::data_file::{DataFile, FileStats};
use crate::files::file_names::{DataFileName, partition_path};
use crate::table::{GoldTable, TableSpec};

pub(crate) struct Setup {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) store: FaultyStore,
    pub(crate) faults: FaultScript,
    pub(crate) table: GoldTable,
    stores: Stores,
    root: Location,
}

/// A write of a log entry that does not arrive, after which the log cannot be
/// read back either.
pub(crate) const WRITE_AND_READ_FAIL: Fault = Fault::Refused(ErrorKind::TimedOut);

/// Another writer creates the entry first.
pub(crate) fn overtaken() -> Fault {
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
    pub(crate) fn new() -> Self {
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
            stores,
            root,
        }
    }

    /// The folder of the tables.
    pub(crate) fn root(&self) -> &Location {
        &self.root
    }

    /// The table without what was read of it before.
    pub(crate) fn open_again(&self) -> GoldTable {
        GoldTable::open(&self.stores, &self.root, "my table").unwrap()
    }

    pub(crate) async fn file(&self, job: &str, day: Option<&str>) -> DataFile {
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

    pub(crate) async fn replace(
        &self,
        job: &str,
        adds: &[DataFile],
    ) -> Result<CommitOutcome, GoldError> {
        self.table.commit_replace(&spec(), adds, &info(job)).await
    }

    pub(crate) async fn content(&self) -> Vec<String> {
        let snapshot = self.table.load_snapshot().await.unwrap().unwrap();
        let mut paths: Vec<_> = snapshot.files.iter().map(|f| f.path.clone()).collect();
        paths.sort();
        paths
    }

    pub(crate) fn versions(&self) -> usize {
        let log = self.folder.path().join("my table/_delta_log");
        std::fs::read_dir(log).map_or(0, Iterator::count)
    }
}

pub(crate) fn spec() -> TableSpec {
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

pub(crate) fn info(job: &str) -> CommitInfo {
    CommitInfo {
        job_id: job.to_owned(),
        job_name: "test".to_owned(),
        engine: "sluice/0.1.0".to_owned(),
        commit_id: Uuid::new_v4(),
        txn: None,
    }
}

pub(crate) fn committed_version(outcome: Result<CommitOutcome, GoldError>) -> u64 {
    match outcome.unwrap() {
        CommitOutcome::Committed { version, .. } => version,
        other => panic!("{other:?}"),
    }
}
