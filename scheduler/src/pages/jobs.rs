//! Lists of jobs.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use maud::{Markup, html};
use sluice_proto::v1::{Job, JobState};
use sluice_service::format::format_bytes;

use super::layout::Page;
use super::parts::{duration_text, job_link, moment, progress_bar, run_time, state_badge};

/// One page of the list of jobs, with what was asked for.
pub(crate) struct JobList {
    /// The newest first.
    pub(crate) jobs: Vec<Arc<Job>>,
    pub(crate) text: String,
    pub(crate) state: Option<JobState>,
    /// Where the next page begins; empty on the last one.
    pub(crate) next_page_token: String,
    /// Whether this is the first page.
    pub(crate) is_first: bool,
    /// Usual durations of jobs, by name.
    pub(crate) usual: HashMap<String, Duration>,
}

pub(crate) fn jobs_page(list: &JobList, root: &str, now_ms: i64) -> Page {
    Page {
        title: "Jobs".to_owned(),
        section: "jobs",
        main: html! {
            h1 { "Jobs" }
            form.filter method="get" action={ (root) "jobs" } role="search" {
                label { "Id, name, file or user" input #text type="search" name="text" value=(list.text); }
                label { "State"
                    select #state name="state" {
                        option value="" { "all" }
                        @for state in JobState::ALL {
                            option value=(state.name()) selected[list.state == Some(state)] { (state.name()) }
                        }
                    }
                }
                button type="submit" { "Show" }
            }
            section.card #jobs data-live {
                @if list.jobs.is_empty() {
                    @if list.text.is_empty() && list.state.is_none() {
                        p { "No job was submitted yet. Submit one with "
                            code { "submit-job --master sluice://HOST:PORT JOB.sql" } "." }
                    } @else { p { "No job is like this." } }
                } @else {
                    div.wide { (job_table(&list.jobs, JobColumns::Outcome, &list.usual, root, now_ms)) }
                }
                p {
                    @if !list.is_first { a href={ (root) "jobs" (filter_query(list, "")) } { "Newest jobs" } " " }
                    @if !list.next_page_token.is_empty() {
                        a rel="next" href={ (root) "jobs" (filter_query(list, &list.next_page_token)) } { "Older jobs" }
                    }
                }
            }
        },
    }
}

fn filter_query(list: &JobList, after: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    if !list.text.is_empty() {
        query.append_pair("text", &list.text);
    }
    if let Some(state) = list.state {
        query.append_pair("state", state.name());
    }
    if !after.is_empty() {
        query.append_pair("after", after);
    }
    format!("?{}", query.finish())
}

/// What a table of jobs shows of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum JobColumns {
    /// How far it is.
    Progress,
    /// Who submitted it, and how it ended.
    Outcome,
}

/// A table of jobs.
pub(super) fn job_table(
    jobs: &[Arc<Job>],
    columns: JobColumns,
    usual: &HashMap<String, Duration>,
    root: &str,
    now_ms: i64,
) -> Markup {
    let has_outcome = columns == JobColumns::Outcome;
    html! {
        table {
            thead { tr {
                th scope="col" { "Job" }
                th scope="col" { "State" }
                th scope="col" { "Submitted" }
                @if !has_outcome {
                    th scope="col" { "Tasks" }
                    th.number scope="col" { "Read" }
                }
                th.number scope="col" { "Duration" }
                th.number scope="col" { "Usual" }
                @if has_outcome {
                    th.number scope="col" { "Tables" }
                    th scope="col" { "User" }
                    th scope="col" { "Reason" }
                }
            } }
            tbody {
                @for job in jobs {
                    tr {
                        th scope="row" { (job_link(root, job)) }
                        td { (state_badge(job.state())) }
                        td.time { (moment(job.submitted_ms, now_ms)) }
                        @if !has_outcome { (progress_cells(job)) }
                        td.number { (duration_text(run_time(job, now_ms))) }
                        td.number.quiet { (duration_text(usual.get(&job.name).copied())) }
                        @if has_outcome {
                            td.number { (job.datasets.len()) }
                            td { (job.user) }
                            td { @if let Some(reason) = &job.reason { (first_sentence(&reason.message)) } }
                        }
                    }
                }
            }
        }
    }
}

fn progress_cells(job: &Job) -> Markup {
    let progress = job.progress.clone().unwrap_or_default();
    html! {
        td { (progress_bar(progress.tasks_done, progress.tasks_total, "tasks done")) }
        td.number { (format_bytes(progress.bytes_read)) }
    }
}

/// At most one line of an error.
fn first_sentence(message: &str) -> String {
    sluice_service::format::plain_line(message.lines().next().unwrap_or_default(), 160)
}

/// The median duration of the jobs of each name that succeeded.
pub(crate) fn usual_durations(jobs: &[Arc<Job>]) -> HashMap<String, Duration> {
    let mut all: HashMap<&str, Vec<Duration>> = HashMap::new();
    for job in jobs.iter().filter(|job| job.state() == JobState::Succeeded) {
        if let Some(duration) = run_time(job, 0) {
            all.entry(&job.name).or_default().push(duration);
        }
    }
    all.into_iter()
        .map(|(name, mut durations)| {
            durations.sort_unstable();
            (name.to_owned(), durations[durations.len() / 2])
        })
        .collect()
}
