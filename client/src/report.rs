//! The final output of submit-job: a table or an error for people, or one JSON
//! document, and the exit code.

use std::time::Duration;

use serde_json::{Value, json};
use sluice_proto::v1::{DatasetPhase, Diagnostic, Job, JobError, JobPlan, JobState, LogLine};
use sluice_proto::{json as shape, secret};

use crate::cli::OutputFormat;
use crate::{diagnostics, table};
use sluice_service::console::Console;
use sluice_service::format::{bytes, count, duration, time};

/// Prints results as text or JSON.
#[derive(Clone)]
pub(crate) struct Reporter {
    pub(crate) console: Console,
    pub(crate) output: OutputFormat,
    pub(crate) verbose: bool,
    /// The job file's text, when there is one.
    pub(crate) text: Option<String>,
}

impl Reporter {
    fn json(&self, code: u8, key: &str, value: Value) -> u8 {
        let document = json!({ "exit_code": code, key: value });
        self.console.out(&document.to_string());
        code
    }

    const fn is_json(&self) -> bool {
        matches!(self.output, OutputFormat::Json)
    }

    /// Prints diagnostics to standard error.
    pub(crate) fn diagnostics(&self, diagnostics: &[Diagnostic]) {
        if !diagnostics.is_empty() {
            let color = self.console.color();
            let rendered = diagnostics::render(diagnostics, self.text.as_deref(), color);
            // An empty line separates it from what follows.
            self.console.err(&format!("{rendered}\n\n"));
        }
    }

    /// Reports an error other than the end of a job.
    pub(crate) fn error(&self, error: &JobError) -> u8 {
        let code = error.kind().exit_code();
        self.diagnostics(&error.diagnostics);
        self.console.error(&error.message, &error.next_step);
        if self.is_json() {
            self.json(code, "error", shape::error(error));
        }
        code
    }

    /// Reports a job's end. Warnings in `told` have been printed before.
    pub(crate) fn ended(&self, job: &Job, told: &[Diagnostic]) -> u8 {
        let code = job.exit_code();
        let new: Vec<Diagnostic> = job
            .warnings
            .iter()
            .filter(|warning| !told.contains(warning))
            .cloned()
            .collect();
        self.diagnostics(&new);
        if !self.is_json() {
            self.tables(job);
        }
        if job.state() == JobState::Succeeded {
            if !self.is_json() {
                self.console.out(&succeeded(job));
            }
        } else {
            let (message, next_step) = ended_badly(job);
            if let Some(reason) = &job.reason {
                self.diagnostics(&reason.diagnostics);
            }
            self.console.error(&message, next_step);
        }
        if self.is_json() {
            self.json(code, "job", shape::job(job));
        }
        code
    }

    fn tables(&self, job: &Job) {
        let succeeded = job.state() == JobState::Succeeded;
        let committed = job
            .datasets
            .iter()
            .any(|dataset| dataset.phase() == DatasetPhase::Committed);
        // After a failure the table is shown only if some datasets were committed
        // and others were not.
        if !job.datasets.is_empty() && (succeeded || committed) {
            self.console
                .out(&table::datasets(&job.datasets, !succeeded));
        }
        let broken = job.inputs.iter().any(|input| input.malformed > 0);
        if !job.inputs.is_empty() && (broken || self.verbose) {
            self.console.out(&table::inputs(&job.inputs));
        }
    }

    /// Reports a job that was submitted without waiting for its end.
    pub(crate) fn accepted(&self, job: &Job) -> u8 {
        if self.is_json() {
            return self.json(0, "job", shape::job(job));
        }
        self.console.out(&job.job_id);
        0
    }

    /// Reports one job.
    pub(crate) fn status(&self, job: &Job, now_ms: i64) -> u8 {
        if self.is_json() {
            return self.json(0, "job", shape::job(job));
        }
        self.console.out(&status_lines(job, now_ms).join("\n"));
        if !job.datasets.is_empty() {
            let succeeded = job.state() == JobState::Succeeded;
            self.console
                .out(&table::datasets(&job.datasets, !succeeded));
        }
        if !job.inputs.is_empty() {
            self.console.out(&table::inputs(&job.inputs));
        }
        if let Some(reason) = &job.reason
            && !reason.diagnostics.is_empty()
        {
            self.console
                .out(&diagnostics::render(&reason.diagnostics, None, false));
        }
        0
    }

    /// Reports a page of jobs.
    pub(crate) fn list(&self, jobs: &[Job], more: bool, now_ms: i64) -> u8 {
        if self.is_json() {
            let jobs = jobs.iter().map(shape::job_summary).collect();
            return self.json(0, "jobs", Value::Array(jobs));
        }
        if jobs.is_empty() {
            self.console.out("no jobs yet");
            return 0;
        }
        self.console.out(&table::jobs(jobs, now_ms));
        if more {
            self.console.out("older jobs are not shown");
        }
        0
    }

    /// Reports a job that has ended after a kill, or that `had_ended` before.
    pub(crate) fn killed(&self, job: &Job, had_ended: bool) -> u8 {
        if self.is_json() {
            return self.json(0, "job", shape::job(job));
        }
        let state = job.state().name();
        let id = &job.job_id;
        self.console.out(&if had_ended {
            format!("job {id} had already ended: {state}")
        } else {
            format!("job {id} has ended: {state}")
        });
        0
    }

    /// Prints one line of a log as text.
    pub(crate) fn log_line(&self, line: &LogLine) {
        let text = crate::progress::log_line(line);
        self.console.out(&format!("{} {text}", time(line.at_ms)));
    }

    /// Prints a whole log as JSON.
    pub(crate) fn log(&self, lines: &[LogLine]) -> u8 {
        let lines = lines.iter().map(shape::log_line).collect();
        self.json(0, "lines", Value::Array(lines))
    }

    /// Reports what a job would do.
    pub(crate) fn plan(&self, plan: &JobPlan) -> u8 {
        self.diagnostics(&plan.warnings);
        if self.is_json() {
            return self.json(0, "plan", shape::plan(plan));
        }
        self.console.out(&crate::plan::text(plan, self.verbose));
        0
    }

    /// Whether the output is JSON, so that lines must be collected first.
    pub(crate) const fn collects(&self) -> bool {
        self.is_json()
    }
}

fn succeeded(job: &Job) -> String {
    let sum = |of: fn(&sluice_proto::v1::DatasetResult) -> u64| job.datasets.iter().map(of).sum();
    let rows: u64 = sum(|dataset| dataset.rows);
    let size: u64 = sum(|dataset| dataset.bytes);
    let lines: u64 = job.inputs.iter().map(|input| input.lines).sum();
    let read = if job.inputs.is_empty() {
        String::new()
    } else {
        format!(" from {}", count(lines, "line"))
    };
    format!(
        "job {} ({}) succeeded in {}: {}, {}, {}{read}",
        job.job_id,
        job.name,
        took(job),
        count(job.datasets.len() as u64, "table"),
        count(rows, "row"),
        bytes(size),
    )
}

fn ended_badly(job: &Job) -> (String, &str) {
    let what = match job.state() {
        JobState::Killed => "was killed",
        JobState::TimedOut => "reached its time limit",
        JobState::Interrupted => "was interrupted",
        _ => "failed",
    };
    let id = &job.job_id;
    let head = format!("job {id} ({}) {what} after {}", job.name, took(job));
    match &job.reason {
        None => (head, ""),
        Some(reason) => (format!("{head}: {}", reason.message), &reason.next_step),
    }
}

fn took(job: &Job) -> String {
    duration(Duration::from_millis(job.duration_ms(job.ended_ms)))
}

fn status_lines(job: &Job, now_ms: i64) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = |what: &str, text: String| {
        if !text.is_empty() {
            lines.push(format!("{what:11}{text}"));
        }
    };
    line("job", job.job_id.clone());
    line("submission", job.submission_id.clone());
    line("name", job.name.clone());
    line("file", job.file_name.clone());
    line("state", job.state().name().to_owned());
    let by = match job.user.as_str() {
        "" => String::new(),
        user => format!(" by {user}"),
    };
    line("submitted", format!("{} UTC{by}", time(job.submitted_ms)));
    if job.ended_ms > 0 {
        line("ended", format!("{} UTC", time(job.ended_ms)));
    }
    line(
        "time",
        duration(Duration::from_millis(job.duration_ms(now_ms))),
    );
    if let Some(progress) = &job.progress
        && !job.state().is_final()
    {
        line(
            "progress",
            format!(
                "datasets {}/{}, tasks {}/{}",
                progress.datasets_done,
                progress.datasets_total,
                progress.tasks_done,
                progress.tasks_total
            ),
        );
    }
    if let Some(reason) = &job.reason {
        line(
            "reason",
            format!("{}: {}", reason.kind().name(), reason.message),
        );
        line("next", reason.next_step.clone());
    }
    for (name, value) in secret::redacted(&job.params) {
        line("parameter", format!("{name} = {value}"));
    }
    lines
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests;
