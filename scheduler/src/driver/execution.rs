//! Runs the steps of a job.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use datafusion::arrow::array::AsArray;
use datafusion::arrow::record_batch::RecordBatch;
use sluice_engine::job::{AnalyzedJob, PhysicalOptions, StepKind};
use sluice_engine::staged::StagedPart;
use sluice_gold::DataFile;
use sluice_proto::v1::{ErrorKind, LogLevel};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::progress::Reporter;
use super::steps::{Board, Phase, Plan, Verdict};
use super::{DriverSettings, PROGRESS_EVERY, stopped};
use crate::conf::JobConf;
use crate::job::{JobFailure, LiveJob, failure, of_analysis, of_run};
use crate::runner::{RunError, StepProgress, StepRun};

/// The files of each dataset, by its index in the job.
pub(super) type Manifests = BTreeMap<usize, Vec<DataFile>>;

/// The steps of a job while they run.
pub(super) struct Execution<'a> {
    settings: &'a DriverSettings,
    live: &'a LiveJob,
    job: &'a AnalyzedJob,
    conf: &'a JobConf,
    job_id: String,
    board: Board,
    /// The folder that the newest attempt of each staged step writes to.
    tokens: HashMap<usize, String>,
    manifests: Manifests,
    reporter: Reporter,
    /// Steps that ran out of memory; they are planned for less memory.
    frugal: HashSet<usize>,
}

/// The result of one attempt of a step.
struct Ended {
    step: usize,
    attempt: u32,
    result: Result<Vec<RecordBatch>, StepError>,
}

enum StepError {
    Run(RunError),
    Plan(JobFailure),
}

impl<'a> Execution<'a> {
    pub(super) fn new(
        settings: &'a DriverSettings,
        live: &'a LiveJob,
        job: &'a AnalyzedJob,
        conf: &'a JobConf,
    ) -> Self {
        let plans = job
            .steps
            .iter()
            .map(|step| Plan {
                after: step.after.clone(),
                staged: matches!(step.kind, StepKind::Stage { .. }),
            })
            .collect();
        Self {
            settings,
            live,
            job,
            conf,
            job_id: live.job().job_id,
            board: Board::new(plans),
            tokens: HashMap::new(),
            manifests: Manifests::new(),
            frugal: HashSet::new(),
            reporter: Reporter::new(job),
        }
    }

    /// Runs every step and gives the files to commit. When this returns, no task
    /// of the job runs any more, whatever the result.
    pub(super) async fn run(&mut self) -> Result<Manifests, JobFailure> {
        let stop = CancellationToken::new();
        let mut running: JoinSet<Ended> = JoinSet::new();
        let mut ticks = tokio::time::interval(PROGRESS_EVERY);
        let result = loop {
            if let Err(reason) = self.start_ready(&mut running, &stop).await {
                break Err(reason);
            }
            if self.board.done() {
                break Ok(());
            }
            tokio::select! {
                ended = running.join_next() => match ended {
                    Some(Ok(ended)) => if let Err(reason) = self.ended(ended) {
                        break Err(reason);
                    },
                    Some(Err(panic)) => break Err(failure(
                        ErrorKind::Internal,
                        format!("a step of the job panicked: {panic}"),
                        "this is a fault in sluice; report it with the scheduler's log",
                    )),
                    None => break Err(failure(ErrorKind::Internal, "no step of the job can start", "this is a fault in sluice; report it with the job file")),
                },
                () = self.live.cancelled().cancelled() => break Err(stopped(self.live)),
                _ = ticks.tick() => self.report().await,
            }
        };
        stop.cancel();
        while running.join_next().await.is_some() {}
        self.report().await;
        result.map(|()| std::mem::take(&mut self.manifests))
    }

    /// Plans and starts every step that can run.
    async fn start_ready(
        &mut self,
        running: &mut JoinSet<Ended>,
        stop: &CancellationToken,
    ) -> Result<(), JobFailure> {
        for step in self.board.ready() {
            let attempt = self.board.start(step);
            let token = format!("{}-{step}-{attempt}", self.job_id);
            if matches!(self.job.steps[step].kind, StepKind::Stage { .. }) {
                self.tokens.insert(step, token.clone());
            }
            let options = PhysicalOptions {
                slots: self.settings.runner.capacity().await.vcores.max(1) as usize,
                partitions: self.conf.shuffle_partitions,
                job_id: self.job_id.clone(),
                token,
                frugal: self.frugal.contains(&step),
            };
            let runner = Arc::clone(&self.settings.runner);
            let planned = self
                .job
                .physical(&self.job.steps[step], &options, |config| {
                    runner.configure(config)
                })
                .await;
            let (sender, receiver) = watch::channel(StepProgress::default());
            self.reporter.started(step, receiver);
            let (context, plan) = match planned {
                Ok(planned) => planned,
                // The input of a step can also be lost while it is planned.
                Err(error) => {
                    let text = sluice_service::format::chain(&error);
                    let result = Err(match crate::runner::classify(&text) {
                        lost @ RunError::StagedLost { .. } => StepError::Run(lost),
                        _ => StepError::Plan(of_analysis(&error, "")),
                    });
                    running.spawn(async move {
                        Ended {
                            step,
                            attempt,
                            result,
                        }
                    });
                    continue;
                }
            };
            tracing::debug!(
                step = self.name(step),
                plan = crate::runner::plan_text(plan.as_ref()),
                "step planned"
            );
            let run = StepRun {
                name: self.name(step),
                context,
                plan,
                stall_timeout: self.conf.task_timeout,
            };
            let stop = stop.clone();
            running.spawn(async move {
                let result = runner.run(run, sender, stop).await.map_err(StepError::Run);
                Ended {
                    step,
                    attempt,
                    result,
                }
            });
        }
        Ok(())
    }

    fn ended(&mut self, ended: Ended) -> Result<(), JobFailure> {
        let Ended {
            step,
            attempt,
            result,
        } = ended;
        match result {
            Ok(batches) => {
                if self.board.succeed(step) == Verdict::Again {
                    self.release(step);
                    return Ok(());
                }
                self.keep(step, &batches)?;
                self.reporter.finished(step);
                self.live
                    .log(LogLevel::Info, &self.name(step), self.reporter.line(step));
                self.release_unread();
                Ok(())
            }
            Err(StepError::Plan(reason)) => Err(reason),
            Err(StepError::Run(RunError::Cancelled)) => Err(stopped(self.live)),
            Err(StepError::Run(error)) => self.failed(step, attempt, &error),
        }
    }

    fn failed(&mut self, step: usize, attempt: u32, error: &RunError) -> Result<(), JobFailure> {
        let name = self.name(step);
        self.reporter.failed(step);
        if let RunError::StagedLost { message } = error {
            // The message names the token, which belongs to one step.
            let lost = self
                .tokens
                .iter()
                .find(|(_, token)| message.contains(token.as_str()))
                .map(|(lost, _)| *lost);
            if let Some(lost) = lost.filter(|lost| self.board.phase(*lost) == Phase::Done) {
                self.live.log(
                    LogLevel::Warn,
                    &name,
                    format!(
                        "{} must be computed again: {message}",
                        self.job.steps[lost].name
                    ),
                );
                for void in self.board.lose(lost) {
                    self.release(void);
                    if let StepKind::Stage { slot } = &self.job.steps[void].kind {
                        slot.clear();
                    }
                    self.reporter.failed(void);
                }
            }
        }
        // After a plan for low memory failed, another attempt would fail, too.
        let hopeless = matches!(error, RunError::OutOfMemory { .. }) && !self.frugal.insert(step);
        let was_stale = self.board.phase(step) == (Phase::Running { stale: true });
        if hopeless
            || !(error.retryable() || was_stale)
            || self.board.fail(step, self.conf.max_attempts) == Verdict::GiveUp
        {
            self.live.log(
                LogLevel::Error,
                &name,
                format!("attempt {attempt} failed: {error}"),
            );
            return Err(of_run(&name, error));
        }
        self.release(step);
        self.live.log(
            LogLevel::Warn,
            &name,
            format!("attempt {attempt} failed and is retried: {error}"),
        );
        Ok(())
    }

    /// Records the files that a step wrote.
    fn keep(&mut self, step: usize, batches: &[RecordBatch]) -> Result<(), JobFailure> {
        let broken = |error: &dyn std::fmt::Display| {
            failure(
                ErrorKind::Internal,
                format!(
                    "{}: its manifest cannot be read: {error}",
                    self.job.steps[step].name
                ),
                "check that scheduler and executors run the same version of sluice",
            )
        };
        match &self.job.steps[step].kind {
            StepKind::Stage { slot } => {
                let mut parts: Vec<StagedPart> = Vec::new();
                for line in manifest_lines(batches) {
                    parts.push(serde_json::from_str(line).map_err(|error| broken(&error))?);
                }
                slot.fill(parts);
            }
            StepKind::Write { dataset } => {
                let mut files = Vec::new();
                for batch in batches {
                    files.extend(
                        sluice_engine::sink::read_manifest(batch)
                            .map_err(|error| broken(&error))?,
                    );
                }
                if let Some(dataset) = self.job.datasets.get(*dataset) {
                    dataset.slot.fill(files.clone());
                }
                self.reporter.written(step, &files);
                self.manifests.insert(*dataset, files);
            }
        }
        Ok(())
    }

    /// Removes the files of staged steps whose last reader has finished.
    fn release_unread(&mut self) {
        let unread: Vec<usize> = self
            .tokens
            .keys()
            .copied()
            .filter(|step| self.board.unread(*step) && self.board.phase(*step) == Phase::Done)
            .collect();
        for step in unread {
            self.release(step);
        }
    }

    fn release(&mut self, step: usize) {
        if let Some(token) = self.tokens.remove(&step) {
            self.settings.runner.release(&token);
        }
    }

    /// Removes the files of all staged steps.
    pub(super) fn release_all(&mut self) {
        for (_, token) in self.tokens.drain() {
            self.settings.runner.release(&token);
        }
    }

    async fn report(&mut self) {
        let capacity = self.settings.runner.capacity().await;
        self.reporter.publish(self.live, capacity, &self.board);
    }

    fn name(&self, step: usize) -> String {
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
