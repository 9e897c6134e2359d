//! Loads the newest version of a table.

use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _};
use object_store::ObjectMeta;

use crate::error::GoldError;
use crate::log::listing::{CachedVersion, LogEntry, LogListing};
use crate::log::replay::{LogReplay, NotPlain};
use crate::log::snapshot::Snapshot;
use crate::table::GoldTable;

/// The number of entries that are read at the same time.
const CONCURRENT_READS: usize = 16;

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
        if let Some(missing) = listing.missing_version() {
            let problem = format!("the entry of version {missing} is missing");
            return Err(self.invalid_log(problem));
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

    /// The newest version, `None` when there is no table. Its rows are exactly those
    /// of its files.
    ///
    /// # Errors
    /// Also when the table has deletion vectors, mapped columns or another feature
    /// of readers.
    pub async fn load_readable(&self) -> Result<Option<Arc<Snapshot>>, GoldError> {
        let snapshot = self.load_snapshot().await?;
        snapshot
            .map(|snapshot| self.require_readable(snapshot))
            .transpose()
    }

    /// Refuses a version whose rows are not exactly those of its files.
    pub(crate) fn require_readable(
        &self,
        snapshot: Arc<Snapshot>,
    ) -> Result<Arc<Snapshot>, GoldError> {
        if snapshot.reader_version > 1 {
            return Err(GoldError::ReaderProtocol {
                table: self.name().to_owned(),
                reader: snapshot.reader_version,
                features: snapshot.features.clone(),
            });
        }
        Ok(snapshot)
    }

    async fn load_with_deltalake(
        &self,
        folder: &LogListing,
    ) -> Result<Option<Arc<Snapshot>>, GoldError> {
        let snapshot = Snapshot::load(self.log_store(), None)
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
        let mut entries = entries.iter();
        while let Some(bytes) = reads.next().await {
            let entry = entries.next();
            let bytes = bytes.map_err(|error| GoldError::Store {
                table: self.name().to_owned(),
                source: Box::new(error),
            })?;
            let Some(bytes) = bytes else {
                return Ok(None);
            };
            match replay.apply_entry(&bytes) {
                Ok(()) => {}
                Err(NotPlain::Malformed { line, problem }) => {
                    let version = entry.map(|entry| entry.version).unwrap_or_default();
                    return Err(self.invalid_log(format!(
                        "line {line} of _delta_log/{version:020}.json is not JSON ({problem})"
                    )));
                }
                Err(reason) => {
                    tracing::debug!(
                        table = self.name(),
                        ?reason,
                        "reading the log with deltalake"
                    );
                    return Ok(None);
                }
            }
        }
        Ok(replay.into_snapshot())
    }
}

#[cfg(test)]
mod tests;
