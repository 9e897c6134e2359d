//! Runs the steps of a job.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use datafusion::arrow::array::AsArray;
use datafusion::arrow::record_batch::RecordBatch;
use sluice_engine::job::{AnalyzedJob, PhysicalOptions, StepKind};
use sluice_engine::staged::StagedPart;
use sluice_gold::DataFile;
use sluice_proto::v1::{ErrorKind, JobError, LogLevel};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::job_errors::{analysis_error, run_error};
use super::job_progress::JobProgressReporter;
use super::live_job::LiveJob;
use super::step_states::{StepPhase, StepSpec, StepStates, StepVerdict};
use super::{Driver, PROGRESS_EVERY, stop_error};
use crate::job_settings::JobSettings;
use crate::runner::{RunError, StepProgress, StepRun};

/// The files of each dataset, by its index in the job.
pub(super) type Manifests = BTreeMap<usize, Vec<DataFile>>;

/// The steps of a job while they run.
pub(super) struct JobExecution<'a> {
    driver: &'a Driver,
    live: &'a LiveJob,
    job: &'a AnalyzedJob,
    job_settings: &'a JobSettings,
    job_id: String,
    step_states: StepStates,
    /// The folder that the newest attempt of each staged step writes to.
    stage_dirs: HashMap<usize, String>,
    manifests: Manifests,
    reporter: JobProgressReporter,
    /// Steps that ran out of memory; they are planned for less memory.
    low_memory_steps: HashSet<usize>,
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

impl<'a> JobExecution<'a> {
    pub(super) fn new(
        driver: &'a Driver,
        live: &'a LiveJob,
        job: &'a AnalyzedJob,
        job_settings: &'a JobSettings,
    ) -> Self {
        let specs = job
            .steps
            .iter()
            .map(|step| StepSpec {
                after: step.after.clone(),
                staged: matches!(step.kind, StepKind::Stage { .. }),
            })
            .collect();
        Self {
            driver,
            live,
            job,
            job_settings,
            job_id: live.record().job_id,
            step_states: StepStates::new(specs),
            stage_dirs: HashMap::new(),
            manifests: Manifests::new(),
            low_memory_steps: HashSet::new(),
            reporter: JobProgressReporter::new(job),
        }
    }

    /// Runs every step and gives the files to commit. When this returns, no task
    /// of the job runs any more, whatever the result.
    pub(super) async fn run_steps(&mut self) -> Result<Manifests, JobError> {
        let stop = CancellationToken::new();
        let mut running: JoinSet<StepOutcome> = JoinSet::new();
        let mut ticks = tokio::time::interval(PROGRESS_EVERY);
        let result = loop {
            if let Err(reason) = self.start_ready_steps(&mut running, &stop).await {
                break Err(reason);
            }
            if self.step_states.all_done() {
                break Ok(());
            }
            tokio::select! {
                ended = running.join_next() => match ended {
                    Some(Ok(ended)) => if let Err(reason) = self.on_step_end(ended) {
                        break Err(reason);
                    },
                    Some(Err(panic)) => break Err(JobError::new(ErrorKind::Internal, format!("a step of the job panicked: {panic}")).with_next_step("this is a fault in sluice; report it with the scheduler's log")),
                    None => break Err(JobError::new(ErrorKind::Internal, "no step of the job can start").with_next_step("this is a fault in sluice; report it with the job file")),
                },
                () = self.live.cancel_token().cancelled() => break Err(stop_error(self.live)),
                _ = ticks.tick() => self.report_progress().await,
            }
        };
        stop.cancel();
        while running.join_next().await.is_some() {}
        self.report_progress().await;
        result.map(|()| std::mem::take(&mut self.manifests))
    }

    /// Plans and starts every step that can run.
    async fn start_ready_steps(
        &mut self,
        running: &mut JoinSet<StepOutcome>,
        stop: &CancellationToken,
    ) -> Result<(), JobError> {
        for step in self.step_states.ready_steps() {
            let attempt = self.step_states.start_attempt(step);
            let token = format!("{}-{step}-{attempt}", self.job_id);
            if matches!(self.job.steps[step].kind, StepKind::Stage { .. }) {
                self.stage_dirs.insert(step, token.clone());
            }
            let options = PhysicalOptions {
                slots: self.driver.runner.capacity().await.vcores.max(1) as usize,
                partitions: self.job_settings.shuffle_partitions,
                job_id: self.job_id.clone(),
                token,
                low_memory: self.low_memory_steps.contains(&step),
            };
            let runner = Arc::clone(&self.driver.runner);
            let planned = self
                .job
                .plan_physical(&self.job.steps[step], &options, |config| {
                    runner.configure_session(config)
                })
                .await;
            let (sender, receiver) = watch::channel(StepProgress::default());
            self.reporter.on_step_started(step, receiver);
            let (context, plan) = match planned {
                Ok(planned) => planned,
                // The input of a step can also be lost while it is planned.
                Err(error) => {
                    let text = sluice_service::format::error_chain(&error);
                    let result = Err(match crate::runner::classify_error(&text) {
                        lost @ RunError::StagedLost { .. } => StepError::Run(lost),
                        _ => StepError::Plan(analysis_error(&error, "")),
                    });
                    running.spawn(async move {
                        StepOutcome {
                            step,
                            attempt,
                            result,
                        }
                    });
                    continue;
                }
            };
            tracing::debug!(
                step = self.step_name(step),
                plan = crate::runner::plan_text(plan.as_ref()),
                "step planned"
            );
            let run = StepRun {
                name: self.step_name(step),
                context,
                plan,
                stall_timeout: self.job_settings.task_timeout,
            };
            let stop = stop.clone();
            running.spawn(async move {
                let result = runner
                    .run_plan(run, sender, stop)
                    .await
                    .map_err(StepError::Run);
                StepOutcome {
                    step,
                    attempt,
                    result,
                }
            });
        }
        Ok(())
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
        if let RunError::StagedLost { stage, message } = error {
            let lost = self
                .stage_dirs
                .iter()
                .find(|(_, token)| *token == stage)
                .map(|(lost, _)| *lost);
            if let Some(lost) = lost.filter(|lost| self.step_states.phase(*lost) == StepPhase::Done)
            {
                self.live.write_log(
                    LogLevel::Warn,
                    &name,
                    format!(
                        "{} must be computed again: {message}",
                        self.job.steps[lost].name
                    ),
                );
                for invalidated in self.step_states.invalidate_step(lost) {
                    self.release_stage(invalidated);
                    if let StepKind::Stage { slot } = &self.job.steps[invalidated].kind {
                        slot.clear_parts();
                    }
                    self.reporter.discard_attempt(invalidated);
                }
            }
        }
        // After a plan for low memory failed, another attempt would fail, too.
        let out_of_memory_again =
            matches!(error, RunError::OutOfMemory { .. }) && !self.low_memory_steps.insert(step);
        let was_stale = self.step_states.phase(step) == (StepPhase::Running { stale: true });
        if out_of_memory_again
            || !(error.is_retryable() || was_stale)
            || self
                .step_states
                .on_failure(step, self.job_settings.max_attempts)
                == StepVerdict::GiveUp
        {
            self.live.write_log(
                LogLevel::Error,
                &name,
                format!("attempt {attempt} failed: {error}"),
            );
            return Err(run_error(&name, error));
        }
        self.release_stage(step);
        self.live.write_log(
            LogLevel::Warn,
            &name,
            format!("attempt {attempt} failed and is retried: {error}"),
        );
        Ok(())
    }

    /// Records the files that a step wrote.
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
        match &self.job.steps[step].kind {
            StepKind::Stage { slot } => {
                let mut parts: Vec<StagedPart> = Vec::new();
                for line in manifest_lines(batches) {
                    parts.push(
                        serde_json::from_str(line).map_err(|error| unreadable_manifest(&error))?,
                    );
                }
                slot.set_parts(parts);
            }
            StepKind::Write { dataset } => {
                let mut files = Vec::new();
                for batch in batches {
                    files.extend(
                        sluice_engine::sink::read_manifest(batch)
                            .map_err(|error| unreadable_manifest(&error))?,
                    );
                }
                if let Some(dataset) = self.job.datasets.get(*dataset) {
                    dataset.slot.set_files(files.clone());
                }
                self.reporter.on_files_written(step, &files);
                self.manifests.insert(*dataset, files);
            }
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
        let step = &self.job.steps[step];
        match step.kind {
            StepKind::Stage { .. } => format!("stage {}", step.name),
            StepKind::Write { .. } => format!("write {}", step.name),
        }
    }
}

fn manifest_lines(batches: &[RecordBatch]) -> impl Iterator<Item = &str> {
    batches
        .iter()
        .filter_map(|batch| batch.column_by_name("manifest")?.as_string_opt::<i32>())
        .flat_map(|column| column.iter().flatten())
}
