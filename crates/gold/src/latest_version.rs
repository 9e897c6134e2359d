//! Loads the newest version of a table.

use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _};
use object_store::ObjectMeta;

use crate::error::GoldError;
use crate::replay::LogReplay;
use crate::snapshot::Snapshot;
use crate::table::GoldTable;

/// The number of entries that are read at the same time.
const CONCURRENT_READS: usize = 16;

/// `deltalake` reads logs with more entries than this and no checkpoint.
const MAX_REPLAYED_ENTRIES: usize = 1_000;

/// The version that was loaded last, and its log entry, which shows whether the
/// log is still the same.
#[derive(Debug, Clone)]
pub(crate) struct CachedVersion {
    snapshot: Arc<Snapshot>,
    /// Size and tag of the version's entry. A table that was deleted and created
    /// again has a different entry with the same number.
    entry: LogEntry,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct LogEntry {
    version: u64,
    size: u64,
    e_tag: Option<String>,
}

/// The objects in a log folder.
#[derive(Debug, Default, PartialEq, Eq)]
struct LogListing {
    /// JSON entries by version.
    entries: Vec<LogEntry>,
    /// Whether the folder also has checkpoints or compacted entries.
    has_checkpoints: bool,
}

impl LogListing {
    fn from_objects(objects: impl IntoIterator<Item = ObjectMeta>) -> Self {
        let mut folder = Self::default();
        for meta in objects {
            let name = meta.location.filename().unwrap_or_default();
            let Some((number, rest)) = name.split_once('.') else {
                continue;
            };
            let Some(version) = parse_version(number) else {
                continue;
            };
            match rest {
                "json" => folder.entries.push(LogEntry {
                    version,
                    size: meta.size,
                    e_tag: meta.e_tag,
                }),
                "crc" => {}
                _ => folder.has_checkpoints = true,
            }
        }
        folder.entries.sort_unstable_by_key(|entry| entry.version);
        folder
    }

    /// The entries after a loaded version, `None` when the log was replaced or
    /// has a gap.
    fn entries_after(&self, loaded: &CachedVersion) -> Option<&[LogEntry]> {
        let at = self
            .entries
            .binary_search_by_key(&loaded.entry.version, |entry| entry.version)
            .ok()?;
        let same = self.entries[at] == loaded.entry && loaded.entry.e_tag.is_some();
        let rest = &self.entries[at + 1..];
        (same && are_consecutive(rest, loaded.entry.version + 1)).then_some(rest)
    }

    /// All entries, `None` when they are not a complete log that can be replayed
    /// here.
    fn complete_log(&self) -> Option<&[LogEntry]> {
        let complete =
            !self.has_checkpoints && !self.entries.is_empty() && are_consecutive(&self.entries, 0);
        (complete && self.entries.len() <= MAX_REPLAYED_ENTRIES).then_some(&self.entries)
    }
}

fn parse_version(number: &str) -> Option<u64> {
    let digits = number.len() == 20 && number.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| number.parse().ok()).flatten()
}

fn are_consecutive(entries: &[LogEntry], first: u64) -> bool {
    entries
        .iter()
        .zip(first..)
        .all(|(entry, version)| entry.version == version)
}

impl GoldTable {
    /// The newest version, `None` when there is no table.
    ///
    /// If the table was loaded before, only the new log entries are read.
    pub async fn load_snapshot(&self) -> Result<Option<Arc<Snapshot>>, GoldError> {
        let objects: Vec<ObjectMeta> = self
            .store_path()
            .store
            .list(Some(self.delta_log().folder()))
            .try_collect()
            .await
            .map_err(|error| self.store_error("list", error))?;
        let listing = LogListing::from_objects(objects);
        if listing.entries.is_empty() && !listing.has_checkpoints {
            self.cache_version(None);
            return Ok(None);
        }
        let cached = self.cached_version();
        let from_cache = cached.as_ref().and_then(|loaded| {
            Some((
                LogReplay::from_snapshot(&loaded.snapshot),
                listing.entries_after(loaded)?,
            ))
        });
        if let (Some(loaded), Some((_, []))) = (&cached, &from_cache) {
            return Ok(Some(Arc::clone(&loaded.snapshot)));
        }
        let to_replay =
            from_cache.or_else(|| Some((LogReplay::default(), listing.complete_log()?)));
        if let Some((replay, entries)) = to_replay
            && let Some(snapshot) = self.replay_entries(replay, entries).await?
        {
            let snapshot = Arc::new(snapshot);
            self.cache_version(entries.last().map(|entry| CachedVersion {
                snapshot: Arc::clone(&snapshot),
                entry: entry.clone(),
            }));
            return Ok(Some(snapshot));
        }
        self.load_with_deltalake(&listing).await
    }

    async fn load_with_deltalake(
        &self,
        folder: &LogListing,
    ) -> Result<Option<Arc<Snapshot>>, GoldError> {
        let snapshot = Snapshot::load_newest(self.log_store())
            .await
            .map_err(|error| self.log_error(error))?
            .map(Arc::new);
        self.cache_version(snapshot.as_ref().and_then(|snapshot| {
            let entry = folder.entries.last()?;
            // Another writer may have committed a newer version after the listing.
            (entry.version == snapshot.version).then(|| CachedVersion {
                snapshot: Arc::clone(snapshot),
                entry: entry.clone(),
            })
        }));
        Ok(snapshot)
    }

    /// Reads and applies entries; `None` when they are not plain, or one was
    /// deleted after the listing.
    async fn replay_entries(
        &self,
        mut replay: LogReplay,
        entries: &[LogEntry],
    ) -> Result<Option<Snapshot>, GoldError> {
        // Owned numbers: with a stream that borrows from `entries`, the compiler
        // cannot prove that the callers' futures are `Send`.
        let versions: Vec<u64> = entries.iter().map(|entry| entry.version).collect();
        let mut reads = futures::stream::iter(versions)
            .map(|version| self.delta_log().read_entry(version))
            .buffered(CONCURRENT_READS);
        while let Some(bytes) = reads.next().await {
            let Some(bytes) = bytes.map_err(|error| self.store_error("read", error))? else {
                return Ok(None);
            };
            if let Err(reason) = replay.apply_entry(&bytes) {
                tracing::debug!(
                    table = self.name(),
                    ?reason,
                    "reading the log with deltalake"
                );
                return Ok(None);
            }
        }
        Ok(replay.into_snapshot())
    }
}

#[cfg(test)]
mod tests {
    use object_store::path::Path;

    use super::*;

    fn folder(names: &[&str]) -> LogListing {
        LogListing::from_objects(names.iter().map(|name| ObjectMeta {
            location: Path::from(format!("t/_delta_log/{name}")),
            last_modified: chrono::DateTime::UNIX_EPOCH,
            size: 1,
            e_tag: Some("e".to_owned()),
            version: None,
        }))
    }

    const E0: &str = "00000000000000000000.json";
    const E1: &str = "00000000000000000001.json";
    const E2: &str = "00000000000000000002.json";

    #[test]
    fn only_a_whole_log_is_replayed_from_its_start() {
        let crc = "00000000000000000001.crc";
        let whole = folder(&[E1, E0, crc, "_last_checkpoint", "x.json", "1.json"]);
        assert_eq!(whole.complete_log().map(<[LogEntry]>::len), Some(2));
        assert!(folder(&[E0, E2]).complete_log().is_none());
        assert!(folder(&[E1]).complete_log().is_none());
        assert!(folder(&[]).complete_log().is_none());
        let checkpoint = "00000000000000000001.checkpoint.parquet";
        assert!(folder(&[E0, E1, checkpoint]).complete_log().is_none());
    }

    #[test]
    fn a_known_version_is_only_followed_in_the_same_log() {
        let snapshot = {
            let mut replay = LogReplay::default();
            let entry = r#"{"protocol":{"minReaderVersion":1,"minWriterVersion":2}}
{"metaData":{"id":"i","schemaString":"{\"type\":\"struct\",\"fields\":[]}","partitionColumns":[]}}"#;
            replay.apply_entry(entry.as_bytes()).unwrap();
            Arc::new(replay.into_snapshot().unwrap())
        };
        let mut loaded = CachedVersion {
            snapshot,
            entry: folder(&[E1]).entries.remove(0),
        };
        let after = |names: &[&str], loaded: &CachedVersion| {
            folder(names).entries_after(loaded).map(<[LogEntry]>::len)
        };
        assert_eq!(after(&[E0, E1], &loaded), Some(0));
        assert_eq!(after(&[E1, E2], &loaded), Some(1));
        assert_eq!(after(&[E0], &loaded), None, "the table was created again");
        assert_eq!(after(&[E1, "00000000000000000003.json"], &loaded), None);
        loaded.entry.e_tag = Some("other".to_owned());
        assert_eq!(after(&[E0, E1, E2], &loaded), None);
    }
}
