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
    commit_info: Option<CommitInfoId>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CommitInfoId {
    txn_id: Option<String>,
}

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
    // An entry that does not parse is not ours: this writer writes valid JSON.
    entry
        .split(|byte| *byte == b'\n')
        .filter_map(|line| {
            let line: CommitInfoLine = serde_json::from_slice(line).ok()?;
            line.commit_info?.txn_id
        })
        .any(|found| found == commit_id)
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
