//! Replaces a table's content in one commit.
//!
//! A version exists as soon as its log entry exists, and entry N+1 is created
//! only if it does not exist. After any error of the store, the writer reads the
//! entry back and compares its id: a client that retries may see its own write
//! as "already exists", and a response may be lost after the write arrived.

use std::time::Duration;

use sluice_storage::{StoreError, StoreErrorKind};
use uuid::Uuid;

use crate::data_file::DataFile;
use crate::delta_log::EntryOwner;
use crate::error::GoldError;
use crate::replace_commit::{PlannedEntry, ReplaceCommit};
use crate::table::{GoldTable, TableSpec};

/// How often a commit is built, when other writers commit first, and how often a
/// write whose response was lost is sent.
const MAX_ATTEMPTS: u32 = 12;

/// The first pause between attempts; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(4);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// The origin of a commit, for the table's history and to identify the commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitInfo {
    pub job_id: String,
    pub job_name: String,
    /// Engine and version, for example `sluice/0.1.0`.
    pub engine: String,
    /// New for every commit of every table.
    pub commit_id: Uuid,
    /// An application and its own version number. A table whose log has this
    /// number or a greater one for the application refuses the commit.
    pub txn: Option<(String, i64)>,
}

/// How a commit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommitOutcome {
    /// The commit created a new version of the table.
    Committed {
        version: u64,
        /// Whether the commit created the table.
        created: bool,
        /// The number of files that the commit removed from the table.
        removed_files: usize,
        /// How often the commit was built; above 1 when other writers committed
        /// first.
        attempts: u32,
    },
    /// Other writers committed first at every attempt. Nothing was committed.
    Conflict {
        /// The newest version of the table that was read.
        version: u64,
        /// How often the commit was built.
        attempts: u32,
    },
    /// The table's log already has this `txn` number. Nothing was written.
    AlreadyCommitted {
        /// The newest version of the table.
        version: u64,
    },
}

/// Which writer's entry is in the log after a write.
enum EntryWrite {
    Ours,
    Lost,
}

impl GoldTable {
    /// Replaces the whole content of the table by `adds`, in one new version. It
    /// creates the table if it does not exist, else it removes all its files.
    /// Schema, partition columns, comment and properties become those of `spec`.
    /// Removed files stay in the store until a vacuum, so that running readers
    /// can finish.
    ///
    /// A replace reads nothing from the table, so another commit is not a
    /// conflict: the commit is built again on top of the newer version, up to a
    /// limit.
    ///
    /// This never deletes data files, whatever the outcome.
    ///
    /// # Errors
    /// After any error except [`GoldError::OutcomeUnknown`] nothing was committed.
    pub async fn commit_replace(
        &self,
        spec: &TableSpec,
        adds: &[DataFile],
        info: &CommitInfo,
    ) -> Result<CommitOutcome, GoldError> {
        let replace = ReplaceCommit::new_checked(self.name(), spec, adds, info)?;
        let mut attempts = 0;
        loop {
            attempts += 1;
            let snapshot = self.load_snapshot().await?;
            if let (Some(snapshot), Some((app_id, number))) = (&snapshot, &info.txn) {
                let last_number = self.txn_version(snapshot, app_id).await?;
                if last_number.is_some_and(|seen| seen >= *number) {
                    let version = snapshot.version;
                    return Ok(CommitOutcome::AlreadyCommitted { version });
                }
            }
            let now = chrono::Utc::now().timestamp_millis();
            let planned = replace.plan_entry(snapshot.as_deref(), now, Uuid::new_v4())?;
            match self.write_entry(&planned, info.commit_id).await? {
                EntryWrite::Ours => {
                    tracing::info!(
                        table = self.name(),
                        version = planned.version,
                        job_id = info.job_id,
                        files = adds.len(),
                        removed = planned.removed_files,
                        "table committed"
                    );
                    return Ok(CommitOutcome::Committed {
                        version: planned.version,
                        created: planned.creates_table,
                        removed_files: planned.removed_files,
                        attempts,
                    });
                }
                EntryWrite::Lost if attempts == MAX_ATTEMPTS => {
                    return Ok(CommitOutcome::Conflict {
                        version: planned.version,
                        attempts,
                    });
                }
                EntryWrite::Lost => {
                    tracing::info!(
                        table = self.name(),
                        version = planned.version,
                        "another writer committed first, building the commit again"
                    );
                    pause_before_retry(attempts).await;
                }
            }
        }
    }

    /// Sends an entry until it is known which writer's entry is in the log.
    async fn write_entry(&self, planned: &PlannedEntry, id: Uuid) -> Result<EntryWrite, GoldError> {
        let version = planned.version;
        let location = self.delta_log().entry_path(version);
        let mut attempt = 0;
        // Whether one of our requests may still be on the network.
        let mut in_flight = false;
        loop {
            attempt += 1;
            let error = match self.delta_log().create_entry(version, &planned.entry).await {
                Ok(()) => return Ok(EntryWrite::Ours),
                Err(error) => error,
            };
            let kind = StoreErrorKind::from_error(&error);
            if kind != StoreErrorKind::AlreadyExists {
                tracing::warn!(
                    table = self.name(),
                    version,
                    %error,
                    "writing the log failed, reading back"
                );
            }
            let source = Box::new(StoreError::access("write", &location, error));
            // A refusal is final: that request wrote nothing and never will.
            in_flight |= !self.is_local() && !kind.is_refusal();
            let surely_absent = match self.delta_log().read_owner(version, id).await {
                Ok(EntryOwner::Ours) => return Ok(EntryWrite::Ours),
                Ok(EntryOwner::Another) => return Ok(EntryWrite::Lost),
                Ok(EntryOwner::Absent) => !in_flight,
                Err(error) => {
                    tracing::warn!(table = self.name(), version, %error, "reading back failed");
                    false
                }
            };
            let table = self.name().to_owned();
            if surely_absent && (kind.is_refusal() || attempt == MAX_ATTEMPTS) {
                return Err(GoldError::Store { table, source });
            }
            if attempt == MAX_ATTEMPTS {
                return Err(GoldError::OutcomeUnknown {
                    table,
                    version,
                    source,
                });
            }
            // The same entry with the same number cannot be created twice.
            pause_before_retry(attempt).await;
        }
    }
}

/// Waits longer after each attempt, for a random time, so that two writers do
/// not wait equally long.
async fn pause_before_retry(attempt: u32) {
    let longest = FIRST_PAUSE
        .saturating_mul(1 << attempt.min(10))
        .min(LONGEST_PAUSE);
    let random = Uuid::new_v4().as_u64_pair().1;
    let share = (random % 1000) as f64 / 1000.0;
    tokio::time::sleep(longest.mul_f64(0.25 + 0.75 * share)).await;
}

#[cfg(test)]
mod tests;
