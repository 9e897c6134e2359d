//! Tables in a gold folder that a job does not make.

use std::collections::HashSet;

use futures::{StreamExt as _, TryStreamExt as _};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStoreExt as _};
use serde::Deserialize;
use sluice_storage::{Location, StoreError, StorePath};

use crate::table::GoldTables;

/// How many tables are looked at, at the same time and in all.
const CONCURRENT_TABLES: usize = 16;
const MAX_TABLES: usize = 1_000;

/// A table in the gold folder that the job does not make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherTable {
    pub name: String,
    pub location: String,
    /// When it was last committed, in milliseconds since the epoch.
    pub committed_ms: i64,
    /// What committed it last, such as `sluice/0.1.0`.
    pub engine: Option<String>,
    /// The name of the job that committed it last, if that was one of ours.
    pub job_name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CommitInfoLine {
    commit_info: Option<LastCommit>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LastCommit {
    timestamp: Option<i64>,
    engine_info: Option<String>,
    job_name: Option<String>,
}

impl GoldTables {
    /// The Delta tables directly below `root` that are not in `made`, by name.
    /// Tables whose log cannot be read are left out.
    ///
    /// # Errors
    /// When the folder cannot be listed.
    pub async fn find_other_tables(
        &self,
        root: &Location,
        made: &HashSet<&str>,
    ) -> Result<Vec<OtherTable>, StoreError> {
        let folder = self.stores().open(root)?;
        let listed = folder
            .store
            .list_with_delimiter(Some(folder.path()))
            .await
            .map_err(|error| StoreError::access("list", root, error))?;
        let names: Vec<String> = listed
            .common_prefixes
            .iter()
            .filter_map(|path| path.filename())
            .filter(|name| !made.contains(name) && !name.starts_with(['_', '.']))
            .take(MAX_TABLES)
            .map(str::to_owned)
            .collect();
        let mut tables: Vec<OtherTable> = futures::stream::iter(names)
            .map(|name| read_last_commit(&folder, name))
            .buffer_unordered(CONCURRENT_TABLES)
            .filter_map(std::future::ready)
            .collect()
            .await;
        tables.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(tables)
    }
}

/// The last commit of the table `name`; `None` when the folder is no table.
async fn read_last_commit(folder: &StorePath, name: String) -> Option<OtherTable> {
    let log: Path = folder.path().clone().join(name.as_str()).join("_delta_log");
    let entries: Vec<ObjectMeta> = folder.store.list(Some(&log)).try_collect().await.ok()?;
    let newest = entries
        .into_iter()
        .filter(|meta| meta.location.extension() == Some("json"))
        .max_by(|a, b| a.location.cmp(&b.location))?;
    let result = folder.store.get(&newest.location).await.ok()?;
    let bytes = result.bytes().await.ok()?;
    let commit = bytes
        .split(|byte| *byte == b'\n')
        .find_map(|line| {
            let line: CommitInfoLine = serde_json::from_slice(line).ok()?;
            line.commit_info
        })
        .unwrap_or_default();
    let location = folder.location.child(&name).ok()?.to_string();
    Some(OtherTable {
        name,
        location,
        committed_ms: commit
            .timestamp
            .unwrap_or_else(|| newest.last_modified.timestamp_millis()),
        engine: commit.engine_info,
        job_name: commit.job_name,
    })
}
