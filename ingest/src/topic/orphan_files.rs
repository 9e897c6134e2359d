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
//!
//! The same holds for joined files and their own ledger.

use std::collections::HashMap;
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use sluice_ledger::{Entry, Ledger};
use sluice_storage::{StoreError, StorePath, is_temporary};

use crate::IngestError;
use crate::batch::landing_file::delete_file;
use crate::error::ForTopic as _;
use sluice_landing::{
    JOINED_FOLDER, JoinedEntry, JoinedLedger, LandingEntry, LandingFileName, REJECTS_FOLDER,
};

/// Younger files may still be committed.
const MIN_AGE: TimeDelta = TimeDelta::hours(24);

/// How old a file must have been when the newest entry was appended.
const MIN_AGE_AT_NEWEST_ENTRY: TimeDelta = TimeDelta::hours(18);

/// Older files were checked by earlier searches; only `collect` checks them
/// again.
const MAX_RECENT_AGE: TimeDelta = TimeDelta::days(8);

/// Which files are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ScanDepth {
    /// Only files of the last eight days.
    Recent,
    All,
}

/// A file of the topic's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListedFile {
    /// Relative to the topic's folder.
    pub(crate) path: String,
    modified: DateTime<Utc>,
}

impl ListedFile {
    /// Whether it is in the folder of joined files.
    fn is_joined(&self) -> bool {
        let below = self.path.strip_prefix(JOINED_FOLDER);
        below.is_some_and(|below| below.starts_with('/'))
    }
}

/// Whether a file is old enough to be deleted if no entry names it.
fn is_old_enough(
    modified: DateTime<Utc>,
    newest_entry: DateTime<Utc>,
    now: DateTime<Utc>,
    depth: ScanDepth,
) -> bool {
    let age = now - modified;
    age > MIN_AGE
        && newest_entry - modified > MIN_AGE_AT_NEWEST_ENTRY
        && (depth == ScanDepth::All || age < MAX_RECENT_AGE)
}

/// Deletes orphan files and returns how many there were.
pub(crate) async fn delete_orphans(
    store_path: &StorePath,
    ledger: &Ledger<LandingEntry>,
    newest: &Entry<LandingEntry>,
    depth: ScanDepth,
) -> Result<usize, IngestError> {
    let topic = &newest.body.topic;
    let now = Utc::now();
    let joined = JoinedLedger::open(store_path).for_topic(topic)?;
    let newest_joined = joined.newest_entry().await.for_topic(topic)?;
    let newest_joined = newest_joined.map(|entry| entry.created_at);
    let mut candidates = list_files(store_path).await.for_topic(topic)?;
    candidates.retain(|found| {
        let newest = match found.is_joined() {
            true => newest_joined,
            false => Some(newest.created_at),
        };
        newest.is_some_and(|newest| is_old_enough(found.modified, newest, now, depth))
    });
    let mut entries = EntryCache {
        ledger,
        newest,
        entries: HashMap::new(),
    };
    let mut removed = 0;
    for found in candidates {
        let name = found.path.rsplit('/').next().unwrap_or_default();
        if !is_temporary(name) && found.is_joined() {
            let Some(from) = JoinedEntry::parse_name(name) else {
                continue;
            };
            if joined
                .names_file(from, &found.path)
                .await
                .for_topic(topic)?
            {
                continue;
            }
        } else if !is_temporary(name) {
            let Some(parsed) = LandingFileName::parse(name) else {
                continue;
            };
            if entries.names_file(&parsed, &found.path).await? {
                continue;
            }
        }
        delete_file(store_path, &found.path)
            .await
            .for_topic(topic)?;
        tracing::info!(file = found.path, "deleted an orphan file");
        removed += 1;
    }
    Ok(removed)
}

/// The entries that were read so far.
struct EntryCache<'a> {
    ledger: &'a Ledger<LandingEntry>,
    newest: &'a Entry<LandingEntry>,
    entries: HashMap<u64, LandingEntry>,
}

impl EntryCache<'_> {
    async fn read_entry(&mut self, seq: u64) -> Result<&LandingEntry, IngestError> {
        if !self.entries.contains_key(&seq) {
            let topic = &self.newest.body.topic;
            let entry = self.ledger.read_entry(seq).await.for_topic(topic)?;
            let batch = entry.map(|entry| entry.body).ok_or(IngestError::Internal {
                topic: self.newest.body.topic.clone(),
                problem: "an entry before the newest is missing",
            })?;
            self.entries.insert(seq, batch);
        }
        self.entries.get(&seq).ok_or(IngestError::Internal {
            topic: self.newest.body.topic.clone(),
            problem: "an entry that was read is not in the cache",
        })
    }

    /// Whether an entry names the file. A partition's next offset only grows, so
    /// the one entry that can name it is found by binary search.
    async fn names_file(
        &mut self,
        name: &LandingFileName,
        path: &str,
    ) -> Result<bool, IngestError> {
        let (mut low, mut high) = (0, self.newest.seq);
        while low < high {
            let middle = low + (high - low) / 2;
            let next = self
                .read_entry(middle)
                .await?
                .next
                .get(&name.partition)
                .copied();
            if next.is_some_and(|next| next > name.start) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        let batch = self.read_entry(low).await?;
        Ok(batch
            .ranges
            .iter()
            .flat_map(sluice_landing::LandedRange::files)
            .any(|file| file.path == path))
    }
}

/// The files of a topic's folder, including temporary ones.
pub(crate) async fn list_files(store_path: &StorePath) -> Result<Vec<ListedFile>, StoreError> {
    let Some(folder) = store_path.location.local_path() else {
        return list_bucket(store_path).await;
    };
    let location = store_path.location.clone();
    let listed = tokio::task::spawn_blocking(move || {
        let mut found = Vec::new();
        list_folder(&folder, "", &mut found)?;
        for below in [REJECTS_FOLDER, JOINED_FOLDER] {
            list_folder(&folder.join(below), &format!("{below}/"), &mut found)?;
        }
        Ok(found)
    })
    .await
    .map_err(std::io::Error::other)
    .and_then(|listed: std::io::Result<_>| listed);
    listed.map_err(|source| StoreError::access("list", &location, source))
}

fn list_folder(folder: &Path, below: &str, found: &mut Vec<ListedFile>) -> std::io::Result<()> {
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
            found.push(ListedFile {
                path: format!("{below}{name}"),
                modified: metadata.modified()?.into(),
            });
        }
    }
    Ok(())
}

async fn list_bucket(store_path: &StorePath) -> Result<Vec<ListedFile>, StoreError> {
    let mut found = Vec::new();
    for below in ["", REJECTS_FOLDER, JOINED_FOLDER] {
        let location = match below {
            "" => store_path.location.clone(),
            below => store_path.location.child(below)?,
        };
        let listed = store_path
            .store
            .list_with_delimiter(Some(location.path()))
            .await
            .map_err(|source| StoreError::access("list", &location, source))?;
        for meta in listed.objects {
            let name = meta.location.filename().unwrap_or_default();
            let slash = if below.is_empty() { "" } else { "/" };
            found.push(ListedFile {
                path: format!("{below}{slash}{name}"),
                modified: meta.last_modified,
            });
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
