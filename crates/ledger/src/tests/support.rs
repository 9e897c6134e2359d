//! Folders for test ledgers, and access to their files without the ledger.

use std::path::Path as FsPath;
use std::sync::Arc;

use bytes::Bytes;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use serde::{Deserialize, Serialize};
use sluice_storage::{CreateRetries, Location, StorePath};

use crate::{AppendOutcome, Entry, Ledger};

/// The body of the test entries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Note {
    pub(super) writer: String,
    pub(super) number: u64,
}

pub(super) fn note(writer: &str, number: u64) -> Note {
    Note {
        writer: writer.to_owned(),
        number,
    }
}

/// A folder in any store, with a bucket's location.
pub(super) fn bucket_path(store: Arc<dyn ObjectStore>) -> StorePath {
    StorePath {
        store,
        location: Location::parse("s3://test/landing zone/_ledger", FsPath::new("/")).unwrap(),
    }
}

/// A folder of the local file system.
pub(super) fn local_path(store: Arc<dyn ObjectStore>, folder: &FsPath) -> StorePath {
    let folder = folder.join("landing ü/_ledger");
    StorePath {
        store,
        location: Location::parse(folder.to_str().unwrap(), FsPath::new("/")).unwrap(),
    }
}

/// A ledger's folder, also accessible without faults.
pub(super) struct LedgerFixture {
    pub(super) store_path: StorePath,
    pub(super) faultless_store: Arc<dyn ObjectStore>,
}

impl LedgerFixture {
    pub(super) fn new(store_path: StorePath) -> Self {
        Self {
            faultless_store: Arc::clone(&store_path.store),
            store_path,
        }
    }

    /// A separate folder below this one.
    pub(super) fn child(&self, name: &str) -> Self {
        Self {
            faultless_store: Arc::clone(&self.faultless_store),
            store_path: StorePath {
                store: Arc::clone(&self.store_path.store),
                location: self.store_path.location.child(name).unwrap(),
            },
        }
    }

    /// A ledger that has read nothing yet, as in a new process.
    pub(super) fn open(&self) -> Ledger<Note> {
        Ledger::new(self.store_path.clone())
    }

    /// The same, but retries without pauses.
    pub(super) fn open_without_pauses(&self) -> Ledger<Note> {
        Ledger::with_retries(self.store_path.clone(), CreateRetries::without_pauses())
    }

    pub(super) fn path(&self, name: &str) -> Path {
        self.store_path.path().clone().join(name)
    }

    pub(super) fn entry_path(&self, seq: u64) -> Path {
        self.path(&format!("{seq:020}.json"))
    }

    /// Writes a file, replacing any existing one.
    pub(super) async fn put(&self, path: &Path, bytes: impl Into<Bytes>) {
        self.faultless_store
            .put(path, bytes.into().into())
            .await
            .unwrap();
    }

    pub(super) async fn get(&self, path: &Path) -> Option<Bytes> {
        let object = self.faultless_store.get(path).await.ok()?;
        Some(object.bytes().await.unwrap())
    }

    /// Removes a file if it exists.
    pub(super) async fn remove(&self, path: &Path) {
        match self.faultless_store.delete(path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
            Err(error) => panic!("{error:?}"),
        }
    }

    /// Writes entries directly into the folder, without a hint.
    pub(super) async fn fill_entries(&self, count: u64) {
        for seq in 0..count {
            let bytes = Entry::new(seq, note("fill", seq)).encode().unwrap();
            self.put(&self.entry_path(seq), bytes).await;
        }
    }
}

pub(super) fn expect_committed<B: std::fmt::Debug>(appended: AppendOutcome<B>) -> Entry<B> {
    match appended {
        AppendOutcome::Committed(entry) => entry,
        other => panic!("{other:?}"),
    }
}

pub(super) fn expect_lost<B: std::fmt::Debug>(appended: AppendOutcome<B>) -> Entry<B> {
    match appended {
        AppendOutcome::Lost(entry) => entry,
        other => panic!("{other:?}"),
    }
}
