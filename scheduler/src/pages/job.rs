//! One job.

use std::sync::Arc;

use maud::{Markup, html};
use sluice_proto::v1::{DatasetProgress, Diagnostic, Job, JobError, JobState, Progress};
use sluice_service::format::{
    format_bytes, format_count, format_duration, format_time, group_thousands,
};
use std::time::Duration;

use super::charts::{Bar, bars};
use super::comparison::comparison;
use super::graph::relation_graph;
use super::job_text::{first_line, job_text};
use super::layout::Page;
use super::log::{JOB_PAGE_LINES, log_view};
use super::parts::{
    Tone, badge, duration_text, moment, name_of, phase_tone, progress_bar, run_time, state_badge,
    state_tone,
};
use crate::driver::LogPart;

/// A job with what its page shows in addition.
pub(crate) struct JobView {
    pub(crate) job: Job,
    /// Jobs of the same name, this one among them; the newest first.
    pub(crate) runs: Vec<Arc<Job>>,
    /// The end of its log.
    pub(crate) log: LogPart,
    /// The text of the job file.
    pub(crate) text: Option<Arc<str>>,
    /// What a request to kill the job must bring along.
    pub(crate) form_token: String,
}

pub(crate) fn job_page(view: &JobView, root: &str, now_ms: i64) -> Page {
    let job = &view.job;
    Page {
        title: name_of(job).to_owned(),
        section: "jobs",
        main: html! {
            h1 { (name_of(job)) }
            section.card #summary data-live {
                h2 { (state_badge(job.state())) }
                (facts(job, now_ms))
                @if !job.state().is_final() { (kill_form(view, root)) }
            }
            @if let Some(reason) = &job.reason { (reason_section(reason)) }
            @if !job.warnings.is_empty() {
                section.card #warnings data-live {
                    h2 { "Warnings" }
                    @for warning in &job.warnings { (diagnostic(warning, Tone::Warn)) }
                }
            }
            @if let Some(graph) = relation_graph(job) {
                section.card #graph data-live {
                    h2 { "Relations" }
                    div.wide #graph-scroll tabindex="0" role="region" aria-label="Graph of the relations" { (graph) }
                }
            }
            section.card #datasets data-live {
                h2 { "Tables" }
                (datasets(job))
                p { a href={ (root) "jobs/" (job.job_id) "/stages" } { "Stages, tasks and operators" } }
            }
            section.card #inputs data-live {
                h2 { "Sources" }
                (inputs(job))
            }
            @if view.runs.len() > 1 {
                section.card #runs data-live {
                    h2 { "Runs of this job" }
                    (runs(view, root, now_ms))
                }
            }
            @if let Some(text) = &view.text {
                section.card #file {
                    h2 { "Job file" @if !job.file_name.is_empty() { " " code { (job.file_name) } } }
                    (job_text(job, text))
                }
            }
            @if !job.params.is_empty() {
                section.card #parameters data-live {
                    h2 { "Parameters" }
                    dl.facts {
                        @for (name, value) in sluice_service::secrets::redact_values(&job.params) {
                            dt { code { (name) } } dd { code { (value) } }
                        }
                    }
                }
            }
            section.card #log {
                h2 { "Log" }
                (log_view(&view.log, JOB_PAGE_LINES))
                p { a href={ (root) "jobs/" (job.job_id) "/log" } { "The whole log" } }
            }
        },
    }
}

fn facts(job: &Job, now_ms: i64) -> Markup {
    let progress = job.progress.clone().unwrap_or_default();
    html! {
        dl.facts {
            dt { "Job" } dd { code { (job.job_id) } }
            @if job.submission_id != job.job_id { dt { "Submission" } dd { code { (job.submission_id) } } }
            @if !job.trace_id.is_empty() { dt { "Trace" } dd { code { (job.trace_id) } } }
            @if !job.file_name.is_empty() { dt { "File" } dd { code { (job.file_name) } } }
            @if !job.user.is_empty() { dt { "User" } dd { (job.user) } }
            dt { "Submitted" } dd { (format_time(job.submitted_ms)) " (" (moment(job.submitted_ms, now_ms)) ")" }
            dt { "Duration" } dd {
                (duration_text(run_time(job, now_ms)))
                @if job.timeout_ms > 0 { " of at most " (format_duration(Duration::from_millis(job.timeout_ms))) }
            }
            (progress_facts(&progress))
        }
    }
}

fn progress_facts(progress: &Progress) -> Markup {
    html! {
        @if progress.tasks_total > 0 {
            dt { "Tasks" } dd { (progress_bar(progress.tasks_done, progress.tasks_total, "tasks done"))
                span.quiet { ", " (progress.tasks_running) " running" } }
            dt { "Stages" } dd { (progress.stages_done) " of " (progress.stages_total) }
        }
        @if progress.bytes_read > 0 {
            dt { "Read" } dd { (format_count(progress.rows_read, "row")) ", " (format_bytes(progress.bytes_read)) }
        }
        @if progress.bytes_written > 0 {
            dt { "Written" } dd { (format_count(progress.rows_written, "row")) ", " (format_bytes(progress.bytes_written)) }
        }
    }
}

fn kill_form(view: &JobView, root: &str) -> Markup {
    html! {
        details.kill #kill {
            summary { "Kill this job…" }
            form method="post" action={ (root) "jobs/" (view.job.job_id) "/kill" } {
                p { "Its tasks are stopped. No table is changed, unless the job is committing already." }
                input type="hidden" name="token" value=(view.form_token);
                button.danger #kill-button type="submit" { "Kill " (name_of(&view.job)) }
            }
        }
    }
}

fn reason_section(reason: &JobError) -> Markup {
    html! {
        section.card #reason data-live {
            h2 { "Why it ended: " (reason.kind().name()) }
            div.note.bad {
                p { (reason.message) }
                @if !reason.next_step.is_empty() { p { b { "Next: " } (reason.next_step) } }
            }
            @for found in &reason.diagnostics { (diagnostic(found, Tone::Bad)) }
            @if let Some(line) = first_line(&reason.diagnostics) {
                p { a href={ "#line-" (line) } { "Line " (line) " of the job file" } }
            }
        }
    }
}

fn diagnostic(found: &Diagnostic, tone: Tone) -> Markup {
    html! {
        div class={ "note " (tone.class()) } {
            @if found.rendered.is_empty() { p { (found.code) " " (found.message) } }
            @else { pre { (found.rendered) } }
        }
    }
}

fn datasets(job: &Job) -> Markup {
    let running: &[DatasetProgress] = match &job.progress {
        Some(progress) if !job.state().is_final() => &progress.datasets,
        _ => &[],
    };
    html! {
        @if job.datasets.is_empty() { p.quiet { "Not planned yet." } }
        @else { div.wide { table {
            thead { tr {
                th scope="col" { "Table" }
                th scope="col" { "State" }
                th scope="col" { "Tasks" }
                th.number scope="col" { "Rows" }
                th.number scope="col" { "Files" }
                th.number scope="col" { "Size" }
                th.number scope="col" { "Time" }
                th.number scope="col" { "Version" }
                th scope="col" { "Location" }
            } }
            tbody { @for dataset in &job.datasets { tr {
                th scope="row" { (dataset.name) }
                td { (badge(phase_tone(dataset.phase()), dataset.phase().name())) }
                td {
                    @if let Some(now) = running.iter().find(|found| found.name == dataset.name) {
                        (progress_bar(now.tasks_done, now.tasks_total, "tasks done"))
                    }
                }
                td.number { (group_thousands(dataset.rows)) }
                td.number { (group_thousands(dataset.files)) }
                td.number { (format_bytes(dataset.bytes)) }
                td.number { @if dataset.seconds > 0.0 { (duration_text(Duration::try_from_secs_f64(dataset.seconds).ok())) } }
                td.number { (dataset.version.map_or_else(|| "–".to_owned(), |version| version.to_string())) }
                td { code { (dataset.location) } }
            } } }
        } } }
    }
}

fn inputs(job: &Job) -> Markup {
    html! {
        @if job.inputs.is_empty() { p.quiet { "None." } }
        @else { div.wide { table {
            thead { tr {
                th scope="col" { "Source" }
                th.number scope="col" { "Files" }
                th.number scope="col" { "Size" }
                th.number scope="col" { "Lines" }
                th.number scope="col" { "Malformed" }
                th.number scope="col" { "Left out" }
            } }
            tbody { @for input in &job.inputs { tr {
                th scope="row" { (input.name) }
                td.number { (group_thousands(input.files)) }
                td.number { (format_bytes(input.bytes)) }
                td.number { (group_thousands(input.lines)) }
                td.number { @if input.malformed > 0 { (badge(Tone::Warn, &group_thousands(input.malformed))) } @else { "0" } }
                td.number { (group_thousands(input.dropped)) }
            } } }
        } } }
    }
}

fn runs(view: &JobView, root: &str, now_ms: i64) -> Markup {
    let drawn: Vec<Bar> = (view.runs.iter().rev())
        .filter_map(|run| {
            let duration = run_time(run, run.ended_ms)?;
            let this = if run.job_id == view.job.job_id {
                ", this run"
            } else {
                ""
            };
            Some(Bar {
                value: duration.as_secs_f64(),
                class: state_tone(run.state()).class(),
                title: format!(
                    "{}: {}, {}{this}",
                    format_time(run.submitted_ms),
                    run.state().name(),
                    format_duration(duration)
                ),
                link: Some(format!("{root}jobs/{}", run.job_id)),
            })
        })
        .collect();
    html! {
        @if drawn.is_empty() { p.quiet { "None has ended." } }
        @else { (bars(&drawn, "Durations of the latest runs, the newest on the right")) }
        @if let Some(before) = previous_run(view) { (comparison(&view.job, before, root, now_ms)) }
    }
}

/// The last run before this one that succeeded.
fn previous_run(view: &JobView) -> Option<&Job> {
    view.runs
        .iter()
        .map(Arc::as_ref)
        .filter(|run| run.submitted_ms < view.job.submitted_ms)
        .find(|run| run.state() == JobState::Succeeded)
}
