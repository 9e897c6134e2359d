//! Replaces a table's content in one commit, or adds to it.
//!
//! A version exists as soon as its log entry exists, and entry N+1 is created
//! only if it does not exist: see
//! [`create_once`](sluice_storage::StorePath::create_once).

pub(crate) mod append;
pub(crate) mod prepared;
pub(crate) mod protocol;
pub(crate) mod replace;
pub(crate) mod view;

use backon::BackoffBuilder as _;
use sluice_storage::{CreateError, CreateOutcome, RETRY_PAUSES};
use uuid::Uuid;

use crate::commit::append::FlowAppend;
use crate::commit::replace::{CommitInfo, PlannedEntry, ReplaceCommit};
use crate::commit::view::ViewPlan;
use crate::error::GoldError;
use crate::files::data_file::DataFile;
use crate::log::delta_log::has_commit_id;
use crate::log::snapshot::Snapshot;
use crate::table::{GoldTable, TableSpec};

/// How often a commit is built when other writers commit first.
const MAX_ATTEMPTS: u32 = 12;

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
    /// The table's log already has this commit or its `txn` number. Nothing was
    /// written.
    AlreadyCommitted {
        /// The version that the commit made, or the newest one where the log no
        /// longer has its entry.
        version: u64,
    },
}

/// What a commit does with the files that the table has.
#[derive(Debug, Clone, Copy)]
pub(crate) enum CommitMode<'a> {
    /// Removes them.
    Replace,
    /// Removes or keeps them, as the plan says; the rows are those of a materialized view
    /// that have the input of the plan.
    View(&'a ViewPlan),
    /// Keeps them; the rows are those of these flows.
    Append(&'a [FlowAppend]),
    /// Keeps all but those with these paths; the rows are those of these flows, and
    /// those that stay of the files that are removed.
    ReplacePart(&'a [FlowAppend], &'a [String]),
    /// Removes them; the rows are those of these flows from their beginning.
    Restart(&'a [FlowAppend]),
}

impl<'a> CommitMode<'a> {
    /// The flows whose rows are added.
    pub(crate) const fn flows(self) -> Option<&'a [FlowAppend]> {
        match self {
            Self::Replace | Self::View(_) => None,
            Self::Append(flows) | Self::ReplacePart(flows, _) | Self::Restart(flows) => Some(flows),
        }
    }

    /// The files that are removed; `None`: all.
    pub(crate) fn removed_paths(self) -> Option<&'a [String]> {
        match self {
            Self::View(view) => view.removed_paths(),
            Self::Replace | Self::Restart(_) => None,
            Self::Append(_) => Some(&[]),
            Self::ReplacePart(_, paths) => Some(paths),
        }
    }

    /// Whether the table keeps files, so that its columns and what its flows have taken
    /// stay.
    pub(crate) fn keeps_files(self) -> bool {
        match self {
            Self::Append(_) | Self::ReplacePart(..) => true,
            Self::View(view) => view.keeps_files(),
            Self::Replace | Self::Restart(_) => false,
        }
    }
}

/// What shows that a commit was made before.
#[derive(Debug, Clone, Copy)]
enum CommitProof {
    /// Its `txn` number, or a greater one.
    TxnNumber,
    /// An entry with its id after this version. Where the log was cleaned up since
    /// then, the `txn` number.
    InLogAfter(Option<u64>),
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
        let mode = CommitMode::Replace;
        self.commit_once(spec, adds, mode, info, CommitProof::TxnNumber)
            .await
    }

    async fn commit_once(
        &self,
        spec: &TableSpec,
        adds: &[DataFile],
        mode: CommitMode<'_>,
        info: &CommitInfo,
        proof: CommitProof,
    ) -> Result<CommitOutcome, GoldError> {
        let replace = ReplaceCommit::new_checked(self.name(), spec, adds, mode, info)?;
        let mut attempts = 0;
        let mut pauses = RETRY_PAUSES.build();
        loop {
            attempts += 1;
            let snapshot = self.load_snapshot().await?;
            // Also on later attempts: the entry may have been sent by a process
            // that ended, and arrive only now.
            if let Some(snapshot) = &snapshot
                && let Some(version) = self.find_commit(snapshot, info, proof).await?
            {
                return Ok(CommitOutcome::AlreadyCommitted { version });
            }
            self.check_flows(snapshot.as_deref(), mode).await?;
            let now = chrono::Utc::now().timestamp_millis();
            let PlannedEntry {
                version,
                entry,
                creates_table,
                removed_files,
            } = replace.plan_entry(snapshot.as_deref(), now, Uuid::new_v4())?;
            match self.create_entry(version, entry, info.commit_id).await? {
                CreateOutcome::Ours => {
                    tracing::info!(
                        table = self.name(),
                        version,
                        job_id = info.job_id,
                        files = adds.len(),
                        removed = removed_files,
                        "table committed"
                    );
                    return Ok(CommitOutcome::Committed {
                        version,
                        created: creates_table,
                        removed_files,
                        attempts,
                    });
                }
                CreateOutcome::Another(_) if attempts == MAX_ATTEMPTS => {
                    return Ok(CommitOutcome::Conflict { version, attempts });
                }
                CreateOutcome::Another(_) => {
                    tracing::info!(
                        table = self.name(),
                        version,
                        "another writer committed first, building the commit again"
                    );
                    tokio::time::sleep(pauses.next().unwrap_or_default()).await;
                }
            }
        }
    }

    /// The version that this commit has made, as far as `snapshot` shows.
    async fn find_commit(
        &self,
        snapshot: &Snapshot,
        info: &CommitInfo,
        proof: CommitProof,
    ) -> Result<Option<u64>, GoldError> {
        if let CommitProof::InLogAfter(read_version) = proof {
            let commit_id = info.commit_id.to_string();
            let first = read_version.map_or(0, |version| version + 1);
            let mut log_is_complete = true;
            for version in first..=snapshot.version {
                let entry = self.delta_log().read_entry(version).await;
                match entry.map_err(|error| GoldError::Store {
                    table: self.name().to_owned(),
                    source: Box::new(error),
                })? {
                    Some(entry) if has_commit_id(&entry, &commit_id) => return Ok(Some(version)),
                    Some(_) => {}
                    None => log_is_complete = false,
                }
            }
            if log_is_complete {
                return Ok(None);
            }
        }
        let Some((app_id, number)) = &info.txn else {
            return Ok(None);
        };
        let last_number = self.txn_version(snapshot, app_id).await?;
        let is_taken = last_number.is_some_and(|seen| seen >= *number);
        Ok(is_taken.then_some(snapshot.version))
    }

    /// Sends an entry until it is known which writer's entry is in the log.
    async fn create_entry(
        &self,
        version: u64,
        entry: String,
        commit_id: Uuid,
    ) -> Result<CreateOutcome, GoldError> {
        let created = self
            .delta_log()
            .create_entry(version, entry.into(), commit_id)
            .await;
        let table = || self.name().to_owned();
        created.map_err(|error| match error {
            CreateError::NotCreated(source) => GoldError::Store {
                table: table(),
                source,
            },
            CreateError::OutcomeUnknown(source) => GoldError::OutcomeUnknown {
                table: table(),
                version,
                source,
            },
        })
    }
}

#[cfg(test)]
mod tests;
