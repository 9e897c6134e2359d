//! The first page: what runs, what needs attention, how fresh the tables are.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use maud::{Markup, html};
use sluice_proto::v1::{Job, JobState};
use sluice_service::format::{format_count, group_thousands};

use super::charts::{Moment, area_chart};
use super::jobs::{JobColumns, job_table, usual_durations};
use super::layout::Page;
use super::parts::{job_link, milliseconds_between, moment, name_of, progress_bar};
use super::tables::{committed_ms, committed_tables};
use crate::ballista::{ExecutorInfo, ExecutorState};

/// How many jobs the first page lists.
const LATEST_JOBS: usize = 12;
/// The time that the chart of the capacity covers: an hour, in milliseconds.
const CHART_MS: f64 = 3_600_000.0;
/// A failure is mentioned for this long.
const RECENT: Duration = Duration::from_secs(24 * 3600);
/// An executor that has been silent for longer needs attention; heartbeats come
/// every second.
const SILENT_SECONDS: f64 = 3.0;

/// The capacity of the cluster at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CapacitySample {
    pub(crate) at_ms: i64,
    pub(crate) vcores: u64,
    pub(crate) vcores_busy: u64,
}

/// What the first page shows.
pub(crate) struct Overview {
    pub(crate) executors: Vec<ExecutorInfo>,
    /// Of the last hour, the oldest first.
    pub(crate) capacity: Vec<CapacitySample>,
    /// The latest jobs, the newest first.
    pub(crate) jobs: Vec<Arc<Job>>,
    pub(crate) counts: Vec<(JobState, u64)>,
    /// Whether the scheduler is stopping.
    pub(crate) is_closed: bool,
}

pub(crate) fn overview_page(overview: &Overview, root: &str, now_ms: i64) -> Page {
    let usual = usual_durations(&overview.jobs);
    let (running, ended): (Vec<_>, Vec<_>) = overview
        .jobs
        .iter()
        .cloned()
        .partition(|job| !job.state().is_final());
    let latest = &ended[..ended.len().min(LATEST_JOBS)];
    Page {
        title: "Overview".to_owned(),
        section: "",
        main: html! {
            h1 { "Overview" }
            section.card #attention data-live {
                h2 { "Needs attention" }
                (attention(overview, root, now_ms))
            }
            div.cards {
                section.card #cluster data-live { h2 { "Cluster" } (cluster(overview, now_ms)) }
                section.card #counts data-live { h2 { "Jobs" } (counts(overview, root)) }
            }
            section.card #running data-live {
                h2 { "Running" }
                @if running.is_empty() { p.quiet { "No job runs." } }
                @else { div.wide { (job_table(&running, JobColumns::Progress, &usual, root, now_ms)) } }
            }
            section.card #latest data-live {
                h2 { "Ended last" }
                @if latest.is_empty() { p.quiet { "No job has ended." } }
                @else { div.wide { (job_table(latest, JobColumns::Outcome, &usual, root, now_ms)) } }
            }
            section.card #freshness data-live {
                h2 { "Tables" }
                (freshness(overview, root, now_ms))
            }
        },
    }
}

/// What people should look at, as sentences.
fn attention(overview: &Overview, root: &str, now_ms: i64) -> Markup {
    let troubled: Vec<(&ExecutorInfo, String)> = overview
        .executors
        .iter()
        .filter_map(|executor| Some((executor, trouble_of(executor)?)))
        .collect();
    let failed = failures(&overview.jobs, now_ms);
    let none_registered = overview.executors.is_empty();
    let is_fine =
        !none_registered && troubled.is_empty() && failed.is_empty() && !overview.is_closed;
    html! {
        @if is_fine { p { "Nothing." } }
        @else { ul.plain {
            @if overview.is_closed {
                li.note.warn { "The scheduler is stopping: running jobs end, and no new ones are accepted." }
            }
            @if none_registered { li.note.bad { "No executor is registered: jobs wait." } }
            @for (executor, trouble) in troubled {
                li.note.warn { "Executor " a href={ (root) "executors" } { (executor.host) ":" (executor.grpc_port) } " " (trouble) }
            }
            @for job in failed {
                li.note.bad {
                    "Job " (job_link(root, job)) " ended as " (job.state().name()) " " (moment(job.ended_ms, now_ms))
                    @if let Some(reason) = &job.reason { ": " (sluice_service::format::plain_line(&reason.message, 200)) }
                }
            }
        } }
    }
}

fn trouble_of(executor: &ExecutorInfo) -> Option<String> {
    if let Some(problem) = &executor.problem {
        return Some(format!("gets no tasks: {problem}"));
    }
    (executor.state == ExecutorState::Active && executor.last_heartbeat_seconds > SILENT_SECONDS)
        .then(|| {
            format!(
                "has been silent for {:.0} s",
                executor.last_heartbeat_seconds
            )
        })
}

/// The jobs that ended without success lately, if no later job of their name
/// succeeded; one of each name.
fn failures(jobs: &[Arc<Job>], now_ms: i64) -> Vec<&Job> {
    let mut latest: HashMap<&str, &Job> = HashMap::new();
    for job in jobs.iter().filter(|job| job.state().is_final()) {
        latest.entry(name_of(job)).or_insert(job);
    }
    let mut failed: Vec<&Job> = latest
        .into_values()
        .filter(|job| !matches!(job.state(), JobState::Succeeded | JobState::Killed))
        .filter(|job| milliseconds_between(job.ended_ms, now_ms).is_some_and(|age| age < RECENT))
        .collect();
    failed.sort_by_key(|job| std::cmp::Reverse(job.ended_ms));
    failed
}

fn cluster(overview: &Overview, now_ms: i64) -> Markup {
    let active = overview
        .executors
        .iter()
        .filter(|executor| executor.state == ExecutorState::Active);
    let count = active.clone().count() as u64;
    let vcores: u32 = active.clone().map(|executor| executor.vcores).sum();
    let free: u32 = active.map(|executor| executor.vcores_free).sum();
    let moments: Vec<Moment> = overview
        .capacity
        .iter()
        .map(|sample| Moment {
            place: 1.0 - (now_ms - sample.at_ms) as f64 / CHART_MS,
            all: sample.vcores as f64,
            part: sample.vcores_busy as f64,
        })
        .collect();
    html! {
        p { span.figure { (vcores) } " vcores on " (format_count(count, "executor")) }
        p { (progress_bar(vcores - free.min(vcores), vcores, "vcores in use")) span.quiet { " in use" } }
        @if moments.len() > 1 {
            (area_chart(&moments, "Vcores of the last hour: all, and those in use"))
            p.quiet { "last hour" }
        }
    }
}

fn counts(overview: &Overview, root: &str) -> Markup {
    let count = |wanted: &[JobState]| -> u64 {
        let found = overview
            .counts
            .iter()
            .filter(|(state, _)| wanted.contains(state));
        found.map(|(_, count)| count).sum()
    };
    let running = count(&[JobState::Planned, JobState::Running, JobState::Committing]);
    html! {
        p { span.figure { (group_thousands(running)) } " running, "
            (group_thousands(count(&[JobState::Accepted]))) " waiting" }
        ul.plain {
            @for (state, count) in &overview.counts {
                @if state.is_final() && *count > 0 {
                    li { a href={ (root) "jobs?state=" (state.name()) } { (group_thousands(*count)) " " (state.name()) } }
                }
            }
        }
    }
}

fn freshness(overview: &Overview, root: &str, now_ms: i64) -> Markup {
    let mut tables = committed_tables(&overview.jobs);
    tables.sort_by_key(|table| committed_ms(&table.job));
    html! {
        @if tables.is_empty() { p.quiet { "No job of this scheduler has committed a table." } }
        @else { div.wide { table {
            thead { tr {
                th scope="col" { "Table" }
                th scope="col" { "Committed" }
                th.number scope="col" { "Rows" }
                th.number scope="col" { "Rows written" }
                th scope="col" { "By job" }
            } }
            tbody { @for table in &tables { tr {
                th scope="row" { (table.link(root)) }
                td.time { (moment(committed_ms(&table.job), now_ms)) }
                td.number { (table.dataset.table_rows.map_or_else(|| "–".to_owned(), group_thousands)) }
                td.number { (group_thousands(table.dataset.rows)) }
                td { (job_link(root, &table.job)) }
            } } }
        } } }
    }
}
