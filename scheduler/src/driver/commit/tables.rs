//! Makes the recorded commits of a job: its own, or those of a job that an earlier
//! process was committing.

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

use futures::future::join_all;
use sluice_gold::{CommitOutcome, GoldError, PreparedCommit};
use sluice_proto::v1::{DatasetPhase, ErrorKind, JobError, LogLevel};
use sluice_service::crash;
use sluice_service::format::error_chain;
use sluice_traces::{Span, TraceContext, in_context};

use super::super::job_errors::gold_error_kind;
use super::super::job_trace::set_error;
use super::super::live_job::LiveJob;
use super::super::{Driver, stop_error};
use super::CommitIntent;
use super::publish::publish_cut;
use super::round::{CommitFailure, CommitRound, RoundVerdict};
use super::tidy::tidy_tables;

/// The pause after the first failed round of commits, and the longest one.
const COMMIT_PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));

/// Why a table did not get its version.
#[derive(Debug, thiserror::Error)]
enum CommitError {
    #[error(transparent)]
    Gold(#[from] GoldError),
    #[error(
        "other writers committed first {attempts} times, the last time version {version} of {table}"
    )]
    Conflict {
        table: String,
        version: u64,
        attempts: u32,
    },
    #[error("table {table} is committed after {before}, whose rows it has read")]
    After {
        table: String,
        before: String,
        /// Of the commit before.
        failure: CommitFailure,
    },
}

impl CommitError {
    fn failure(&self) -> CommitFailure {
        match self {
            Self::Gold(error) if error.is_outcome_unknown() => CommitFailure::Unknown,
            Self::After {
                failure: CommitFailure::Impossible,
                ..
            } => CommitFailure::Impossible,
            Self::Conflict { .. } | Self::After { .. } => CommitFailure::MaySucceedLater,
            Self::Gold(error) => match error.store_kind() {
                Some(kind) if kind.is_transient() => CommitFailure::MaySucceedLater,
                Some(_) => CommitFailure::Refused,
                None => CommitFailure::Impossible,
            },
        }
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::Conflict { .. } | Self::After { .. } => ErrorKind::Transient,
            Self::Gold(error) => gold_error_kind(error),
        }
    }
}

/// Who makes the commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CommitRun {
    /// The job that prepared them.
    First,
    /// A later process: some may have been made, and data files may be missing.
    AfterRestart,
}

/// A commit that was not made in a round.
struct FailedCommit {
    /// Of the commit in the intent.
    index: usize,
    failure: CommitFailure,
    error: CommitError,
}

/// Commits that were not all made.
pub(crate) struct FailedCommits {
    pub(crate) reason: JobError,
    /// The names of the tables whose commit was not made, and will not be once the
    /// end of the job is recorded.
    pub(crate) uncommitted: Vec<String>,
}

/// Makes all commits of an intent that were not made before.
///
/// # Errors
/// After the time limit for commits, or when one of them can never be made.
pub(crate) async fn make_commits(
    driver: &Driver,
    live: &LiveJob,
    intent: &CommitIntent,
    run: CommitRun,
) -> Result<(), FailedCommits> {
    let started = Instant::now();
    let mut pause = COMMIT_PAUSES.0;
    let mut missing: Vec<usize> = (0..intent.commits.len()).collect();
    // A commit that may have been made stays so until it is found or made.
    let mut may_be_made: HashSet<usize> = HashSet::new();
    let mut versions: BTreeMap<usize, u64> = BTreeMap::new();
    loop {
        let mut failed: Vec<FailedCommit> = Vec::new();
        let results = match intent.in_order {
            true => commit_in_order(driver, (intent, run), &missing).await,
            false => commit_at_once(driver, (intent, run), &missing).await,
        };
        for (index, result) in results {
            match result {
                Ok(version) => {
                    versions.insert(index, version);
                    record_version(live, intent.commits[index].table(), version);
                }
                Err(error) => {
                    if error.failure() == CommitFailure::Unknown {
                        may_be_made.insert(index);
                    }
                    let failure = if may_be_made.contains(&index) {
                        CommitFailure::Unknown
                    } else {
                        error.failure()
                    };
                    failed.push(FailedCommit {
                        index,
                        failure,
                        error,
                    });
                }
            }
        }
        if failed.is_empty() {
            let tables = intent.commits.len();
            let seconds = started.elapsed().as_secs_f64();
            let message = format!("committed {tables} tables in {seconds:.3} s");
            live.write_log(LogLevel::Info, "driver", message);
            crash::reach_point("publish.before");
            publish_cut(driver, live, intent, &versions).await;
            tidy_tables(driver, live, intent, &versions).await;
            return Ok(());
        }
        let failures: Vec<_> = failed.iter().map(|failed| failed.failure).collect();
        let round = CommitRound {
            any_committed: run == CommitRun::AfterRestart || failed.len() < intent.commits.len(),
            failures: &failures,
            elapsed: started.elapsed(),
            is_cancelled: live.cancel_token().is_cancelled(),
        };
        let verdict = round.judge();
        for failed in &failed {
            let level = match verdict {
                RoundVerdict::Retry => LogLevel::Warn,
                RoundVerdict::Cancelled | RoundVerdict::Failed => LogLevel::Error,
            };
            let target = format!("commit {}", intent.commits[failed.index].table());
            live.write_log(level, &target, error_chain(&failed.error));
        }
        match verdict {
            RoundVerdict::Retry => {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(COMMIT_PAUSES.1);
                missing = failed.iter().map(|failed| failed.index).collect();
            }
            RoundVerdict::Cancelled => {
                return Err(FailedCommits {
                    reason: stop_error(live),
                    uncommitted: intent.commits.iter().map(table_name).collect(),
                });
            }
            RoundVerdict::Failed => {
                tidy_tables(driver, live, intent, &versions).await;
                return Err(fail_commits(live, intent, &failed));
            }
        }
    }
}

/// A commit by its index in the intent, and its version.
type MadeCommit = (usize, Result<u64, CommitError>);

async fn commit_at_once(
    driver: &Driver,
    (intent, run): (&CommitIntent, CommitRun),
    missing: &[usize],
) -> Vec<MadeCommit> {
    let attempts = missing.iter().copied().map(|index| async move {
        let commit = &intent.commits[index];
        (index, make_commit(driver, commit, run).await)
    });
    join_all(attempts.collect::<Vec<_>>()).await
}

/// Makes the commits of streaming tables one after the other, up to the first that fails,
/// and then those of views at once, whose rows follow from the tables'.
async fn commit_in_order(
    driver: &Driver,
    (intent, run): (&CommitIntent, CommitRun),
    missing: &[usize],
) -> Vec<MadeCommit> {
    let is_streaming = |index: &usize| intent.commits[*index].adds_rows_of_flows();
    let (streaming, views): (Vec<usize>, Vec<usize>) =
        missing.iter().partition(|at| is_streaming(at));
    let mut results = Vec::new();
    let mut failed: Option<(String, CommitFailure)> = None;
    let after = |index: usize, (before, failure): &(String, CommitFailure)| CommitError::After {
        table: table_name(&intent.commits[index]),
        before: before.clone(),
        failure: *failure,
    };
    for index in streaming {
        let commit = &intent.commits[index];
        let result = match &failed {
            None => make_commit(driver, commit, run).await,
            Some(before) => Err(after(index, before)),
        };
        if let (Err(error), None) = (&result, &failed) {
            failed = Some((table_name(commit), error.failure()));
        }
        results.push((index, result));
    }
    match &failed {
        None => results.extend(commit_at_once(driver, (intent, run), &views).await),
        Some(before) => {
            results.extend(views.iter().map(|at| (*at, Err(after(*at, before)))));
        }
    }
    results
}

fn table_name(commit: &PreparedCommit) -> String {
    commit.table().to_owned()
}

fn record_version(live: &LiveJob, table: &str, version: u64) {
    live.update_record(|job| {
        for result in job
            .datasets
            .iter_mut()
            .filter(|result| result.name == table)
        {
            result.version = Some(version);
            result.set_phase(DatasetPhase::Committed);
        }
    });
}

impl LiveJob {
    /// Records that the job adds nothing to a table.
    pub(super) fn record_unchanged(&self, table: &str, version: u64) {
        record_version(self, table, version);
    }
}

/// Makes one commit.
async fn make_commit(
    driver: &Driver,
    commit: &PreparedCommit,
    run: CommitRun,
) -> Result<u64, CommitError> {
    let name = format!("commit {}", commit.table());
    let mut span = Span::child(name, TraceContext::current().as_ref());
    span.set_text("sluice.dataset", commit.table());
    span.set_count("sluice.files", commit.files().len() as u64);
    let made = in_context(span.context(), commit_table(driver, commit, run)).await;
    match &made {
        Ok(version) => span.set_count("sluice.table.version", *version),
        Err(error) => set_error(&mut span, error.kind()),
    }
    made
}

async fn commit_table(
    driver: &Driver,
    commit: &PreparedCommit,
    run: CommitRun,
) -> Result<u64, CommitError> {
    let table = driver.gold.open_prepared(commit)?;
    if run == CommitRun::AfterRestart && table.find_prepared(commit).await?.is_none() {
        let files = commit.files().iter();
        table
            .verify_files(files.map(|file| (file.path.as_str(), file.size)))
            .await?;
    }
    let version = match table.commit_prepared(commit).await? {
        CommitOutcome::Committed { version, .. } | CommitOutcome::AlreadyCommitted { version } => {
            version
        }
        CommitOutcome::Conflict { version, attempts } => {
            return Err(CommitError::Conflict {
                table: table_name(commit),
                version,
                attempts,
            });
        }
    };
    crash::reach_point("commit.made");
    Ok(version)
}

/// Marks the tables that were not committed, and says which were.
fn fail_commits(live: &LiveJob, intent: &CommitIntent, failed: &[FailedCommit]) -> FailedCommits {
    live.update_record(|job| {
        for failed in failed {
            let table = intent.commits[failed.index].table();
            for result in job
                .datasets
                .iter_mut()
                .filter(|result| result.name == table)
            {
                result.set_phase(DatasetPhase::Failed);
            }
        }
    });
    let names = |is_wanted: &dyn Fn(Option<CommitFailure>) -> bool| -> Vec<String> {
        let failure_of = |index: usize| {
            let failed = failed.iter().find(|failed| failed.index == index);
            failed.map(|failed| failed.failure)
        };
        let commits = intent.commits.iter().enumerate();
        commits
            .filter(|(index, _)| is_wanted(failure_of(*index)))
            .map(|(_, commit)| table_name(commit))
            .collect()
    };
    let committed = names(&|failure| failure.is_none());
    let unknown = names(&|failure| failure == Some(CommitFailure::Unknown));
    let uncommitted = names(&|failure| failure.is_some_and(|f| f != CommitFailure::Unknown));
    let reason = match failed.first() {
        Some(first) => JobError::new(
            first.error.kind(),
            format!(
                "cannot commit {}: {}",
                intent.commits[first.index].table(),
                error_chain(&first.error)
            ),
        )
        .with_next_step(next_step(&committed, &unknown)),
        None => JobError::new(ErrorKind::Internal, "the commits failed without an error"),
    };
    FailedCommits {
        reason,
        uncommitted,
    }
}

/// What the tables of a job hold whose commits were not all made.
fn next_step(committed: &[String], unknown: &[String]) -> String {
    if committed.is_empty() && unknown.is_empty() {
        return "no table was changed; fix the cause, then submit again".to_owned();
    }
    let mut text = String::new();
    if !committed.is_empty() {
        text += &format!(
            "these tables have their new version: {}; ",
            committed.join(", ")
        );
    }
    if !unknown.is_empty() {
        text += &format!("these tables may have it: {}; ", unknown.join(", "));
    }
    text + "submit again to update the others"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_step_names_the_tables_that_changed() {
        let names = |names: &[&str]| {
            names
                .iter()
                .map(|name| (*name).to_owned())
                .collect::<Vec<_>>()
        };
        assert!(next_step(&[], &[]).starts_with("no table was changed"));
        assert_eq!(
            next_step(&names(&["a", "b"]), &[]),
            "these tables have their new version: a, b; submit again to update the others"
        );
        assert_eq!(
            next_step(&[], &names(&["c"])),
            "these tables may have it: c; submit again to update the others"
        );
    }
}
