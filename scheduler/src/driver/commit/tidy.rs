//! What is done in the tables after all commits of a job.

use std::collections::{BTreeMap, HashSet};

use futures::future::join_all;
use sluice_gold::{GoldError, GoldTable, PreparedCommit, is_checkpoint_due};
use sluice_proto::v1::LogLevel;
use sluice_service::format::error_chain;

use super::super::Driver;
use super::super::live_job::LiveJob;
use super::CommitIntent;

/// Tidies the tables of commits that were made. These are durable: what fails here does
/// not fail the job.
pub(super) async fn tidy_tables(
    driver: &Driver,
    live: &LiveJob,
    intent: &CommitIntent,
    versions: &BTreeMap<usize, u64>,
) {
    let tidied = versions.iter().map(|(index, version)| async move {
        let commit = &intent.commits[*index];
        match driver.gold.open_prepared(commit) {
            Ok(table) => tidy_table(live, &table, commit, *version).await,
            Err(error) => log_untidy(live, commit, &error),
        }
    });
    join_all(tidied.collect::<Vec<_>>()).await;
}

fn log_untidy(live: &LiveJob, commit: &PreparedCommit, error: &GoldError) {
    let target = format!("commit {}", commit.table());
    live.write_log(LogLevel::Warn, &target, error_chain(error));
}

/// Removes files that lost attempts of the job's tasks wrote, and makes a
/// checkpoint when one is due.
async fn tidy_table(live: &LiveJob, table: &GoldTable, commit: &PreparedCommit, version: u64) {
    let target = format!("commit {}", commit.table());
    let log_failure = |error: &GoldError| log_untidy(live, commit, error);
    let paths = commit.files().iter().map(|file| file.path.clone());
    let committed: HashSet<String> = paths.collect();
    match table.cleanup_uncommitted(&live.job_id(), &committed).await {
        Ok(cleanup) if cleanup.deleted_files > 0 => live.write_log(
            LogLevel::Info,
            &target,
            format!("removed {} files of lost attempts", cleanup.deleted_files),
        ),
        Ok(_) => {}
        Err(error) => log_failure(&error),
    }
    let is_due = commit
        .spec()
        .is_ok_and(|spec| is_checkpoint_due(version, &spec));
    if is_due && let Err(error) = table.write_checkpoint().await {
        log_failure(&error);
    }
}
