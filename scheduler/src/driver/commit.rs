//! The last phase of a job: every table gets its new version.

use std::collections::HashSet;
use std::time::Instant;

use futures::future::join_all;
use sluice_engine::job::{AnalyzedDataset, AnalyzedJob};
use sluice_gold::{CommitInfo, CommitOutcome, DataFile, GoldError, is_checkpoint_due};
use sluice_proto::v1::{DatasetPhase, ErrorKind, JobError, LogLevel};
use sluice_storage::Location;

use super::Driver;
use super::execution::WrittenFiles;
use super::live_job::LiveJob;
use sluice_service::format::error_chain;

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
}

/// Commits every dataset. A job cannot be cancelled in between: each commit is
/// short, and a deliberately half-committed job would be of no use.
pub(super) async fn commit_job(
    driver: &Driver,
    live: &LiveJob,
    job: &AnalyzedJob,
    mut written: WrittenFiles,
) -> Result<(), JobError> {
    let started = Instant::now();
    let commits = job.datasets.iter().enumerate().map(|(index, dataset)| {
        let files = written.remove(&index).unwrap_or_default();
        async move {
            (
                index,
                commit_dataset(driver, live, &job.gold, dataset, &files).await,
            )
        }
    });
    let mut failed = None;
    let mut committed = Vec::new();
    for (index, result) in join_all(commits.collect::<Vec<_>>()).await {
        let name = &job.datasets[index].name;
        match result {
            Ok(version) => {
                committed.push(name.as_str());
                live.update_record(|job| {
                    if let Some(result) = job.datasets.get_mut(index) {
                        result.version = Some(version);
                        result.set_phase(DatasetPhase::Committed);
                    }
                });
            }
            Err(error) => {
                live.write_log(
                    LogLevel::Error,
                    &format!("commit {name}"),
                    error_chain(&error),
                );
                live.update_record(|job| {
                    if let Some(result) = job.datasets.get_mut(index) {
                        result.set_phase(DatasetPhase::Failed);
                    }
                });
                failed.get_or_insert((name.clone(), error));
            }
        }
    }
    match failed {
        None => {
            let tables = committed.len();
            live.write_log(
                LogLevel::Info,
                "driver",
                format!(
                    "committed {tables} tables in {:.3} s",
                    started.elapsed().as_secs_f64()
                ),
            );
            Ok(())
        }
        Some((name, error)) => Err(commit_failure(&name, &error, &committed)),
    }
}

/// Commits one dataset, and removes files that lost attempts of its tasks
/// wrote.
async fn commit_dataset(
    driver: &Driver,
    live: &LiveJob,
    gold: &Location,
    dataset: &AnalyzedDataset,
    files: &[DataFile],
) -> Result<u64, CommitError> {
    let job = live.record();
    let table = driver.gold.open(gold, &dataset.name)?;
    let info = CommitInfo {
        job_id: job.job_id.clone(),
        job_name: job.name.clone(),
        engine: concat!("sluice/", env!("CARGO_PKG_VERSION")).to_owned(),
        commit_id: uuid::Uuid::new_v4(),
        txn: None,
    };
    let outcome = table.commit_replace(&dataset.spec, files, &info).await;
    let not_committed = match &outcome {
        Ok(outcome) => matches!(outcome, CommitOutcome::Conflict { .. }),
        Err(error) => !error.is_outcome_unknown(),
    };
    if not_committed {
        // No version names these files, and none will.
        if let Err(error) = table
            .cleanup_uncommitted(&job.job_id, &HashSet::new())
            .await
        {
            live.write_log(
                LogLevel::Warn,
                &format!("clean up {}", dataset.name),
                error_chain(&error),
            );
        }
    }
    let version = match outcome? {
        CommitOutcome::Committed { version, .. } | CommitOutcome::AlreadyCommitted { version } => {
            version
        }
        CommitOutcome::Conflict { version, attempts } => {
            return Err(CommitError::Conflict {
                table: dataset.name.clone(),
                version,
                attempts,
            });
        }
    };
    let committed: HashSet<String> = files.iter().map(|file| file.path.clone()).collect();
    // The commit is durable: the steps below may fail without failing the job.
    match table.cleanup_uncommitted(&job.job_id, &committed).await {
        Ok(cleanup) if cleanup.deleted_files > 0 => live.write_log(
            LogLevel::Info,
            &format!("commit {}", dataset.name),
            format!("removed {} files of lost attempts", cleanup.deleted_files),
        ),
        Ok(_) => {}
        Err(error) => live.write_log(
            LogLevel::Warn,
            &format!("commit {}", dataset.name),
            error_chain(&error),
        ),
    }
    if is_checkpoint_due(version, &dataset.spec)
        && let Err(error) = table.write_checkpoint().await
    {
        live.write_log(
            LogLevel::Warn,
            &format!("commit {}", dataset.name),
            error_chain(&error),
        );
    }
    Ok(version)
}

fn commit_failure(name: &str, error: &CommitError, committed: &[&str]) -> JobError {
    let kind = match error {
        CommitError::Conflict { .. } => ErrorKind::Transient,
        CommitError::Gold(error) => match (error.store_kind(), error) {
            (Some(kind), _) if kind.is_transient() => ErrorKind::Transient,
            (Some(_), _) => ErrorKind::Storage,
            (
                None,
                GoldError::Schema { .. }
                | GoldError::Property { .. }
                | GoldError::Protocol { .. }
                | GoldError::AppendOnly { .. },
            ) => ErrorKind::Invalid,
            (None, _) => ErrorKind::Internal,
        },
    };
    let next = if committed.is_empty() {
        "no table was changed; fix the cause, then submit again".to_owned()
    } else {
        format!(
            "these tables have their new version: {}; submit again to update the others",
            committed.join(", ")
        )
    };
    JobError::new(
        kind,
        format!("cannot commit {name}: {}", error_chain(error)),
    )
    .with_next_step(next)
}
