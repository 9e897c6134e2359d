//! Replacing a table's content in one commit.
//!
//! A version exists from the moment its log entry does, and entry N+1 is only
//! ever created where there is none. Whatever error the store gives, the entry
//! is read back and its id compared: a client that retries may see its own write
//! as "already exists", and an answer may get lost after the write arrived.

use std::time::Duration;

use sluice_storage::{StoreError, StoreErrorKind};
use uuid::Uuid;

use crate::datafile::DataFile;
use crate::error::GoldError;
use crate::log::Owner;
use crate::plan::{Planned, Replace};
use crate::table::{GoldTable, TableSpec};

/// How often a commit is built anew after other writers were quicker, and how
/// often a write whose answer was lost is sent again.
const ATTEMPTS: u32 = 12;

/// The first pause between attempts; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(4);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// Who commits, for the table's history and for telling commits apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitInfo {
    /// The job's id.
    pub job_id: String,
    /// The job's name.
    pub job_name: String,
    /// Engine and version, `sluice/0.1.0`.
    pub engine: String,
    /// Fresh for every commit of every table.
    pub commit_id: Uuid,
    /// An application and its own version number: a table that has seen this
    /// number (or a greater one) does not take the commit again.
    pub txn: Option<(String, i64)>,
}

/// How a commit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommitOutcome {
    /// The table has a new version, and it is ours.
    Committed {
        /// The version.
        version: u64,
        /// Whether the table came into being with it.
        created: bool,
        /// Files that are not part of the table any more.
        removed_files: usize,
        /// How often the commit was built: above 1 when others were quicker.
        attempts: u32,
    },
    /// Other writers were quicker every time. Nothing was committed.
    Conflict {
        /// The newest version seen.
        version: u64,
        /// How often the commit was built.
        attempts: u32,
    },
    /// The table's `txn` has this number already. Nothing was written.
    AlreadyCommitted {
        /// The newest version of the table.
        version: u64,
    },
}

/// What became of one write of one entry.
enum Written {
    Ours,
    Lost,
}

impl GoldTable {
    /// Makes `adds` the whole content of the table, in one new version: creates
    /// the table where it is missing, else removes all its files. Schema,
    /// partition columns, comment and properties become those of `spec`. Removed
    /// files stay in the store until a vacuum, so that readers in flight can go
    /// on.
    ///
    /// A replace reads nothing from the table, so a lost race is no conflict: the
    /// commit is built anew on the winner's version, some times over.
    ///
    /// Data files are never deleted here, whatever happens.
    ///
    /// # Errors
    /// After any error but [`GoldError::OutcomeUnknown`] nothing was committed.
    pub async fn commit_replace(
        &self,
        spec: &TableSpec,
        adds: &[DataFile],
        info: &CommitInfo,
    ) -> Result<CommitOutcome, GoldError> {
        let replace = Replace::check(self.name(), spec, adds, info)?;
        let mut attempts = 0;
        loop {
            attempts += 1;
            let snapshot = self.snapshot().await?;
            if let (Some(snapshot), Some((app_id, number))) = (&snapshot, &info.txn) {
                let seen = self.txn_version(snapshot, app_id).await?;
                if seen.is_some_and(|seen| seen >= *number) {
                    let version = snapshot.version;
                    return Ok(CommitOutcome::AlreadyCommitted { version });
                }
            }
            let now = chrono::Utc::now().timestamp_millis();
            let planned = replace.plan(snapshot.as_deref(), now, Uuid::new_v4())?;
            match self.write(&planned, info.commit_id).await? {
                Written::Ours => {
                    tracing::info!(
                        table = self.name(),
                        version = planned.version,
                        job_id = info.job_id,
                        files = adds.len(),
                        removed = planned.removed,
                        "table committed"
                    );
                    return Ok(CommitOutcome::Committed {
                        version: planned.version,
                        created: planned.creates,
                        removed_files: planned.removed,
                        attempts,
                    });
                }
                Written::Lost if attempts == ATTEMPTS => {
                    return Ok(CommitOutcome::Conflict {
                        version: planned.version,
                        attempts,
                    });
                }
                Written::Lost => {
                    tracing::info!(
                        table = self.name(),
                        version = planned.version,
                        "another writer was quicker, building the commit anew"
                    );
                    pause(attempts).await;
                }
            }
        }
    }

    /// Writes an entry until it is known whose it is.
    async fn write(&self, planned: &Planned, id: Uuid) -> Result<Written, GoldError> {
        let version = planned.version;
        let location = self.log().entry_path(version);
        let mut attempt = 0;
        // Whether the network may still have one of our requests.
        let mut in_flight = false;
        loop {
            attempt += 1;
            let error = match self.log().create(version, &planned.entry).await {
                Ok(()) => return Ok(Written::Ours),
                Err(error) => error,
            };
            let kind = StoreErrorKind::of(&error);
            if kind != StoreErrorKind::AlreadyExists {
                tracing::warn!(
                    table = self.name(),
                    version,
                    %error,
                    "writing the log failed, reading back"
                );
            }
            let source = Box::new(StoreError::access("write", &location, error));
            // A refusal is an answer: that request wrote nothing and never will.
            in_flight |= !self.is_local() && !kind.is_refusal();
            let definite = match self.log().owner(version, id).await {
                Ok(Owner::Ours) => return Ok(Written::Ours),
                Ok(Owner::Another) => return Ok(Written::Lost),
                Ok(Owner::Absent) => !in_flight,
                Err(error) => {
                    tracing::warn!(table = self.name(), version, %error, "reading back failed");
                    false
                }
            };
            let table = self.name().to_owned();
            if definite && (kind.is_refusal() || attempt == ATTEMPTS) {
                return Err(GoldError::Store { table, source });
            }
            if attempt == ATTEMPTS {
                return Err(GoldError::OutcomeUnknown {
                    table,
                    version,
                    source,
                });
            }
            // The same entry under the same number: it cannot land twice.
            pause(attempt).await;
        }
    }
}

/// Waits longer each time, and never as long as the other writer.
async fn pause(attempt: u32) {
    let longest = FIRST_PAUSE
        .saturating_mul(1 << attempt.min(10))
        .min(LONGEST_PAUSE);
    let random = Uuid::new_v4().as_u64_pair().1;
    let share = (random % 1000) as f64 / 1000.0;
    tokio::time::sleep(longest.mul_f64(0.25 + 0.75 * share)).await;
}

#[cfg(test)]
#[path = "commit_tests.rs"]
mod tests;
