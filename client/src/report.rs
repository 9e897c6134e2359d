//! The final output of submit-job: a table or an error for people, or one JSON
//! document, and the exit code.

use std::time::Duration;

use serde_json::{Value, json};
use sluice_proto::json as shape;
use sluice_proto::v1::{
    DatasetPhase, Diagnostic, Job, JobError, JobPlan, JobState, LogLine, QueryAnswer,
};

use crate::cli::ResultFormat;
use crate::log_lines::format_timed_line;
use crate::{diagnostics, table};
use sluice_service::console::Console;
use sluice_service::format::{format_bytes, format_count, format_duration, format_time};
use sluice_service::secrets::redact_values;

/// Prints results as text or JSON.
#[derive(Clone)]
pub(crate) struct ResultReporter {
    pub(crate) console: Console,
    pub(crate) output: ResultFormat,
    pub(crate) verbose: bool,
    /// The job file's text, when there is one.
    pub(crate) job_file_text: Option<String>,
}

impl ResultReporter {
    fn print_json(&self, code: u8, key: &str, value: Value) -> u8 {
        let document = json!({ "exit_code": code, key: value });
        self.console.print_out(&document.to_string());
        code
    }

    const fn is_json(&self) -> bool {
        matches!(self.output, ResultFormat::Json)
    }

    /// Prints diagnostics to standard error.
    pub(crate) fn print_diagnostics(&self, diagnostics: &[Diagnostic]) {
        if !diagnostics.is_empty() {
            let color = self.console.color();
            let rendered =
                diagnostics::render_diagnostics(diagnostics, self.job_file_text.as_deref(), color);
            // An empty line separates it from what follows.
            self.console.print_err(&format!("{rendered}\n\n"));
        }
    }

    /// Reports an error other than the end of a job.
    pub(crate) fn report_error(&self, error: &JobError) -> u8 {
        let code = error.kind().exit_code();
        self.print_diagnostics(&error.diagnostics);
        self.console.print_error(&error.message, &error.next_step);
        if self.is_json() {
            self.print_json(code, "error", shape::job_error(error));
        }
        code
    }

    /// Reports a job's end. Warnings in `already_printed` are not repeated.
    pub(crate) fn report_end(&self, job: &Job, already_printed: &[Diagnostic]) -> u8 {
        let code = job.exit_code();
        let new: Vec<Diagnostic> = job
            .warnings
            .iter()
            .filter(|warning| !already_printed.contains(warning))
            .cloned()
            .collect();
        self.print_diagnostics(&new);
        if !self.is_json() {
            self.print_tables(job);
        }
        if job.state() == JobState::Succeeded {
            if !self.is_json() {
                self.console.print_out(&success_line(job));
            }
        } else {
            let (message, next_step) = failure_text(job);
            if let Some(reason) = &job.reason {
                self.print_diagnostics(&reason.diagnostics);
            }
            self.console.print_error(&message, next_step);
        }
        if self.is_json() {
            self.print_json(code, "job", shape::job(job));
        }
        code
    }

    fn print_tables(&self, job: &Job) {
        let succeeded = job.state() == JobState::Succeeded;
        let committed = job
            .datasets
            .iter()
            .any(|dataset| dataset.phase() == DatasetPhase::Committed);
        // After a failure the table is shown only if some datasets were committed
        // and others were not.
        if !job.datasets.is_empty() && (succeeded || committed) {
            self.console
                .print_out(&table::datasets_table(&job.datasets, !succeeded));
        }
        let broken = job.inputs.iter().any(|input| input.malformed > 0);
        if !job.inputs.is_empty() && (broken || self.verbose) {
            self.console.print_out(&table::inputs_table(&job.inputs));
        }
    }

    /// Reports a job that was submitted without waiting for its end.
    pub(crate) fn report_accepted(&self, job: &Job) -> u8 {
        if self.is_json() {
            return self.print_json(0, "job", shape::job(job));
        }
        self.console.print_out(&job.job_id);
        0
    }

    /// Reports one job.
    pub(crate) fn report_status(&self, job: &Job, now_ms: i64) -> u8 {
        if self.is_json() {
            return self.print_json(0, "job", shape::job(job));
        }
        self.console
            .print_out(&status_lines(job, now_ms).join("\n"));
        if !job.datasets.is_empty() {
            let succeeded = job.state() == JobState::Succeeded;
            self.console
                .print_out(&table::datasets_table(&job.datasets, !succeeded));
        }
        if !job.inputs.is_empty() {
            self.console.print_out(&table::inputs_table(&job.inputs));
        }
        if let Some(reason) = &job.reason
            && !reason.diagnostics.is_empty()
        {
            self.console.print_out(&diagnostics::render_diagnostics(
                &reason.diagnostics,
                None,
                false,
            ));
        }
        0
    }

    /// Reports the rows of a query.
    pub(crate) fn report_answer(&self, answer: &QueryAnswer) -> u8 {
        if answer.is_cut_off {
            let rows = format_count(answer.rows.len() as u64, "row");
            let console = &self.console;
            console.print_err(&format!(
                "warning: only the first {rows} of the query are here; write LIMIT or a condition\n"
            ));
        }
        if self.is_json() {
            return self.print_json(0, "query", shape::query_answer(answer));
        }
        self.console.print_out(&table::answer_table(answer));
        let rows = format_count(answer.rows.len() as u64, "row");
        self.console
            .print_out(&format!("{rows}, cut {} of the tables", answer.cut));
        0
    }

    /// Reports a page of jobs.
    pub(crate) fn report_list(&self, jobs: &[Job], more: bool, now_ms: i64) -> u8 {
        if self.is_json() {
            let jobs = jobs.iter().map(shape::job_summary).collect();
            return self.print_json(0, "jobs", Value::Array(jobs));
        }
        let text = list_text(jobs, more, now_ms, self.console.out_color());
        let _ = self.console.write_out(&text);
        0
    }

    /// Reports a job that has ended after a kill, or that `had_ended` before.
    pub(crate) fn report_killed(&self, job: &Job, had_ended: bool) -> u8 {
        if self.is_json() {
            return self.print_json(0, "job", shape::job(job));
        }
        let state = job.state().name();
        let id = &job.job_id;
        self.console.print_out(&if had_ended {
            format!("job {id} had already ended: {state}")
        } else {
            format!("job {id} has ended: {state}")
        });
        0
    }

    /// Prints one line of a log as text.
    pub(crate) fn print_log_line(&self, line: &LogLine) {
        let text = format_timed_line(line, self.console.out_color());
        let _ = self.console.write_out(&text);
    }

    /// Prints a whole log as JSON.
    pub(crate) fn print_log_json(&self, lines: &[LogLine]) -> u8 {
        let lines = lines.iter().map(shape::log_line).collect();
        self.print_json(0, "lines", Value::Array(lines))
    }

    /// Reports what a job would do.
    pub(crate) fn report_plan(&self, plan: &JobPlan) -> u8 {
        self.print_diagnostics(&plan.warnings);
        if self.is_json() {
            return self.print_json(0, "plan", shape::job_plan(plan));
        }
        self.console
            .print_out(&crate::plan::plan_text(plan, self.verbose));
        0
    }

    /// Whether the output is JSON, so that lines must be collected first.
    pub(crate) const fn collects_lines(&self) -> bool {
        self.is_json()
    }
}

/// A page of jobs; `more` says that there are older ones.
pub(crate) fn list_text(jobs: &[Job], more: bool, now_ms: i64, color: bool) -> String {
    if jobs.is_empty() {
        return "no jobs yet".to_owned();
    }
    let mut text = table::jobs_table(jobs, now_ms, color);
    if more {
        text.push_str("\nolder jobs are not shown");
    }
    text
}

fn success_line(job: &Job) -> String {
    let sum = |of: fn(&sluice_proto::v1::DatasetResult) -> u64| job.datasets.iter().map(of).sum();
    let rows: u64 = sum(|dataset| dataset.rows);
    let size: u64 = sum(|dataset| dataset.bytes);
    let lines: u64 = job.inputs.iter().map(|input| input.lines).sum();
    let read = if job.inputs.is_empty() {
        String::new()
    } else {
        format!(" from {}", format_count(lines, "line"))
    };
    format!(
        "job {} ({}) succeeded in {}: {}, {}, {}{read}",
        job.job_id,
        job.name,
        run_time(job),
        format_count(job.datasets.len() as u64, "table"),
        format_count(rows, "row"),
        format_bytes(size),
    )
}

fn failure_text(job: &Job) -> (String, &str) {
    let what = match job.state() {
        JobState::Killed => "was killed",
        JobState::TimedOut => "reached its time limit",
        JobState::Interrupted => "was interrupted",
        _ => "failed",
    };
    let id = &job.job_id;
    let head = format!("job {id} ({}) {what} after {}", job.name, run_time(job));
    match &job.reason {
        None => (head, ""),
        Some(reason) => (format!("{head}: {}", reason.message), &reason.next_step),
    }
}

fn run_time(job: &Job) -> String {
    format_duration(Duration::from_millis(job.duration_ms(job.ended_ms)))
}

pub(crate) fn status_lines(job: &Job, now_ms: i64) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = |what: &str, text: String| {
        if !text.is_empty() {
            lines.push(format!("{what:11}{text}"));
        }
    };
    line("job", job.job_id.clone());
    line("submission", job.submission_id.clone());
    line("trace", job.trace_id.clone());
    line("name", job.name.clone());
    line("file", job.file_name.clone());
    line("state", job.state().name().to_owned());
    let by = match job.user.as_str() {
        "" => String::new(),
        user => format!(" by {user}"),
    };
    line(
        "submitted",
        format!("{} UTC{by}", format_time(job.submitted_ms)),
    );
    if job.ended_ms > 0 {
        line("ended", format!("{} UTC", format_time(job.ended_ms)));
    }
    line(
        "time",
        format_duration(Duration::from_millis(job.duration_ms(now_ms))),
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
    for (name, value) in redact_values(&job.params) {
        line("parameter", format!("{name} = {value}"));
    }
    lines
}

#[cfg(test)]
mod tests;
