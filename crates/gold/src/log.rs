//! Reading and creating single entries of a Delta log.

use std::sync::Arc;

use bytes::Bytes;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _, PutMode};
use serde::Deserialize;
use uuid::Uuid;

/// The log of one table.
#[derive(Debug, Clone)]
pub(crate) struct Log {
    store: Arc<dyn ObjectStore>,
    folder: Path,
}

/// What an entry says about who wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// There is no such entry.
    Absent,
    /// The commit with the id in question.
    Ours,
    /// Any other.
    Another,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    commit_info: Option<CommitId>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CommitId {
    txn_id: Option<String>,
}

impl Log {
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

    /// Creates an entry that must not exist, durably.
    pub(crate) async fn create(&self, version: u64, entry: &str) -> object_store::Result<()> {
        self.store
            .put_opts(
                &self.entry_path(version),
                entry.to_owned().into(),
                PutMode::Create.into(),
            )
            .await?;
        Ok(())
    }

    /// An entry's text, `None` when it is not there.
    pub(crate) async fn read(&self, version: u64) -> object_store::Result<Option<Bytes>> {
        match self.store.get(&self.entry_path(version)).await {
            Ok(result) => Ok(Some(result.bytes().await?)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Who wrote an entry.
    pub(crate) async fn owner(&self, version: u64, id: Uuid) -> object_store::Result<Owner> {
        let Some(bytes) = self.read(version).await? else {
            return Ok(Owner::Absent);
        };
        let id = id.to_string();
        // An entry that does not parse is not ours: we write JSON.
        let ours = bytes
            .split(|byte| *byte == b'\n')
            .filter_map(|line| {
                serde_json::from_slice::<Line>(line)
                    .ok()?
                    .commit_info?
                    .txn_id
            })
            .any(|txn_id| txn_id == id);
        Ok(if ours { Owner::Ours } else { Owner::Another })
    }
}
