//! Reading and creating single entries of a Delta log.

use bytes::Bytes;
use object_store::path::Path;
use serde::Deserialize;
use sluice_storage::{CreateError, CreateOutcome, CreateRetries, StoreError, StorePath};
use uuid::Uuid;

/// The log of one table.
#[derive(Debug, Clone)]
pub(crate) struct DeltaLog {
    table: StorePath,
    folder: Path,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CommitInfoLine {
    commit_info: Option<CommitInfo>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CommitInfo {
    txn_id: Option<String>,
    engine_info: Option<String>,
}

/// What the engine of each commit of this program begins with.
const ENGINE_PREFIX: &str = "sluice/";

impl DeltaLog {
    pub(crate) fn new(table: StorePath) -> Self {
        let folder = table.path().clone().join("_delta_log");
        Self { table, folder }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    fn entry_path(&self, version: u64) -> Path {
        self.folder.clone().join(format!("{version:020}.json"))
    }

    /// Creates the entry of a version durably, unless the version exists. `entry`
    /// has a `commitInfo` with the id `commit_id`.
    pub(crate) async fn create_entry(
        &self,
        version: u64,
        entry: Bytes,
        commit_id: Uuid,
    ) -> Result<CreateOutcome, CreateError> {
        let commit_id = commit_id.to_string();
        let is_ours = |bytes: &[u8]| has_commit_id(bytes, &commit_id);
        self.table
            .create_once(
                &self.entry_path(version),
                entry,
                CreateRetries::default(),
                is_ours,
            )
            .await
    }

    /// An entry's text, `None` when the entry does not exist.
    pub(crate) async fn read_entry(&self, version: u64) -> Result<Option<Bytes>, StoreError> {
        self.table.read_object(&self.entry_path(version)).await
    }
}

/// Whether the commit with this id wrote the entry.
pub(crate) fn has_commit_id(entry: &[u8], commit_id: &str) -> bool {
    commit_infos(entry).any(|info| info.txn_id.as_deref() == Some(commit_id))
}

/// Whether a job of this program wrote the entry.
pub(crate) fn is_of_job(entry: &[u8]) -> bool {
    commit_infos(entry).any(|info| {
        info.engine_info
            .is_some_and(|engine| engine.starts_with(ENGINE_PREFIX))
    })
}

fn commit_infos(entry: &[u8]) -> impl Iterator<Item = CommitInfo> {
    // An entry that does not parse is not ours: this writer writes valid JSON.
    entry.split(|byte| *byte == b'\n').filter_map(|line| {
        let line: CommitInfoLine = serde_json::from_slice(line).ok()?;
        line.commit_info
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_recognized_by_its_id() {
        let entry = br#"{"protocol":{"minReaderVersion":1,"minWriterVersion":2}}
{"commitInfo":{"timestamp":1,"txnId":"a"}}
"#;
        assert!(has_commit_id(entry, "a"));
        assert!(!has_commit_id(entry, "b"));
        for other in ["", "{", r#"{"commitInfo":{}}"#, r#"{"txn":{"txnId":"a"}}"#] {
            assert!(!has_commit_id(other.as_bytes(), "a"), "{other}");
        }
    }
}
