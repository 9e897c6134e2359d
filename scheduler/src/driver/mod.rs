//! The driver of one job: from its text to committed tables.
//!
//! ```text
//! check → analyze → run steps in parallel → commit every table → clean up
//! ```
//!
//! Only the commit changes gold, and it begins when every file of every dataset
//! is written: a failure before that leaves each table as it was.

mod commit;
mod dry_run;
mod execution;
mod job_errors;
mod job_log;
mod job_progress;
mod live_job;
mod step_states;
mod uncommitted_files;

use std::sync::Arc;
use std::time::{Duration, Instant};

use sluice_engine::job::{AnalyzeError, AnalyzeOptions, AnalyzedJob, analyze_job};
use sluice_gold::{GoldError, GoldTables};
use sluice_jobfile::Job as CheckedJob;
use sluice_proto::v1::{ErrorKind, JobError, JobState, LogLevel, Progress};
use sluice_storage::Stores;

use crate::job_settings::JobSettings;
use crate::runner::Runner;

pub(crate) use dry_run::describe_plan;
pub(crate) use job_errors::analysis_error;
pub use job_log::LogFile;
pub use live_job::LiveJob;
pub(crate) use uncommitted_files::UncommittedFiles;

/// Runs jobs; every job of this process shares one.
#[derive(Clone)]
pub struct Driver {
    /// Where steps run.
    pub runner: Arc<dyn Runner>,
    /// The stores of sources and gold.
    pub stores: Stores,
    /// The gold tables, with a cache of their logs.
    pub gold: GoldTables,
    /// Memory and stores of sessions in this process, for planning and, with a
    /// local runner, for running.
    pub runtime: Arc<datafusion::execution::runtime_env::RuntimeEnv>,
}

/// A submission whose job file and settings are valid.
pub(crate) struct CheckedSubmission {
    /// The job with its parameters bound.
    pub job: CheckedJob,
    /// The folder of the gold tables.
    pub gold: String,
    pub settings: JobSettings,
}

/// How often progress is published while steps run.
const PROGRESS_EVERY: Duration = Duration::from_millis(250);

impl Driver {
    /// Reads the inputs of a job and plans its steps.
    pub(crate) async fn analyze_job(
        &self,
        submission: &CheckedSubmission,
    ) -> Result<AnalyzedJob, AnalyzeError> {
        let session_error = |source| AnalyzeError::Engine {
            what: "the session".to_owned(),
            source,
        };
        let config = submission
            .settings
            .session_config()
            .map_err(session_error)?;
        let config = self.runner.configure_session(config);
        let session =
            sluice_engine::session::build_session_state(config, Arc::clone(&self.runtime))
                .map_err(session_error)?;
        let options = AnalyzeOptions {
            stores: self.stores.clone(),
            gold: submission.gold.clone(),
            target_file_size: submission.settings.target_file_size,
            session,
        };
        analyze_job(&submission.job, &options).await
    }

    /// Runs a job to its end and gives the result. It enters the states on the
    /// way; the caller sets the final state.
    pub(crate) async fn run_job(
        &self,
        live: &Arc<LiveJob>,
        submission: &CheckedSubmission,
    ) -> Result<(), JobError> {
        let cancel = live.cancel_token().clone();
        let analyzed = tokio::select! {
            analyzed = self.analyze_job(submission) => {
                analyzed.map_err(|error| analysis_error(&error, &submission.job.text))?
            }
            () = cancel.cancelled() => return Err(stop_error(live)),
        };
        job_progress::record_plan(live, &analyzed);
        live.advance_state(JobState::Planned, None);
        live.write_log(LogLevel::Info, "driver", plan_summary(&analyzed));
        self.wait_for_executors(live).await?;
        live.advance_state(JobState::Running, None);
        let mut execution =
            execution::JobExecution::new(self, live, &analyzed, &submission.settings);
        let run_result = execution.run_steps().await;
        let written = match run_result {
            Ok(written) => written,
            Err(reason) => {
                execution.release_all_stages();
                self.remove_uncommitted(live, &analyzed).await;
                return Err(reason);
            }
        };
        execution.release_all_stages();
        if cancel.is_cancelled() {
            self.remove_uncommitted(live, &analyzed).await;
            return Err(stop_error(live));
        }
        live.advance_state(JobState::Committing, None);
        commit::commit_job(self, live, &analyzed, written).await
    }

    /// A cluster without executors accepts the job and waits for an executor;
    /// the job's progress shows that to its watchers.
    async fn wait_for_executors(&self, live: &LiveJob) -> Result<(), JobError> {
        let begun = Instant::now();
        let mut ticks = tokio::time::interval(PROGRESS_EVERY);
        let mut announced = false;
        while self.runner.capacity().await.vcores == 0 {
            if !announced {
                announced = true;
                live.write_log(
                    LogLevel::Info,
                    "driver",
                    "no executors are registered; waiting for one",
                );
            }
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(50)) => {}
                _ = ticks.tick() => live.publish_progress(Progress {
                    elapsed_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
                    ..Progress::default()
                }),
                () = live.cancel_token().cancelled() => return Err(stop_error(live)),
            }
        }
        Ok(())
    }

    /// Removes the files of a job that does not reach its commit: now, and
    /// repeatedly for some time.
    async fn remove_uncommitted(&self, live: &Arc<LiveJob>, analyzed: &AnalyzedJob) {
        let files = UncommittedFiles::from_analyzed(live.record().job_id, analyzed);
        let live = Arc::clone(live);
        let failed = move |table: &str, error: &GoldError| {
            let target = format!("clean up {table}");
            live.write_log(
                LogLevel::Warn,
                &target,
                sluice_service::format::error_chain(error),
            );
        };
        files.remove_now(self, &failed).await;
        files.remove_later(self.clone(), failed);
    }
}

/// The error of a job that was asked to end.
pub(crate) fn stop_error(live: &LiveJob) -> JobError {
    live.stop_reason().unwrap_or_else(|| {
        JobError::new(ErrorKind::Killed, "the job was cancelled")
            .with_next_step("gold is unchanged")
    })
}

fn plan_summary(analyzed: &AnalyzedJob) -> String {
    let bytes: u64 = analyzed.inputs.iter().map(|input| input.bytes).sum();
    let files: u64 = analyzed.inputs.iter().map(|input| input.files).sum();
    format!(
        "{} datasets in {} steps over {} sources with {files} files, {}",
        analyzed.datasets.len(),
        analyzed.steps.len(),
        analyzed.inputs.len(),
        bytesize::ByteSize(bytes)
    )
}
