//! Folders for test ledgers, and access to their files without the ledger.

use std::path::Path as FsPath;
use std::sync::Arc;

use bytes::Bytes;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use serde::{Deserialize, Serialize};
use sluice_storage::{Location, Place};

use crate::pauses::Pauses;
use crate::{Appended, Entry, Ledger};

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
pub(super) fn bucket_place(store: Arc<dyn ObjectStore>) -> Place {
    Place {
        store,
        location: Location::parse("s3://test/landing zone/_ledger", FsPath::new("/")).unwrap(),
    }
}

/// A folder of the local file system.
pub(super) fn local_place(store: Arc<dyn ObjectStore>, folder: &FsPath) -> Place {
    let folder = folder.join("landing ü/_ledger");
    Place {
        store,
        location: Location::parse(folder.to_str().unwrap(), FsPath::new("/")).unwrap(),
    }
}

/// A ledger's folder, also accessible without faults.
pub(super) struct Subject {
    pub(super) place: Place,
    pub(super) raw: Arc<dyn ObjectStore>,
}

impl Subject {
    pub(super) fn new(place: Place) -> Self {
        Self {
            raw: Arc::clone(&place.store),
            place,
        }
    }

    /// A separate folder below this one.
    pub(super) fn child(&self, name: &str) -> Self {
        Self {
            raw: Arc::clone(&self.raw),
            place: Place {
                store: Arc::clone(&self.place.store),
                location: self.place.location.child(name).unwrap(),
            },
        }
    }

    /// A ledger that has read nothing yet, as in a new process.
    pub(super) fn open(&self) -> Ledger<Note> {
        Ledger::new(self.place.clone())
    }

    /// The same, but retries without pauses.
    pub(super) fn hasty(&self) -> Ledger<Note> {
        Ledger::with_pauses(self.place.clone(), Pauses::NONE)
    }

    pub(super) fn path(&self, name: &str) -> Path {
        self.place.path().clone().join(name)
    }

    pub(super) fn entry_path(&self, seq: u64) -> Path {
        self.path(&format!("{seq:020}.json"))
    }

    /// Writes a file, replacing any existing one.
    pub(super) async fn put(&self, path: &Path, bytes: impl Into<Bytes>) {
        self.raw.put(path, bytes.into().into()).await.unwrap();
    }

    pub(super) async fn get(&self, path: &Path) -> Option<Bytes> {
        let object = self.raw.get(path).await.ok()?;
        Some(object.bytes().await.unwrap())
    }

    /// Removes a file if it exists.
    pub(super) async fn remove(&self, path: &Path) {
        match self.raw.delete(path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
            Err(error) => panic!("{error:?}"),
        }
    }

    /// Writes entries directly into the folder, without a hint.
    pub(super) async fn fill(&self, count: u64) {
        for seq in 0..count {
            let bytes = Entry::new(seq, note("fill", seq)).encode().unwrap();
            self.put(&self.entry_path(seq), bytes).await;
        }
    }
}

pub(super) fn committed<B: std::fmt::Debug>(appended: Appended<B>) -> Entry<B> {
    match appended {
        Appended::Committed(entry) => entry,
        other => panic!("{other:?}"),
    }
}

pub(super) fn lost<B: std::fmt::Debug>(appended: Appended<B>) -> Entry<B> {
    match appended {
        Appended::Lost(entry) => entry,
        other => panic!("{other:?}"),
    }
}
