//! The driver of one job: from its text to committed tables.
//!
//! ```text
//! check → decide what is taken → analyze → run steps in parallel → commit every table → clean up
//! ```
//!
//! Only the commit changes gold, and it begins when every file of every dataset
//! is written and what will be committed is recorded: a failure before that leaves
//! each table as it was, and after that a restart finishes the commits.

mod answer;
mod commit;
mod delta_streams;
mod dry_run;
mod execution;
mod flow_plans;
mod found_columns;
mod gold_check;
mod intake;
mod job_details;
mod job_errors;
mod job_log;
mod job_progress;
mod job_trace;
mod live_job;
mod log_reader;
mod lone_step;
mod planner;
mod planning_clock;
mod published_tables;
mod query_meaning;
mod recorder;
mod step_states;
mod table_streams;
mod uncommitted_files;
mod view_plans;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sluice_engine::job::{
    AnalyzeError, AnalyzeOptions, AnalyzedJob, QueryLimits, StreamInputs, analyze_job,
};
use sluice_gold::GoldTables;
use sluice_jobfile::{Diagnostic, Job as CheckedJob, RunScope};
use sluice_proto::v1::{ErrorKind, Job, JobError, JobState, LogLevel, Progress};
use sluice_storage::Stores;
use sluice_traces::{Span, in_context, in_current_context};

use self::execution::WrittenFiles;
use self::flow_plans::RunName;
use self::intake::RunIntake;
use self::job_trace::set_error;
use crate::job_settings::JobSettings;
use crate::runner::Runner;

pub(crate) use answer::stream_answer;
pub(crate) use commit::{CommitIntent, CommitRun, JobEnd, make_commits};
pub use job_details::{JobDetails, StepDetails};
pub(crate) use job_errors::analysis_error;
pub(crate) use job_log::JobLogs;
pub(crate) use job_trace::JobTrace;
pub use live_job::LiveJob;
pub use log_reader::{LogPart, LogStart};
pub(crate) use log_reader::{read_log_lines, read_log_part};
pub use planner::{DEFAULT_PLANNING_TIMEOUT, Planner, PlannerOptions};
pub(crate) use published_tables::load_published;
pub(crate) use recorder::{JobRecorder, NoRecorder, RecordError};
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
    /// The threads that plan.
    pub planner: Planner,
    pub query_limits: QueryLimits,
}

/// A submission whose job file and settings are valid.
pub(crate) struct CheckedSubmission {
    /// The job with its parameters bound.
    pub job: CheckedJob,
    /// The folder of the gold tables.
    pub gold: String,
    pub settings: JobSettings,
    /// What the run does with each dataset.
    pub scope: RunScope,
    /// The columns of sources that declare none, once they are found ([`found_columns`]).
    pub columns: BTreeMap<String, String>,
}

/// A job whose files are all written.
struct FinishedSteps {
    analyzed: Arc<AnalyzedJob>,
    written: WrittenFiles,
    /// Held until the rows are committed.
    intake: RunIntake,
}

/// How often progress is published while steps run.
const PROGRESS_EVERY: Duration = Duration::from_millis(250);

impl Driver {
    /// Reads the inputs of a job and plans its steps.
    pub(crate) async fn analyze_job(
        &self,
        name: &str,
        submission: &Arc<CheckedSubmission>,
        streams: StreamInputs,
    ) -> Result<Arc<AnalyzedJob>, JobError> {
        let (driver, planned) = (self.clone(), Arc::clone(submission));
        self.planner
            .run(
                name,
                in_current_context(async move { driver.plan_logically(&planned, streams).await }),
            )
            .await?
            .map(Arc::new)
            .map_err(|error| analysis_error(&error, &submission.job.text))
    }

    /// On a thread of the planner: see [`Self::analyze_job`].
    async fn plan_logically(
        &self,
        submission: &CheckedSubmission,
        streams: StreamInputs,
    ) -> Result<AnalyzedJob, AnalyzeError> {
        let options = self.analyze_options(&submission.gold, &submission.settings, streams)?;
        analyze_job(&submission.job, &options).await
    }

    /// What planning needs besides a job.
    fn analyze_options(
        &self,
        gold: &str,
        settings: &JobSettings,
        streams: StreamInputs,
    ) -> Result<AnalyzeOptions, AnalyzeError> {
        let session_error = |source| AnalyzeError::Engine {
            what: "the session".to_owned(),
            source,
        };
        let config = settings.session_config().map_err(session_error)?;
        let config = self.runner.configure_session(config);
        let session =
            sluice_engine::session::build_session_state(config, Arc::clone(&self.runtime))
                .map_err(session_error)?;
        Ok(AnalyzeOptions {
            stores: self.stores.clone(),
            gold: gold.to_owned(),
            target_file_size: settings.target_file_size,
            min_shared_bytes: settings.min_shared_size,
            limits: self.query_limits,
            streams,
            session,
        })
    }

    /// Plans a job that is not to run.
    pub(crate) async fn analyze_dry(
        &self,
        name: &str,
        submission: &Arc<CheckedSubmission>,
    ) -> Result<Arc<AnalyzedJob>, JobError> {
        let mut intake = self.find_intake(submission, None).await?;
        let completed = intake.completed.take();
        let submission = completed.as_ref().unwrap_or(submission);
        self.analyze_job(name, submission, intake.streams).await
    }

    /// Runs a job to its end and gives the result. It enters the states on the
    /// way; the caller sets the final state.
    pub(crate) async fn run_job(
        &self,
        live: &Arc<LiveJob>,
        submission: &Arc<CheckedSubmission>,
        recorder: &dyn JobRecorder,
    ) -> JobEnd {
        match self.run_steps(live, submission, recorder).await {
            Ok(finished) => {
                let mut span = Span::child("commit", live.trace().context());
                let commits = commit::commit_job(self, live, finished, recorder);
                let end = in_context(span.context(), commits).await;
                if let Err(reason) = &end.result {
                    set_error(&mut span, reason.kind());
                }
                end
            }
            Err(reason) => JobEnd::before_commits(reason),
        }
    }

    /// Everything before the commits. After an error, the files that were written
    /// are removed.
    async fn run_steps(
        &self,
        live: &Arc<LiveJob>,
        submission: &Arc<CheckedSubmission>,
        recorder: &dyn JobRecorder,
    ) -> Result<FinishedSteps, JobError> {
        let cancel = live.cancel_token().clone();
        let mut span = Span::child("analyze", live.trace().context());
        let prepared = in_context(span.context(), self.prepare_run(live, submission)).await;
        if let Err(reason) = &prepared {
            set_error(&mut span, reason.kind());
        }
        drop(span);
        let (analyzed, intake, warnings) = prepared?;
        job_progress::record_plan(live, &analyzed, &submission.job.text);
        job_errors::add_warnings(live, &warnings);
        recorder.record_state(live.advance_state(JobState::Planned, None));
        live.write_log(LogLevel::Info, "driver", plan_summary(&analyzed));
        self.wait_for_executors(live).await?;
        recorder.record_state(live.advance_state(JobState::Running, None));
        let mut execution =
            execution::JobExecution::new(self, live, &analyzed, &submission.settings);
        let run_result = execution.run_steps().await;
        execution.release_all_stages();
        let written = match run_result {
            Ok(_) if cancel.is_cancelled() => Err(stop_error(live)),
            other => other,
        };
        match written {
            Ok(written) => Ok(FinishedSteps {
                analyzed,
                written,
                intake,
            }),
            Err(reason) => {
                let files = UncommittedFiles::from_analyzed(live.job_id(), &analyzed);
                files.remove_for(live, self).await;
                Err(reason)
            }
        }
    }

    /// Decides what the job takes, plans it, and checks its tables.
    async fn prepare_run(
        &self,
        live: &Arc<LiveJob>,
        submission: &Arc<CheckedSubmission>,
    ) -> Result<(Arc<AnalyzedJob>, RunIntake, Vec<Diagnostic>), JobError> {
        let cancel = live.cancel_token().clone();
        let Job {
            job_id,
            name: job_name,
            ..
        } = live.record();
        let run = RunName {
            job_id: &job_id,
            job_name: &job_name,
            live,
        };
        if submission.job.inferred_sources().next().is_some() {
            // They read what is new, to find its columns.
            self.wait_for_executors(live).await?;
        }
        let mut intake = tokio::select! {
            intake = self.find_intake(submission, Some(run)) => intake?,
            () = cancel.cancelled() => return Err(stop_error(live)),
        };
        if let Some(summary) = intake.summary() {
            live.write_log(LogLevel::Info, "driver", summary);
        }
        let streams = std::mem::take(&mut intake.streams);
        let completed = intake.completed.take();
        let submission = completed.as_ref().unwrap_or(submission);
        let analyzed = tokio::select! {
            analyzed = self.analyze_job(&job_id, submission, streams) => analyzed?,
            () = cancel.cancelled() => return Err(stop_error(live)),
        };
        let warnings = tokio::select! {
            checked = self.check_gold(&analyzed, &job_name) => checked?,
            () = cancel.cancelled() => return Err(stop_error(live)),
        };
        Ok((analyzed, intake, warnings))
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
