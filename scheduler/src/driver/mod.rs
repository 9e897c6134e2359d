//! The driver of one job: from its text to committed tables.
//!
//! ```text
//! check → analyze → steps side by side → commit every table → clean up
//! ```
//!
//! Gold is touched in the commit alone, and that begins when every file of
//! every dataset is written: whatever fails before leaves each table as it was.

mod commit;
mod execution;
mod plan;
mod progress;
mod steps;
mod uncommitted;

use std::sync::Arc;
use std::time::{Duration, Instant};

use sluice_engine::job::{AnalyzeError, AnalyzeOptions, AnalyzedJob, analyze};
use sluice_gold::{GoldError, GoldTables};
use sluice_jobfile::Job as CheckedJob;
use sluice_proto::v1::{ErrorKind, JobState, LogLevel, Progress};
use sluice_storage::Stores;

use crate::conf::JobConf;
use crate::job::{JobFailure, LiveJob, failure};
use crate::runner::Runner;

pub(crate) use plan::describe;
pub(crate) use uncommitted::Uncommitted;

/// What every job of this process is driven with.
#[derive(Clone)]
pub struct DriverSettings {
    /// Where steps run.
    pub runner: Arc<dyn Runner>,
    /// Where sources and gold are.
    pub stores: Stores,
    /// The tables of gold, with what is known of their logs.
    pub gold: GoldTables,
    /// Memory that a session may use in this process for planning and, for a
    /// local runner, for running.
    pub runtime: Arc<datafusion::execution::runtime_env::RuntimeEnv>,
}

/// A job that was checked as far as its text goes.
pub(crate) struct Submission {
    /// The bound job.
    pub job: CheckedJob,
    /// The folder of the gold tables.
    pub gold: String,
    /// Settings of this run.
    pub conf: JobConf,
}

/// How often progress is published while steps run.
const PROGRESS_EVERY: Duration = Duration::from_millis(250);

impl DriverSettings {
    /// Plans a job.
    pub(crate) async fn analyze(
        &self,
        submission: &Submission,
    ) -> Result<AnalyzedJob, AnalyzeError> {
        let session_error = |source| AnalyzeError::Engine {
            what: "the session".to_owned(),
            source,
        };
        let config = submission.conf.session_config().map_err(session_error)?;
        let config = self.runner.configure(config);
        let session = sluice_engine::session::state(config, Arc::clone(&self.runtime))
            .map_err(session_error)?;
        let options = AnalyzeOptions {
            stores: self.stores.clone(),
            gold: submission.gold.clone(),
            target_file_size: submission.conf.target_file_size,
            session,
        };
        analyze(&submission.job, &options).await
    }

    /// Drives a job to its end and gives how it ended. Its states are entered
    /// as they come, the end state is left to the caller.
    pub(crate) async fn drive(
        &self,
        live: &Arc<LiveJob>,
        submission: &Submission,
    ) -> Result<(), JobFailure> {
        let cancel = live.cancelled().clone();
        let analyzed = tokio::select! {
            analyzed = self.analyze(submission) => {
                analyzed.map_err(|error| crate::job::of_analysis(&error, &submission.job.text))?
            }
            () = cancel.cancelled() => return Err(stopped(live)),
        };
        progress::describe_job(live, &analyzed);
        live.advance(JobState::Planned, None);
        live.log(LogLevel::Info, "driver", plan_line(&analyzed));
        self.wait_for_executors(live).await?;
        live.advance(JobState::Running, None);
        let mut execution = execution::Execution::new(self, live, &analyzed, &submission.conf);
        let ran = execution.run().await;
        let manifests = match ran {
            Ok(manifests) => manifests,
            Err(reason) => {
                execution.release_all();
                self.remove_files(live, &analyzed).await;
                return Err(reason);
            }
        };
        execution.release_all();
        if cancel.is_cancelled() {
            self.remove_files(live, &analyzed).await;
            return Err(stopped(live));
        }
        live.advance(JobState::Committing, None);
        commit::commit(self, live, &analyzed, manifests).await
    }

    /// A cluster without executors takes the job and waits for some; whoever
    /// watches the job learns of it from its progress.
    async fn wait_for_executors(&self, live: &LiveJob) -> Result<(), JobFailure> {
        let begun = Instant::now();
        let mut ticks = tokio::time::interval(PROGRESS_EVERY);
        let mut told = false;
        while self.runner.capacity().await.vcores == 0 {
            if !told {
                told = true;
                live.log(
                    LogLevel::Info,
                    "driver",
                    "no executors are registered; waiting for one",
                );
            }
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(50)) => {}
                _ = ticks.tick() => live.progress(Progress {
                    elapsed_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
                    ..Progress::default()
                }),
                () = live.cancelled().cancelled() => return Err(stopped(live)),
            }
        }
        Ok(())
    }

    /// Removes what a job wrote that does not get to its commit: now, and again
    /// after a while.
    async fn remove_files(&self, live: &Arc<LiveJob>, analyzed: &AnalyzedJob) {
        let files = Uncommitted::of(live.job().job_id, analyzed);
        let live = Arc::clone(live);
        let failed = move |table: &str, error: &GoldError| {
            let target = format!("clean up {table}");
            live.log(
                LogLevel::Warn,
                &target,
                sluice_service::format::chain(error),
            );
        };
        files.remove(self, &failed).await;
        files.remove_later(self.clone(), failed);
    }
}

/// Why a job that was asked to end ends.
pub(crate) fn stopped(live: &LiveJob) -> JobFailure {
    live.stopped_by().unwrap_or_else(|| {
        failure(
            ErrorKind::Killed,
            "the job was cancelled",
            "gold is unchanged",
        )
    })
}

fn plan_line(analyzed: &AnalyzedJob) -> String {
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
