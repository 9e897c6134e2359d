//! Deletes files that a job wrote and no commit names.

use std::collections::{BTreeSet, HashSet};
use std::path::PathBuf;

use chrono::{DateTime, TimeDelta, Utc};
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStoreExt as _};
use serde::Deserialize;
use sluice_storage::Location;

use crate::error::GoldError;
use crate::files::file_names::DataFileName;
use crate::log::actions::decode_path;
use crate::table::GoldTable;

/// How far the clocks of a store's machines may differ.
const MAX_CLOCK_SKEW: TimeDelta = TimeDelta::minutes(10);

/// Up to so many partitions are listed one by one.
const MAX_LISTED_FOLDERS: usize = 64;
/// How many of them at the same time.
const CONCURRENT_LISTINGS: usize = 16;

/// The result of a clean-up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CleanupSummary {
    /// The number of deleted data files.
    pub deleted_files: usize,
    /// The size of the deleted data files.
    pub deleted_bytes: u64,
    /// The number of deleted temporary files of unfinished writes.
    pub deleted_temporaries: usize,
    /// The number of files of the job that a commit names.
    pub kept_files: usize,
}

#[derive(Deserialize)]
struct FileLine {
    add: Option<NamedFile>,
    remove: Option<NamedFile>,
}

#[derive(Deserialize)]
struct NamedFile {
    path: String,
}

impl GoldTable {
    /// Deletes the data files of a job that no commit names, and the temporary
    /// files of unfinished writes in a local folder. A bucket needs a lifecycle
    /// rule for unfinished uploads.
    ///
    /// `committed` are the paths that the job's own commit names, relative to the
    /// table. If they are complete, the log is not read. All other files of the
    /// job are looked up in the log before they are deleted, so that a file of a
    /// commit that the caller does not know of is kept.
    ///
    /// Call it only when none of the job's tasks can write any more, and never
    /// after [`GoldError::is_outcome_unknown`]. Attempts of a task write to the same
    /// folders, so those of `committed` are listed; the whole table is when it names
    /// nothing or very many folders.
    pub async fn cleanup_uncommitted(
        &self,
        job_id: &str,
        committed: &HashSet<String>,
    ) -> Result<CleanupSummary, GoldError> {
        let folders = self.folders_of(committed);
        let folders = folders.unwrap_or_else(|| vec![self.location().clone()]);
        let mut cleanup = CleanupSummary {
            deleted_temporaries: self.remove_temporaries(job_id, &folders).await?,
            ..CleanupSummary::default()
        };
        let mut candidates = Vec::new();
        for meta in self.list_files(&folders).await? {
            let Some(path) = self.relative_path(&meta.location) else {
                continue;
            };
            let name = path
                .rsplit_once('/')
                .map_or(path.as_str(), |(_, name)| name);
            if DataFileName::parse(name).is_none_or(|name| name.job_id != job_id) {
                continue;
            }
            if committed.contains(&path) {
                cleanup.kept_files += 1;
            } else {
                candidates.push((path, meta));
            }
        }
        let Some(oldest) = candidates.iter().map(|(_, meta)| meta.last_modified).min() else {
            return Ok(cleanup);
        };
        let named = self.paths_named_since(oldest).await?;
        let (kept, uncommitted): (Vec<_>, Vec<_>) = candidates
            .into_iter()
            .partition(|(path, _)| named.contains(path));
        cleanup.kept_files += kept.len();
        for (path, meta) in uncommitted {
            match self.store_path().store.delete(&meta.location).await {
                Ok(()) => {
                    tracing::debug!(table = self.name(), path, "deleted an uncommitted file");
                    cleanup.deleted_files += 1;
                    cleanup.deleted_bytes += meta.size;
                }
                Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(self.store_error("delete", error)),
            }
        }
        Ok(cleanup)
    }

    /// The partitions that files are in; `None` when they are none, or very many, or the
    /// table has no partitions.
    fn folders_of(&self, files: &HashSet<String>) -> Option<Vec<Location>> {
        let parents = files.iter().map(|file| Some(file.rsplit_once('/')?.0));
        let parents: BTreeSet<&str> = parents.collect::<Option<_>>()?;
        if parents.is_empty() || parents.len() > MAX_LISTED_FOLDERS {
            return None;
        }
        let folders = parents.iter().map(|parent| self.location().join(parent));
        folders.collect::<Result<_, _>>().ok()
    }

    async fn list_files(&self, folders: &[Location]) -> Result<Vec<ObjectMeta>, GoldError> {
        let store = &self.store_path().store;
        let listings = folders
            .iter()
            .map(|folder| store.list(Some(folder.path())).try_collect::<Vec<_>>());
        let files: Vec<Vec<ObjectMeta>> = futures::stream::iter(listings.collect::<Vec<_>>())
            .buffered(CONCURRENT_LISTINGS)
            .try_collect()
            .await
            .map_err(|error| self.store_error("list", error))?;
        Ok(files.into_iter().flatten().collect())
    }

    async fn remove_temporaries(
        &self,
        job_id: &str,
        folders: &[Location],
    ) -> Result<usize, GoldError> {
        let folders: Vec<PathBuf> = folders.iter().filter_map(Location::local_path).collect();
        if folders.is_empty() {
            return Ok(0);
        }
        let job_id = job_id.to_owned();
        tokio::task::spawn_blocking(move || {
            let removed = folders.iter().map(|folder| {
                sluice_storage::remove_temporaries(folder, |name| {
                    DataFileName::parse(name).is_some_and(|name| name.job_id == job_id)
                })
            });
            removed.sum()
        })
        .await
        .map_err(std::io::Error::other)
        .and_then(|result| result)
        .map_err(|error| self.store_error("clean up", error))
    }

    /// Paths in the log entries that were written since `time`. A commit is
    /// written after the files that it adds, so older entries need not be read.
    async fn paths_named_since(&self, time: DateTime<Utc>) -> Result<HashSet<String>, GoldError> {
        let store = &self.store_path().store;
        let read = |error| self.store_error("read", error);
        let entries: Vec<ObjectMeta> = store
            .list(Some(self.delta_log().folder()))
            .try_filter(|meta| {
                let recent = meta.last_modified + MAX_CLOCK_SKEW >= time;
                let entry = meta.location.extension() == Some("json");
                std::future::ready(recent && entry)
            })
            .try_collect()
            .await
            .map_err(read)?;
        let mut named = HashSet::new();
        for entry in entries {
            let bytes = match store.get(&entry.location).await {
                Ok(result) => result.bytes().await.map_err(read)?,
                // Log clean-up deleted it after the listing: it is older than any
                // file of a running job.
                Err(object_store::Error::NotFound { .. }) => continue,
                Err(error) => return Err(read(error)),
            };
            for line in bytes.split(|byte| *byte == b'\n') {
                let Ok(line) = serde_json::from_slice::<FileLine>(line) else {
                    continue;
                };
                for action in [line.add, line.remove].into_iter().flatten() {
                    named.insert(decode_path(&action.path));
                }
            }
        }
        Ok(named)
    }

    /// Makes a path of the store relative to the table; `None` for paths outside
    /// the table and in its log.
    pub(crate) fn relative_path(&self, path: &Path) -> Option<String> {
        let parts: Vec<_> = path.prefix_match(self.store_path().path())?.collect();
        let parts: Vec<&str> = parts.iter().map(AsRef::as_ref).collect();
        (parts.first() != Some(&"_delta_log")).then(|| parts.join("/"))
    }
}

#[cfg(test)]
mod tests;
