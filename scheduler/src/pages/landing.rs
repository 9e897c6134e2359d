//! The folders that jobs read, and what has landed there.

use std::collections::BTreeMap;
use std::sync::Arc;

use maud::{Markup, html};
use sluice_landing::LandingEntry;
use sluice_ledger::Entry;
use sluice_proto::v1::{InputStats, Job};
use sluice_service::format::{
    format_bytes, format_count, format_time, group_thousands, plain_line,
};

use super::charts::{Bar, bars};
use super::completeness::completeness_chart;
use super::layout::Page;
use super::parts::{Tone, badge, job_link, moment};

/// How many of the latest batches are listed.
const LISTED_BATCHES: usize = 10;
/// How many of the latest rejects are listed.
const LISTED_REJECTS: usize = 5;
/// How much of a reject's value is shown.
const MAX_VALUE_CHARS: usize = 120;

/// The latest entries of a topic's ledger.
pub(crate) struct Landed {
    pub(crate) newest: Entry<LandingEntry>,
    /// The newest first.
    pub(crate) entries: Vec<Entry<LandingEntry>>,
    pub(crate) rejects: RejectsResult,
}

/// Some of the latest rejects; nothing where none are known.
pub(crate) type RejectsResult = Result<Vec<Reject>, String>;

/// A record that did not become a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reject {
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    /// Such as `not_utf8`.
    pub(crate) reason: String,
    pub(crate) detail: String,
    /// The begin of its value; nothing where it has none.
    pub(crate) value: Option<String>,
}

/// What has landed; nothing where a folder has no ledger, an error where it cannot
/// be read.
pub(crate) type LandedResult = Result<Option<Arc<Landed>>, String>;

/// A folder that jobs read.
pub(crate) struct SourceFolder {
    /// As the last job that read it counted it.
    pub(crate) input: InputStats,
    pub(crate) job: Arc<Job>,
}

/// The folders that `jobs` read, by location. `jobs` are the newest first.
pub(crate) fn source_folders(jobs: &[Arc<Job>]) -> Vec<SourceFolder> {
    let mut folders: Vec<SourceFolder> = Vec::new();
    for job in jobs {
        for input in job.inputs.iter().filter(|input| !input.location.is_empty()) {
            let is_known = |folder: &SourceFolder| folder.input.location == input.location;
            if !folders.iter().any(is_known) {
                folders.push(SourceFolder {
                    input: input.clone(),
                    job: Arc::clone(job),
                });
            }
        }
    }
    folders.sort_by(|a, b| a.input.location.cmp(&b.input.location));
    folders
}

pub(crate) fn landing_page(
    folders: &[(SourceFolder, LandedResult)],
    root: &str,
    now_ms: i64,
) -> Page {
    Page {
        title: "Landing".to_owned(),
        section: "landing",
        main: html! {
            h1 { "Landing" }
            @if folders.is_empty() {
                div.card { p { "No job of this scheduler has read a source." } }
            }
            @for (at, (folder, landed)) in folders.iter().enumerate() {
                section.card id={ "folder-" (at) } data-live {
                    h2 { code { (folder.input.location) } }
                    dl.facts {
                        dt { "Last read by" } dd { (job_link(root, &folder.job)) " as " code { (folder.input.name) } ": "
                            (format_count(folder.input.files, "file")) ", " (format_bytes(folder.input.bytes)) ", "
                            (format_count(folder.input.lines, "line")) ", " (malformed(&folder.input)) }
                        @match landed {
                            Ok(Some(landed)) => (totals(landed, now_ms)),
                            Ok(None) => { dt { "Ledger" } dd { "none: jobs read all files of the folder" } }
                            Err(error) => { dt { "Ledger" } dd { (badge(Tone::Bad, "cannot be read")) " " (error) } }
                        }
                    }
                    @if let Ok(Some(landed)) = landed {
                        (batches(landed, now_ms))
                        (rejects(&landed.rejects))
                    }
                }
            }
        },
    }
}

fn malformed(input: &InputStats) -> Markup {
    html! {
        @if input.malformed > 0 { (badge(Tone::Warn, &format!("{} malformed", group_thousands(input.malformed)))) }
        @else { "none malformed" }
    }
}

fn totals(landed: &Landed, now_ms: i64) -> Markup {
    let entry = &landed.newest.body;
    html! {
        dt { "Topic" } dd { (entry.topic) }
        dt { "Last batch" } dd { (moment(landed.newest.created_at.timestamp_millis(), now_ms)) ", entry " (landed.newest.seq) }
        dt { "Landed" } dd { (format_count(entry.totals.rows, "row")) " in " (format_count(entry.totals.files, "file")) ", " (format_bytes(entry.totals.bytes)) }
        dt { "Rejected" } dd {
            @if entry.totals.rejects > 0 { (badge(Tone::Warn, &format_count(entry.totals.rejects, "record"))) }
            @else { "none" }
        }
        @if entry.totals.lost_offsets > 0 {
            dt { "Lost" } dd { (badge(Tone::Bad, &format_count(entry.totals.lost_offsets, "offset"))) " that the broker had deleted before they were read" }
        }
        dt { "Next offsets" } dd {
            @for (at, (partition, next)) in entry.next.iter().enumerate() {
                @if at > 0 { ", " }
                (partition) ": " (next)
            }
        }
        @if let Some(latest) = entry.progress.values().filter_map(|progress| progress.latest_event).max() {
            dt { "Latest event" } dd { (format_time(latest.timestamp_millis())) }
        }
    }
}

fn rejects(rejects: &RejectsResult) -> Markup {
    html! {
        @match rejects {
            Err(error) => { h3 { "Rejects" } p { (badge(Tone::Bad, "cannot be read")) " " (error) } }
            Ok(rejects) if rejects.is_empty() => {}
            Ok(rejects) => {
                h3 { "Rejects" }
                p { "Of the latest " (rejects.len()) ": " (reason_counts(rejects)) }
                div.wide { table {
                    thead { tr {
                        th scope="col" { "Partition and offset" }
                        th scope="col" { "Reason" }
                        th scope="col" { "Value" }
                    } }
                    tbody { @for reject in rejects.iter().take(LISTED_REJECTS) { tr {
                        th scope="row" { (reject.partition) ": " (reject.offset) }
                        td { (reject.detail) }
                        td { @match &reject.value {
                            Some(value) => { code { (plain_line(value, MAX_VALUE_CHARS)) } }
                            None => { span.quiet { "none" } }
                        } }
                    } } }
                } }
            }
        }
    }
}

/// How many rejects have each reason, the most frequent first.
fn reason_counts(rejects: &[Reject]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for reject in rejects {
        *counts.entry(&reject.reason).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let texts: Vec<String> = counts
        .into_iter()
        .map(|(reason, count)| format!("{count} {}", reason.replace('_', " ")))
        .collect();
    texts.join(", ")
}

/// Rows and rejects of one batch.
fn counts(entry: &LandingEntry) -> (u64, u64) {
    let ranges = entry.ranges.iter();
    ranges.fold((0, 0), |(rows, rejects), range| {
        (rows + range.rows, rejects + range.rejects)
    })
}

fn batches(landed: &Landed, now_ms: i64) -> Markup {
    let drawn: Vec<Bar> = (landed.entries.iter().rev())
        .map(|entry| {
            let (rows, rejects) = counts(&entry.body);
            Bar {
                value: rows as f64,
                class: if rejects > 0 { "bad" } else { "good" },
                title: format!(
                    "entry {}, {}: {}, {}",
                    entry.seq,
                    format_time(entry.created_at.timestamp_millis()),
                    format_count(rows, "row"),
                    format_count(rejects, "reject")
                ),
                link: None,
            }
        })
        .collect();
    let entries = landed.entries.iter().map(|entry| &entry.body);
    html! {
        (bars(&drawn, "Rows of the latest batches, the newest on the right"))
        (completeness_chart(entries, &landed.newest.body.progress))
        div.wide { table {
            caption.quiet { "Latest batches" }
            thead { tr {
                th.number scope="col" { "Entry" }
                th scope="col" { "Committed" }
                th.number scope="col" { "Rows" }
                th.number scope="col" { "Rejects" }
                th scope="col" { "Ended by" }
                th scope="col" { "Run" }
            } }
            tbody { @for entry in landed.entries.iter().take(LISTED_BATCHES) {
                @let (rows, rejects) = counts(&entry.body);
                tr {
                    th.number scope="row" { (entry.seq) }
                    td.time { (moment(entry.created_at.timestamp_millis(), now_ms)) }
                    td.number { (group_thousands(rows)) }
                    td.number { (group_thousands(rejects)) }
                    td { (entry.body.closed_by.as_str()) }
                    td { code { (entry.body.run_id) } }
                }
            } }
        } }
    }
}
