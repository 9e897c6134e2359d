//! The progress of a job, combined from its steps.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use bytesize::ByteSize;
use sluice_engine::job::{AnalyzedJob, Step, StepKind};
use sluice_gold::DataFile;
use sluice_proto::v1::{self, DatasetPhase, DatasetProgress, DatasetResult, InputStats, Progress};
use tokio::sync::watch;

use super::job_details::{JobDetails, StepDetails};
use super::live_job::LiveJob;
use super::step_states::{StepPhase, StepStates};
use crate::runner::{Capacity, SourceStats, StageDetails, StepProgress};

/// Combines the progress that running steps publish.
pub(super) struct JobProgressReporter {
    started: Instant,
    steps: Vec<StepReport>,
    /// The write step of each dataset, with its name.
    datasets: Vec<(String, usize)>,
    /// For each dataset, all steps that run before its write step.
    ancestors: Vec<Vec<usize>>,
}

#[derive(Default)]
struct StepReport {
    /// The name in logs.
    name: String,
    /// The stages of the last attempt.
    stages: Arc<Vec<StageDetails>>,
    receiver: Option<watch::Receiver<StepProgress>>,
    started: Option<Instant>,
    seconds: f64,
    rows: u64,
    table_rows: Option<u64>,
    bytes: u64,
    files: u64,
}

impl StepReport {
    fn current_progress(&self) -> StepProgress {
        self.receiver
            .as_ref()
            .map(|receiver| receiver.borrow().clone())
            .unwrap_or_default()
    }
}

impl JobProgressReporter {
    pub(super) fn new(job: &AnalyzedJob) -> Self {
        let write_of = |dataset: usize| {
            job.steps.iter().position(
                |step| matches!(step.kind, StepKind::Write { dataset: d } if d == dataset),
            )
        };
        let datasets: Vec<(String, usize)> = job
            .datasets
            .iter()
            .enumerate()
            .filter_map(|(index, dataset)| Some((dataset.name.clone(), write_of(index)?)))
            .collect();
        let ancestors = datasets
            .iter()
            .map(|(_, step)| ancestor_steps(job, *step))
            .collect();
        Self {
            started: Instant::now(),
            steps: job
                .steps
                .iter()
                .map(|step| StepReport {
                    name: step_name(step),
                    ..StepReport::default()
                })
                .collect(),
            datasets,
            ancestors,
        }
    }

    pub(super) fn on_step_started(&mut self, step: usize, receiver: watch::Receiver<StepProgress>) {
        let report = &mut self.steps[step];
        report.receiver = Some(receiver);
        report.started.get_or_insert_with(Instant::now);
    }

    pub(super) fn on_step_finished(&mut self, step: usize) {
        let report = &mut self.steps[step];
        report.seconds = report
            .started
            .map_or(0.0, |started| started.elapsed().as_secs_f64());
    }

    /// Drops the counts of a failed attempt. What its stages did is still shown,
    /// until another attempt begins.
    pub(super) fn discard_attempt(&mut self, step: usize) {
        let report = &mut self.steps[step];
        report.stages = report.current_progress().stages;
        report.receiver = None;
    }

    /// What the steps have done, in their order.
    fn details(&self, progress: &[StepProgress]) -> JobDetails {
        let steps = self.steps.iter().zip(progress);
        JobDetails {
            steps: steps
                .map(|(report, progress)| StepDetails {
                    name: report.name.clone(),
                    stages: match &report.receiver {
                        Some(_) => Arc::clone(&progress.stages),
                        None => Arc::clone(&report.stages),
                    },
                })
                .collect(),
            text: None,
        }
    }

    /// `table_rows`: how many rows the table has after so many were written.
    pub(super) fn on_files_written(
        &mut self,
        step: usize,
        files: &[DataFile],
        table_rows: impl FnOnce(u64) -> Option<u64>,
    ) {
        let report = &mut self.steps[step];
        report.files = files.len() as u64;
        report.rows = files.iter().map(|file| file.stats.num_records).sum();
        report.table_rows = table_rows(report.rows);
        report.bytes = files.iter().map(|file| file.size).sum();
    }

    /// One line for the log about a step that has ended.
    pub(super) fn step_summary(&self, step: usize) -> String {
        let report = &self.steps[step];
        let progress = report.current_progress();
        let (rows, bytes) = if report.files > 0 {
            (report.rows, report.bytes)
        } else {
            (progress.rows_written, progress.bytes_written)
        };
        format!(
            "{rows} rows, {} in {:.2} s ({} tasks)",
            ByteSize(bytes),
            report.seconds,
            progress.tasks_done
        )
    }

    /// Publishes the progress, and updates datasets and inputs in the record.
    pub(super) fn publish_progress(
        &self,
        live: &LiveJob,
        capacity: Capacity,
        step_states: &StepStates,
    ) {
        let steps: Vec<StepProgress> = self
            .steps
            .iter()
            .map(StepReport::current_progress)
            .collect();
        let datasets: Vec<DatasetProgress> = self
            .datasets
            .iter()
            .zip(&self.ancestors)
            .map(|((name, write), before)| {
                self.dataset_progress(name, *write, before, &steps, step_states)
            })
            .collect();
        let sources = sum_sources(&steps);
        let total = |of: fn(&StepProgress) -> u32| steps.iter().map(of).sum();
        let progress = Progress {
            datasets_done: saturating_u32(
                datasets
                    .iter()
                    .filter(|d| d.phase() == DatasetPhase::Written)
                    .count(),
            ),
            datasets_total: saturating_u32(datasets.len()),
            stages_done: total(|s| s.stages_done),
            stages_total: total(|s| s.stages_total),
            tasks_done: total(|s| s.tasks_done),
            tasks_running: total(|s| s.tasks_running),
            tasks_total: total(|s| s.tasks_total),
            rows_read: sources.values().map(|stats| stats.lines).sum(),
            bytes_read: sources.values().map(|stats| stats.bytes).sum(),
            rows_written: self
                .datasets
                .iter()
                .map(|(_, write)| self.written_rows(*write, &steps))
                .sum(),
            bytes_written: self
                .datasets
                .iter()
                .map(|(_, write)| steps[*write].bytes_written)
                .sum(),
            elapsed_ms: u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
            datasets: datasets.clone(),
            executors: capacity.executors,
            vcores: capacity.vcores,
        };
        live.update_record(|job| {
            // A dataset without a step has nothing new: its result stays as it is.
            for ((name, write), progress) in self.datasets.iter().zip(&datasets) {
                let result = job.datasets.iter_mut().find(|result| result.name == *name);
                let Some(result) = result else { continue };
                let report = &self.steps[*write];
                result.rows = report.rows;
                result.table_rows = report.table_rows;
                result.files = report.files;
                result.bytes = report.bytes;
                result.seconds = report.seconds;
                result.set_phase(progress.phase());
            }
            for input in &mut job.inputs {
                if let Some(stats) = sources.get(&input.name) {
                    input.lines = stats.lines;
                    input.malformed = stats.malformed;
                    input.dropped = stats.dropped;
                }
            }
        });
        live.set_details(self.details(&steps));
        live.publish_progress(progress);
    }

    fn written_rows(&self, write: usize, steps: &[StepProgress]) -> u64 {
        self.steps[write].rows.max(steps[write].rows_written)
    }

    fn dataset_progress(
        &self,
        name: &str,
        write: usize,
        ancestors: &[usize],
        steps: &[StepProgress],
        step_states: &StepStates,
    ) -> DatasetProgress {
        let is_running =
            |step: &usize| matches!(step_states.phase(*step), StepPhase::Running { .. });
        let phase = match step_states.phase(write) {
            StepPhase::Done => DatasetPhase::Written,
            StepPhase::Running { .. } => DatasetPhase::Writing,
            StepPhase::Pending if ancestors.iter().any(is_running) => DatasetPhase::Staging,
            StepPhase::Pending => DatasetPhase::Pending,
        };
        DatasetProgress {
            name: name.to_owned(),
            phase: phase.into(),
            tasks_done: steps[write].tasks_done,
            tasks_total: steps[write].tasks_total,
            rows: self.written_rows(write, steps),
        }
    }
}

/// The name of a step in logs.
pub(super) fn step_name(step: &Step) -> String {
    match step.kind {
        StepKind::Stage => format!("stage {}", step.name),
        StepKind::Write { .. } => format!("write {}", step.name),
        StepKind::Answer => format!("answer {}", step.name),
    }
}

fn ancestor_steps(job: &AnalyzedJob, step: usize) -> Vec<usize> {
    let mut all: Vec<usize> = Vec::new();
    let mut open = vec![step];
    while let Some(next) = open.pop() {
        for before in &job.steps[next].after {
            if !all.contains(before) {
                all.push(*before);
                open.push(*before);
            }
        }
    }
    all
}

fn sum_sources(steps: &[StepProgress]) -> BTreeMap<String, SourceStats> {
    let mut all: BTreeMap<String, SourceStats> = BTreeMap::new();
    for (name, stats) in steps.iter().flat_map(|step| &step.sources) {
        let sum = all.entry(name.clone()).or_default();
        sum.bytes += stats.bytes;
        sum.lines += stats.lines;
        sum.malformed += stats.malformed;
        sum.dropped += stats.dropped;
    }
    all
}

fn saturating_u32(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// Adds the planned datasets and inputs to the job's record, and the warnings about
/// both; `text` is the job file.
pub(super) fn record_plan(live: &LiveJob, analyzed: &AnalyzedJob, text: &str) {
    let warnings = super::job_errors::proto_diagnostics(&analyzed.warnings, text);
    live.update_record(|job| {
        job.warnings = warnings;
        job.datasets = analyzed
            .datasets
            .iter()
            .map(|dataset| DatasetResult {
                name: dataset.name.clone(),
                phase: DatasetPhase::Pending.into(),
                location: dataset.location.to_string(),
                // One that gets rows has a step, whose report counts them.
                table_rows: dataset.count_rows_after(0),
                ..DatasetResult::default()
            })
            .collect();
        job.inputs = analyzed
            .inputs
            .iter()
            .map(|input| InputStats {
                name: input.name.clone(),
                location: input.location.clone(),
                files: input.files,
                bytes: input.bytes,
                ..v1::InputStats::default()
            })
            .collect();
        job.relations = analyzed
            .relations
            .iter()
            .map(|relation| v1::JobRelation {
                name: relation.name.clone(),
                kind: relation.kind.to_owned(),
                depends_on: relation.depends_on.clone(),
                shared: relation.shared,
            })
            .collect();
    });
}
