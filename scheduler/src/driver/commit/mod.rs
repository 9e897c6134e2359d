//! The last phase of a job: every table gets its new version.
//!
//! ```text
//! lock the tables → prepare every commit → record the intent → make the commits → publish → tidy
//! ```
//!
//! Until the intent is recorded, a job can be cancelled and nothing has changed.
//! After that the commits are finished, if not by this process then by the next.
//! The tables stay locked until the end of the job is recorded.

mod intent;
mod publish;
mod round;
mod tables;
mod tidy;

use std::collections::BTreeMap;

use futures::future::try_join_all;
use sluice_engine::job::{AnalyzedDataset, AnalyzedJob, ViewUpdate};
use sluice_gold::{CommitOrigin, GoldError, GoldTable, PreparedCommit, TableLocks, ViewPlan};
use sluice_proto::v1::{ErrorKind, JobError, JobState, LogLevel};
use sluice_service::crash;
use sluice_service::format::error_chain;

use super::execution::WrittenFiles;
use super::intake::RunIntake;
use super::job_errors::gold_error_kind;
use super::live_job::LiveJob;
use super::recorder::JobRecorder;
use super::uncommitted_files::UncommittedFiles;
use super::{Driver, FinishedSteps, stop_error};

pub(crate) use intent::CommitIntent;
pub(crate) use tables::{CommitRun, make_commits};

/// How a job has ended, and what to do once that is recorded.
pub(crate) struct JobEnd {
    pub(crate) result: Result<(), JobError>,
    /// Files to remove when no restart can commit them any more.
    pub(crate) leftovers: Option<UncommittedFiles>,
    /// Released when the end is recorded.
    pub(crate) locks: Option<TableLocks>,
}

impl JobEnd {
    /// The end of a job that has not come to its commits.
    pub(crate) fn before_commits(reason: JobError) -> Self {
        Self {
            result: Err(reason),
            leftovers: None,
            locks: None,
        }
    }
}

/// Commits every dataset of a job.
pub(super) async fn commit_job(
    driver: &Driver,
    live: &LiveJob,
    finished: FinishedSteps,
    recorder: &dyn JobRecorder,
) -> JobEnd {
    let FinishedSteps {
        analyzed,
        written,
        intake,
    } = finished;
    let job = analyzed.as_ref();
    let leftovers = UncommittedFiles::from_analyzed(live.job_id(), job);
    let cancelled = live.cancel_token().cancelled();
    let prepared = tokio::select! {
        prepared = prepare_commits(driver, live, job, written, &intake, recorder) => prepared,
        () = cancelled => Err(stop_error(live)),
    };
    let (locks, intent) = match prepared {
        Ok(prepared) => prepared,
        Err(reason) => {
            return JobEnd {
                leftovers: Some(leftovers),
                ..JobEnd::before_commits(reason)
            };
        }
    };
    if intent.commits.is_empty() {
        live.write_log(
            LogLevel::Info,
            "driver",
            "no table has anything new".to_owned(),
        );
        live.advance_state(JobState::Committing, None);
        // An earlier run may have ended before it published what it committed.
        publish::publish_cut(driver, live, &intent, &BTreeMap::new()).await;
        return JobEnd {
            result: Ok(()),
            leftovers: None,
            locks: Some(locks),
        };
    }
    crash::reach_point("commit.prepared");
    live.advance_state(JobState::Committing, None);
    let recorded = recorder.record_intent(live.record(), &intent).await;
    if let Err(error) = recorded {
        let reason = JobError::new(
            ErrorKind::Storage,
            format!("what the job commits cannot be recorded: {error}"),
        )
        .with_next_step("no table was changed; free space on the scheduler, then submit again");
        return JobEnd {
            leftovers: Some(leftovers),
            ..JobEnd::before_commits(reason)
        };
    }
    crash::reach_point("commit.recorded");
    let made = make_commits(driver, live, &intent, CommitRun::First).await;
    crash::reach_point("commit.all_made");
    let (result, leftovers) = match made {
        Ok(()) => (Ok(()), None),
        Err(failed) => (
            Err(failed.reason),
            Some(leftovers.only_of(&failed.uncommitted)),
        ),
    };
    JobEnd {
        result,
        leftovers,
        locks: Some(locks),
    }
}

/// Locks the job's tables and prepares a commit for each. Changes nothing.
async fn prepare_commits(
    driver: &Driver,
    live: &LiveJob,
    job: &AnalyzedJob,
    mut written: WrittenFiles,
    intake: &RunIntake,
    recorder: &dyn JobRecorder,
) -> Result<(TableLocks, CommitIntent), JobError> {
    let record = live.record();
    let origin = CommitOrigin {
        job_id: record.job_id,
        job_name: record.name,
        engine: concat!("sluice/", env!("CARGO_PKG_VERSION")).to_owned(),
        application: recorder.application(),
    };
    let not_prepared = |error: GoldError| {
        JobError::new(gold_error_kind(&error), error_chain(&error))
            .with_next_step("no table was changed; fix the cause, then submit again")
    };
    let has_no_plan = |dataset: &&AnalyzedDataset| {
        let replaced = dataset.replaced_files.as_ref();
        replaced.is_some_and(|replaced| replaced.paths().is_none())
            || dataset.view_update.is_some() && find_view_plan(dataset, intake).is_none()
    };
    if let Some(dataset) = job.datasets.iter().find(has_no_plan) {
        // A replace by what is new alone, or of all files, would lose rows.
        let problem = format!(
            "it is not known what the rows of '{}' follow from",
            dataset.name
        );
        return Err(JobError::new(ErrorKind::Internal, problem)
            .with_next_step("no table was changed; this is a fault in sluice, report it"));
    }
    let datasets = job.datasets.iter();
    let tables: Vec<GoldTable> = datasets
        .map(|dataset| driver.gold.open(&job.gold, &dataset.name))
        .collect::<Result<_, _>>()
        .map_err(not_prepared)?;
    let locks = TableLocks::acquire(&tables).await;
    let commits = tables.iter().enumerate().map(|(index, table)| {
        let files = written.remove(&index).unwrap_or_default();
        let (dataset, origin) = (&job.datasets[index], &origin);
        let appends = intake.appends.get(&dataset.name).cloned();
        async move {
            if let (true, Some(before)) =
                (dataset.is_up_to_date, intake.versions.get(&dataset.name))
            {
                live.record_unchanged(&dataset.name, before.version);
                return Ok(None);
            }
            if !dataset.is_streaming {
                let mut view = find_view_plan(dataset, intake);
                if let Some(view) = &mut view {
                    view.removes = removed_files(dataset);
                }
                let prepared = table.prepare_commit(&dataset.spec, &files, view, origin);
                return Ok(Some(prepared.await?));
            }
            let mut appends = appends.unwrap_or_default();
            let before = intake.versions.get(&dataset.name);
            if appends.is_empty()
                && let Some(before) = before
            {
                live.record_unchanged(&dataset.name, before.version);
                return Ok(None);
            }
            if intake.restarted.contains(&dataset.name) {
                let prepared = table.prepare_restart(&dataset.spec, &files, appends, origin);
                return Ok(Some(prepared.await?));
            }
            if dataset.is_deduplicated() || dataset.replaced_files.is_some() {
                let next = before.map_or(0, |before| before.version + 1);
                for append in &mut appends {
                    append.makes_version = Some(next);
                }
            }
            if let Some(removes) = removed_files(dataset) {
                let files = (&files[..], removes.as_slice());
                let prepared = table.prepare_part(&dataset.spec, files, appends, origin);
                return Ok(Some(prepared.await?));
            }
            let prepared = table.prepare_append(&dataset.spec, &files, appends, origin);
            Ok(Some(prepared.await?))
        }
    });
    let commits = try_join_all(commits.collect::<Vec<_>>()).await;
    let commits = commits.map_err(not_prepared)?.into_iter().flatten();
    let commits: Vec<PreparedCommit> = commits.collect();
    let mut unchanged = intake.versions.clone();
    unchanged.retain(|table, _| !commits.iter().any(|commit| commit.table() == table));
    let intent = CommitIntent {
        commits,
        gold: Some(job.gold.url().to_string()),
        unchanged,
        in_order: intake.commits_in_order,
    };
    Ok((locks, intent))
}

/// The paths of the files that a dataset removes, when it keeps others. The step that
/// writes the table has decided them.
fn removed_files(dataset: &AnalyzedDataset) -> Option<Vec<String>> {
    let replaced = dataset.replaced_files.as_ref()?;
    replaced.paths().map(<[String]>::to_vec)
}

/// The plan whose input a materialized view has after the commit, if its rows would be the
/// same when they were computed again.
fn find_view_plan(dataset: &AnalyzedDataset, intake: &RunIntake) -> Option<ViewPlan> {
    let plan = intake.view_plans.get(&dataset.name);
    let plan = plan.filter(|_| dataset.is_repeatable)?;
    Some(match dataset.view_update {
        Some(update) => ViewPlan {
            adds: update == ViewUpdate::Added,
            ..plan.clone()
        },
        None => ViewPlan {
            based_on: None,
            ..plan.clone()
        },
    })
}
