//! Runs the steps of a job.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use datafusion::arrow::record_batch::RecordBatch;
use sluice_engine::job::{AnalyzedJob, PhysicalOptions, StepKind, StepResults};
use sluice_engine::sink::read_manifest;
use sluice_engine::staged::read_parts;
use sluice_engine::task_trace::with_traceparent;
use sluice_gold::DataFile;
use sluice_proto::v1::{ErrorKind, JobError, LogLevel};
use sluice_service::format::error_chain;
use sluice_traces::{Span, TraceContext, in_context};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use super::job_errors::{analysis_error, run_error};
use super::job_progress::{JobProgressReporter, step_name};
use super::job_trace::set_error;
use super::live_job::LiveJob;
use super::step_states::{FailureCause, StepPhase, StepSpec, StepStates, StepVerdict};
use super::{Driver, PROGRESS_EVERY, stop_error};
use crate::job_settings::JobSettings;
use crate::runner::{RunError, StepProgress, StepRun, classify_error, plan_text};

/// The files of each dataset, by its index in the job.
pub(super) type WrittenFiles = BTreeMap<usize, Arc<[DataFile]>>;

/// The steps of a job while they run.
pub(super) struct JobExecution<'a> {
    driver: &'a Driver,
    live: &'a LiveJob,
    job: &'a Arc<AnalyzedJob>,
    job_settings: &'a JobSettings,
    job_id: String,
    /// The job id, with the number of the run where it is not the first: tasks of an
    /// earlier run may still write.
    run_id: String,
    step_states: StepStates,
    /// The folder that the newest attempt of each staged step writes to.
    stage_dirs: HashMap<usize, String>,
    results: StepResults,
    reporter: JobProgressReporter,
    /// Steps that ran out of memory; they are planned for less memory.
    low_memory_steps: HashSet<usize>,
    /// How many executors had been lost when the job began.
    lost_before: u64,
}

/// The result of one attempt of a step.
struct StepOutcome {
    step: usize,
    attempt: u32,
    result: Result<Vec<RecordBatch>, StepError>,
}

enum StepError {
    Run(RunError),
    Plan(JobError),
}

impl StepError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Run(error) => run_error("", error).kind(),
            Self::Plan(error) => error.kind(),
        }
    }
}

/// Ends the span of an attempt of a step.
fn end_span(span: &mut Span, error: Option<&StepError>, progress: &StepProgress) {
    span.set_count("sluice.rows", progress.rows_written);
    span.set_count("sluice.bytes", progress.bytes_written);
    span.set_count("sluice.tasks", u64::from(progress.tasks_done));
    if let Some(error) = error {
        set_error(span, error.kind());
    }
    span.end();
}

impl<'a> JobExecution<'a> {
    pub(super) fn new(
        driver: &'a Driver,
        live: &'a LiveJob,
        job: &'a Arc<AnalyzedJob>,
        job_settings: &'a JobSettings,
    ) -> Self {
        let specs = job
            .steps
            .iter()
            .map(|step| StepSpec {
                after: step.after.clone(),
                staged: step.kind == StepKind::Stage,
            })
            .collect();
        let record = live.record();
        let run_id = match record.restarts {
            0 => record.job_id.clone(),
            restarts => format!("{}-run{restarts}", record.job_id),
        };
        Self {
            driver,
            live,
            job,
            job_settings,
            job_id: record.job_id,
            run_id,
            step_states: StepStates::new(specs),
            stage_dirs: HashMap::new(),
            results: StepResults::default(),
            low_memory_steps: HashSet::new(),
            lost_before: driver.runner.lost_executors(),
            reporter: JobProgressReporter::new(job),
        }
    }

    /// Runs every step and gives the files to commit. When this returns, no task
    /// of the job runs any more, whatever the result.
    pub(super) async fn run_steps(&mut self) -> Result<WrittenFiles, JobError> {
        let stop = CancellationToken::new();
        let mut running: JoinSet<StepOutcome> = JoinSet::new();
        let mut ticks = tokio::time::interval(PROGRESS_EVERY);
        let result = loop {
            self.start_ready_steps(&mut running, &stop).await;
            if self.step_states.all_done() {
                break Ok(());
            }
            tokio::select! {
                ended = running.join_next() => if let Err(reason) = self.on_task_end(ended) {
                    break Err(reason);
                },
                () = self.live.cancel_token().cancelled() => break Err(stop_error(self.live)),
                _ = ticks.tick() => self.report_progress().await,
            }
        };
        stop.cancel();
        while running.join_next().await.is_some() {}
        self.report_progress().await;
        result.map(|()| std::mem::take(&mut self.results).into_written())
    }

    /// Plans and starts every step that can run.
    async fn start_ready_steps(
        &mut self,
        running: &mut JoinSet<StepOutcome>,
        stop: &CancellationToken,
    ) {
        for step in self.step_states.ready_steps() {
            let attempt = self.step_states.start_attempt(step);
            let token = format!("{}-{step}-{attempt}", self.run_id);
            if self.job.steps[step].kind == StepKind::Stage {
                self.stage_dirs.insert(step, token.clone());
            }
            let mut span = self.begin_span(step, attempt);
            let planned = self.plan_step(step, token, span.context()).await;
            let (progress, receiver) = watch::channel(StepProgress::default());
            self.reporter.on_step_started(step, receiver.clone());
            let runner = Arc::clone(&self.driver.runner);
            let stop = stop.clone();
            running.spawn(async move {
                let result = match planned {
                    Ok(run) => runner
                        .run_plan(run, progress, stop)
                        .await
                        .map_err(StepError::Run),
                    Err(error) => Err(error),
                };
                end_span(&mut span, result.as_ref().err(), &receiver.borrow());
                StepOutcome {
                    step,
                    attempt,
                    result,
                }
            });
        }
    }

    /// Plans an attempt of a step over the results that its inputs have now.
    async fn plan_step(
        &self,
        step: usize,
        token: String,
        trace: Option<&TraceContext>,
    ) -> Result<StepRun, StepError> {
        let mut span = Span::child("plan", trace);
        let planned = self.plan_attempt(step, token, trace, span.context()).await;
        if let Err(error) = &planned {
            set_error(&mut span, error.kind());
        }
        planned
    }

    /// See [`Self::plan_step`]; the plan is made within `planning`, and runs within
    /// `trace`.
    async fn plan_attempt(
        &self,
        step: usize,
        token: String,
        trace: Option<&TraceContext>,
        planning_span: Option<&TraceContext>,
    ) -> Result<StepRun, StepError> {
        let runner = &self.driver.runner;
        let options = PhysicalOptions {
            slots: runner.capacity().await.vcores.max(1) as usize,
            partitions: self.job_settings.shuffle_partitions,
            job_id: self.job_id.clone(),
            token,
            low_memory: self.low_memory_steps.contains(&step),
        };
        let name = self.step_name(step);
        let (job, results) = (Arc::clone(self.job), self.results.clone());
        let planning = {
            let runner = Arc::clone(runner);
            let traceparent = trace.map(TraceContext::traceparent);
            let planning = async move {
                let configure = |config| {
                    let config = runner.configure_session(config);
                    match traceparent {
                        Some(traceparent) => with_traceparent(config, traceparent),
                        None => config,
                    }
                };
                job.plan_physical(&job.steps[step], &results, &options, configure)
                    .await
            };
            in_context(planning_span, planning)
        };
        let what = format!("{name} of {}", self.job_id);
        let planned = tokio::select! {
            planned = self.driver.planner.run(&what, planning) => {
                planned.map_err(|error| StepError::Plan(error.into()))?
            }
            () = self.live.cancel_token().cancelled() => {
                return Err(StepError::Plan(stop_error(self.live)));
            }
        };
        let (context, plan) = planned.map_err(|error| {
            // The input of a step can also be lost while it is planned.
            match classify_error(&error_chain(&error)) {
                lost @ RunError::StagedLost { .. } => StepError::Run(lost),
                _ => StepError::Plan(analysis_error(&error, "")),
            }
        })?;
        tracing::debug!(step = name, plan = plan_text(plan.as_ref()), "step planned");
        Ok(StepRun {
            name,
            key: format!("{}/{step}", self.job_id),
            context,
            plan,
            stall_timeout: self.job_settings.task_timeout,
            trace: trace.cloned(),
        })
    }

    /// The span of an attempt of a step.
    fn begin_span(&self, step: usize, attempt: u32) -> Span {
        let mut span = Span::child(self.step_name(step), self.live.trace().context());
        span.set_text("sluice.step", self.job.steps[step].name.as_str());
        if let StepKind::Write { dataset } = self.job.steps[step].kind {
            span.set_text("sluice.dataset", self.job.datasets[dataset].name.as_str());
        }
        span.set_count("sluice.attempt", u64::from(attempt));
        span
    }

    /// A step's task has ended; `None` when none was running.
    fn on_task_end(
        &mut self,
        ended: Option<Result<StepOutcome, JoinError>>,
    ) -> Result<(), JobError> {
        match ended {
            Some(Ok(outcome)) => self.on_step_end(outcome),
            Some(Err(panic)) => Err(JobError::new(
                ErrorKind::Internal,
                format!("a step of the job panicked: {panic}"),
            )
            .with_next_step("this is a fault in sluice; report it with the scheduler's log")),
            None => Err(
                JobError::new(ErrorKind::Internal, "no step of the job can start")
                    .with_next_step("this is a fault in sluice; report it with the job file"),
            ),
        }
    }

    fn on_step_end(&mut self, ended: StepOutcome) -> Result<(), JobError> {
        let StepOutcome {
            step,
            attempt,
            result,
        } = ended;
        match result {
            Ok(batches) => {
                if self.step_states.on_success(step) == StepVerdict::Retry {
                    self.release_stage(step);
                    return Ok(());
                }
                self.record_output(step, &batches)?;
                self.reporter.on_step_finished(step);
                self.live.write_log(
                    LogLevel::Info,
                    &self.step_name(step),
                    self.reporter.step_summary(step),
                );
                self.release_read_stages();
                Ok(())
            }
            Err(StepError::Plan(reason)) => Err(reason),
            Err(StepError::Run(RunError::Cancelled)) => Err(stop_error(self.live)),
            Err(StepError::Run(error)) => self.on_step_failure(step, attempt, &error),
        }
    }

    fn on_step_failure(
        &mut self,
        step: usize,
        attempt: u32,
        error: &RunError,
    ) -> Result<(), JobError> {
        let name = self.step_name(step);
        self.reporter.discard_attempt(step);
        // Before its own input becomes invalid.
        let cause = self.failure_cause(step, error);
        if let RunError::StagedLost { stage, message } = error
            && let Some(lost) = self.find_lost_stage(stage)
        {
            self.invalidate_stage(lost, &name, message);
        }
        let max_attempts = self.job_settings.max_attempts;
        if self.may_succeed_next_time(step, error)
            && self.step_states.on_failure(step, cause, max_attempts) == StepVerdict::Retry
        {
            self.release_stage(step);
            self.live.write_log(
                LogLevel::Warn,
                &name,
                format!("attempt {attempt} failed and is retried: {error}"),
            );
            return Ok(());
        }
        self.live.write_log(
            LogLevel::Error,
            &name,
            format!("attempt {attempt} failed: {error}"),
        );
        Err(run_error(&name, error))
    }

    /// Why a step failed. One lost executor can have kept rows of each staged relation
    /// that the step reads; each is missed in another attempt.
    fn failure_cause(&self, step: usize, error: &RunError) -> FailureCause {
        if self.step_states.phase(step) == (StepPhase::Running { stale: true }) {
            return FailureCause::Stale;
        }
        if !error.may_come_from_lost_executor() {
            return FailureCause::Own;
        }
        let is_staged = |input: &&usize| self.job.steps[**input].kind == StepKind::Stage;
        let inputs = self.job.steps[step].after.iter().filter(is_staged).count();
        let lost = self.driver.runner.lost_executors();
        let lost = lost.saturating_sub(self.lost_before);
        FailureCause::LostRows {
            explained: lost.saturating_mul(inputs.max(1) as u64),
        }
    }

    /// The step whose staged rows were lost, if its result still counts.
    fn find_lost_stage(&self, stage: &str) -> Option<usize> {
        self.stage_dirs
            .iter()
            .find(|(_, token)| *token == stage)
            .map(|(step, _)| *step)
            .filter(|step| self.step_states.phase(*step) == StepPhase::Done)
    }

    /// Staged rows were lost: their step runs again, and so do the stages that
    /// were computed from them.
    fn invalidate_stage(&mut self, lost: usize, reader: &str, message: &str) {
        self.live.write_log(
            LogLevel::Warn,
            reader,
            format!(
                "{} must be computed again: {message}",
                self.job.steps[lost].name
            ),
        );
        for invalidated in self.step_states.invalidate_step(lost) {
            self.release_stage(invalidated);
            self.results.remove_staged(invalidated);
            self.reporter.discard_attempt(invalidated);
        }
    }

    /// Whether another attempt of a step that failed may succeed. A step that ran
    /// out of memory is planned for low memory from now on.
    fn may_succeed_next_time(&mut self, step: usize, error: &RunError) -> bool {
        if matches!(error, RunError::OutOfMemory { .. }) {
            let has_low_memory_plan = !self.low_memory_steps.insert(step);
            return !has_low_memory_plan;
        }
        let was_stale = self.step_states.phase(step) == (StepPhase::Running { stale: true });
        error.is_retryable() || was_stale
    }

    /// Records what a step wrote.
    fn record_output(&mut self, step: usize, batches: &[RecordBatch]) -> Result<(), JobError> {
        let unreadable_manifest = |error: &dyn std::fmt::Display| {
            JobError::new(
                ErrorKind::Internal,
                format!(
                    "{}: its manifest cannot be read: {error}",
                    self.job.steps[step].name
                ),
            )
            .with_next_step("check that scheduler and executors run the same version of sluice")
        };
        match self.job.steps[step].kind {
            StepKind::Stage => {
                let mut parts = Vec::new();
                for batch in batches {
                    parts.extend(read_parts(batch).map_err(|error| unreadable_manifest(&error))?);
                }
                self.results.set_staged(step, parts);
            }
            StepKind::Write { dataset } => {
                let mut files = Vec::new();
                for batch in batches {
                    files
                        .extend(read_manifest(batch).map_err(|error| unreadable_manifest(&error))?);
                }
                let table_rows = |rows| self.job.datasets[dataset].count_rows_after(rows);
                self.reporter.on_files_written(step, &files, table_rows);
                self.results.set_written(dataset, files);
            }
            // No job of datasets has one.
            StepKind::Answer => {}
        }
        Ok(())
    }

    /// Removes the files of staged steps whose last reader has finished.
    fn release_read_stages(&mut self) {
        let read_stages: Vec<usize> = self
            .stage_dirs
            .keys()
            .copied()
            .filter(|step| {
                self.step_states.has_no_pending_readers(*step)
                    && self.step_states.phase(*step) == StepPhase::Done
            })
            .collect();
        for step in read_stages {
            self.release_stage(step);
        }
    }

    fn release_stage(&mut self, step: usize) {
        if let Some(token) = self.stage_dirs.remove(&step) {
            self.driver.runner.remove_staged(&token);
        }
    }

    /// Removes the files of all staged steps.
    pub(super) fn release_all_stages(&mut self) {
        for (_, token) in self.stage_dirs.drain() {
            self.driver.runner.remove_staged(&token);
        }
    }

    async fn report_progress(&mut self) {
        let capacity = self.driver.runner.capacity().await;
        self.reporter
            .publish_progress(self.live, capacity, &self.step_states);
    }

    fn step_name(&self, step: usize) -> String {
        step_name(&self.job.steps[step])
    }
}

#[cfg(test)]
mod tests;
