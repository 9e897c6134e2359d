//! Reading and creating single entries of a Delta log.

use std::sync::Arc;

use bytes::Bytes;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _, PutMode};
use serde::Deserialize;
use uuid::Uuid;

/// The log of one table.
#[derive(Debug, Clone)]
pub(crate) struct DeltaLog {
    store: Arc<dyn ObjectStore>,
    folder: Path,
}

/// Which commit wrote a log entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EntryOwner {
    /// The entry does not exist.
    Absent,
    /// The commit whose id was asked for.
    Ours,
    /// Another commit.
    Another,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CommitInfoLine {
    commit_info: Option<CommitInfoId>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CommitInfoId {
    txn_id: Option<String>,
}

impl DeltaLog {
    pub(crate) fn new(store: Arc<dyn ObjectStore>, table: &Path) -> Self {
        Self {
            store,
            folder: table.clone().join("_delta_log"),
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn entry_path(&self, version: u64) -> Path {
        self.folder.clone().join(format!("{version:020}.json"))
    }

    /// Creates an entry durably; fails if it exists.
    pub(crate) async fn create_entry(&self, version: u64, entry: &str) -> object_store::Result<()> {
        self.store
            .put_opts(
                &self.entry_path(version),
                entry.to_owned().into(),
                PutMode::Create.into(),
            )
            .await?;
        Ok(())
    }

    /// An entry's text, `None` when the entry does not exist.
    pub(crate) async fn read_entry(&self, version: u64) -> object_store::Result<Option<Bytes>> {
        match self.store.get(&self.entry_path(version)).await {
            Ok(result) => Ok(Some(result.bytes().await?)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Compares the commit id in an entry with `id`.
    pub(crate) async fn read_owner(
        &self,
        version: u64,
        id: Uuid,
    ) -> object_store::Result<EntryOwner> {
        let Some(bytes) = self.read_entry(version).await? else {
            return Ok(EntryOwner::Absent);
        };
        let id = id.to_string();
        // An entry that does not parse is not ours: this writer writes valid JSON.
        let ours = bytes
            .split(|byte| *byte == b'\n')
            .filter_map(|line| {
                serde_json::from_slice::<CommitInfoLine>(line)
                    .ok()?
                    .commit_info?
                    .txn_id
            })
            .any(|txn_id| txn_id == id);
        Ok(if ours {
            EntryOwner::Ours
        } else {
            EntryOwner::Another
        })
    }
}
