//! Deletes orphan files: files that no entry names, left by runs that were
//! killed.
//!
//! A file may be deleted only if no batch can ever name it. A batch is not
//! committed when it is older than 12 hours. But a process that was paused
//! between reading its clock and appending could still try. Such an attempt has
//! a sequence number: the one after the entry that the process had read. So a
//! file is an orphan only if it is older than 24 hours *and* an entry was
//! appended after the file was 18 hours old. That entry took the sequence number
//! of every attempt that was pending, and later attempts check their age again.

use std::collections::HashMap;
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use object_store::ObjectStoreExt as _;
use sluice_ledger::{Entry, Ledger};
use sluice_storage::{Place, StoreError, is_temporary};

use crate::IngestError;
use sluice_landing::Batch;
use sluice_landing::{FileName, REJECTS};

/// Younger files may still be committed.
const YOUNGEST: TimeDelta = TimeDelta::hours(24);

/// How old a file must have been when the newest entry was appended.
const OUTLIVED: TimeDelta = TimeDelta::hours(18);

/// Older files were checked by earlier searches; only `collect` checks them
/// again.
const OLDEST: TimeDelta = TimeDelta::days(8);

/// Which files are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    /// Only files of the last eight days.
    Recent,
    All,
}

/// A file of the topic's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Found {
    /// Relative to the topic's folder.
    path: String,
    modified: DateTime<Utc>,
}

/// Whether a file is old enough to be deleted if no entry names it.
fn old_enough(
    modified: DateTime<Utc>,
    newest_entry: DateTime<Utc>,
    now: DateTime<Utc>,
    depth: Depth,
) -> bool {
    let age = now - modified;
    age > YOUNGEST && newest_entry - modified > OUTLIVED && (depth == Depth::All || age < OLDEST)
}

/// Deletes orphan files and returns how many there were.
pub(crate) async fn collect(
    place: &Place,
    ledger: &Ledger<Batch>,
    newest: &Entry<Batch>,
    depth: Depth,
) -> Result<usize, IngestError> {
    let store = |source: StoreError| IngestError::Store {
        topic: newest.body.topic.clone(),
        source: Box::new(source),
    };
    let now = Utc::now();
    let mut candidates = list(place).await.map_err(store)?;
    candidates.retain(|found| old_enough(found.modified, newest.at, now, depth));
    let mut entries = Entries {
        ledger,
        newest,
        read: HashMap::new(),
    };
    let mut removed = 0;
    for found in candidates {
        let name = found.path.rsplit('/').next().unwrap_or_default();
        if !is_temporary(name) {
            let Some(parsed) = FileName::parse(name) else {
                continue;
            };
            if entries.name(&parsed, &found.path).await? {
                continue;
            }
        }
        remove(place, &found.path).await.map_err(store)?;
        tracing::info!(file = found.path, "deleted an orphan file");
        removed += 1;
    }
    Ok(removed)
}

/// The entries that were read so far.
struct Entries<'a> {
    ledger: &'a Ledger<Batch>,
    newest: &'a Entry<Batch>,
    read: HashMap<u64, Batch>,
}

impl Entries<'_> {
    async fn get(&mut self, seq: u64) -> Result<&Batch, IngestError> {
        if !self.read.contains_key(&seq) {
            let fail = |source| IngestError::Ledger {
                topic: self.newest.body.topic.clone(),
                source: Box::new(source),
            };
            let entry = self.ledger.read(seq).await.map_err(fail)?;
            let batch = entry.map(|entry| entry.body).ok_or(IngestError::Internal {
                topic: self.newest.body.topic.clone(),
                problem: "an entry before the newest is missing",
            })?;
            self.read.insert(seq, batch);
        }
        self.read.get(&seq).ok_or(IngestError::Internal {
            topic: self.newest.body.topic.clone(),
            problem: "an entry that was read is not in the cache",
        })
    }

    /// Whether an entry names the file. A partition's next offset only grows, so
    /// the one entry that can name it is found by binary search.
    async fn name(&mut self, name: &FileName, path: &str) -> Result<bool, IngestError> {
        let (mut low, mut high) = (0, self.newest.seq);
        while low < high {
            let middle = low + (high - low) / 2;
            let next = self.get(middle).await?.next.get(&name.partition).copied();
            if next.is_some_and(|next| next > name.start) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        let batch = self.get(low).await?;
        Ok(batch
            .ranges
            .iter()
            .flat_map(sluice_landing::Range::files)
            .any(|file| file.path == path))
    }
}

/// The files of a topic's folder, including temporary ones.
async fn list(place: &Place) -> Result<Vec<Found>, StoreError> {
    let Some(folder) = place.location.local_path() else {
        return list_bucket(place).await;
    };
    let location = place.location.clone();
    let listed = tokio::task::spawn_blocking(move || {
        let mut found = Vec::new();
        list_folder(&folder, "", &mut found)?;
        list_folder(&folder.join(REJECTS), &format!("{REJECTS}/"), &mut found)?;
        Ok(found)
    })
    .await
    .map_err(std::io::Error::other)
    .and_then(|listed: std::io::Result<_>| listed);
    listed.map_err(|source| StoreError::access("list", &location, source))
}

fn list_folder(folder: &Path, below: &str, found: &mut Vec<Found>) -> std::io::Result<()> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        let Ok(metadata) = entry.metadata() else {
            continue;
        };
        if let (true, Some(name)) = (metadata.is_file(), entry.file_name().to_str()) {
            found.push(Found {
                path: format!("{below}{name}"),
                modified: metadata.modified()?.into(),
            });
        }
    }
    Ok(())
}

async fn list_bucket(place: &Place) -> Result<Vec<Found>, StoreError> {
    let mut found = Vec::new();
    for below in ["", REJECTS] {
        let location = match below {
            "" => place.location.clone(),
            below => place.location.child(below)?,
        };
        let listed = place
            .store
            .list_with_delimiter(Some(location.path()))
            .await
            .map_err(|source| StoreError::access("list", &location, source))?;
        for meta in listed.objects {
            let name = meta.location.filename().unwrap_or_default();
            let slash = if below.is_empty() { "" } else { "/" };
            found.push(Found {
                path: format!("{below}{slash}{name}"),
                modified: meta.last_modified,
            });
        }
    }
    Ok(found)
}

/// Deletes a file of a topic's folder. A file that does not exist is no error.
pub(crate) async fn remove(place: &Place, path: &str) -> Result<(), StoreError> {
    let location = place.location.join(path)?;
    let removed = match location.local_path() {
        // The store hides temporary names.
        Some(file) => tokio::task::spawn_blocking(move || std::fs::remove_file(file))
            .await
            .map_err(std::io::Error::other)
            .and_then(|removed| removed)
            .map_err(|source| StoreError::access("delete", &location, source)),
        None => place
            .store
            .delete(location.path())
            .await
            .map_err(|source| StoreError::access("delete", &location, source)),
    };
    match removed {
        Err(error) if error.kind() == sluice_storage::StoreErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

#[cfg(test)]
#[path = "orphans_tests.rs"]
mod tests;
