//! The driver of one job: from its text to committed tables.
//!
//! ```text
//! check → analyze → run steps in parallel → commit every table → clean up
//! ```
//!
//! Only the commit changes gold, and it begins when every file of every dataset
//! is written: a failure before that leaves each table as it was.

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

/// Runs jobs; every job of this process shares one.
#[derive(Clone)]
pub struct DriverSettings {
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
pub(crate) struct Submission {
    /// The job with its parameters bound.
    pub job: CheckedJob,
    /// The folder of the gold tables.
    pub gold: String,
    pub conf: JobConf,
}

/// How often progress is published while steps run.
const PROGRESS_EVERY: Duration = Duration::from_millis(250);

impl DriverSettings {
    /// Reads the inputs of a job and plans its steps.
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

    /// Runs a job to its end and gives the result. It enters the states on the
    /// way; the caller sets the final state.
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

    /// A cluster without executors accepts the job and waits for an executor;
    /// the job's progress shows that to its watchers.
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

    /// Removes the files of a job that does not reach its commit: now, and
    /// repeatedly for some time.
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

/// The error of a job that was asked to end.
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
