//! One gold table: what it is now, a look at its rows, and who committed what.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use maud::{Markup, html};
use sluice_gold::{ActiveFile, Snapshot};
use sluice_proto::v1::{DatasetPhase, Job};
use sluice_service::format::{format_bytes, format_count, group_thousands, plain_line};

use super::layout::Page;
use super::parts::{Tone, badge, job_link, moment};
use super::tables::{CommittedTable, committed_ms};
use crate::value_texts::value_texts;

/// How many partitions are listed.
const LISTED_PARTITIONS: usize = 100;
/// How many commits are listed.
const LISTED_COMMITS: usize = 30;
/// How much of a value is shown.
const MAX_VALUE_CHARS: usize = 60;

/// A table as its log has it, with some of its rows.
pub(crate) struct TableContent {
    pub(crate) snapshot: Arc<Snapshot>,
    /// Nothing when the table has no rows.
    pub(crate) first_rows: Result<Option<RecordBatch>, String>,
}

/// What a table holds; nothing where there is no table any longer, an error where it
/// cannot be read.
pub(crate) type TableResult = Result<Option<Arc<TableContent>>, String>;

/// `jobs` are those that committed to tables, the newest first.
pub(crate) fn table_page(
    table: &CommittedTable,
    content: &TableResult,
    jobs: &[Arc<Job>],
    root: &str,
    now_ms: i64,
) -> Page {
    let name = &table.dataset.name;
    Page {
        title: name.clone(),
        section: "tables",
        main: html! {
            h1 { (name) }
            section.card #facts data-live {
                dl.facts {
                    dt { "Location" } dd { code { (table.dataset.location) } }
                    dt { "Last commit" } dd { (moment(committed_ms(&table.job), now_ms)) " by " (job_link(root, &table.job)) }
                    dt { "Computed from" } dd { (origins(table)) }
                    @match content {
                        Ok(Some(content)) => (facts(&content.snapshot, now_ms)),
                        Ok(None) => { dt { "Now" } dd { (badge(Tone::Warn, "removed")) " there is no table at its location" } }
                        Err(error) => { dt { "Now" } dd { (badge(Tone::Bad, "cannot be read")) " " (error) } }
                    }
                }
            }
            @if let Ok(Some(content)) = content {
                section.card #columns data-live { h2 { "Columns" } (columns(&content.snapshot)) }
                section.card #rows data-live { h2 { "Some rows" } (first_rows(&content.first_rows)) }
                @if !content.snapshot.partition_by.is_empty() {
                    section.card #partitions data-live { h2 { "Partitions" } (partitions(&content.snapshot)) }
                }
            }
            section.card #commits data-live { h2 { "Commits" } (commits(table, jobs, root, now_ms)) }
        },
    }
}

/// The sources that a table was computed from, through all views and tables between.
fn origins(table: &CommittedTable) -> Markup {
    let relations: BTreeMap<&str, &[String]> = (table.job.relations.iter())
        .map(|relation| (relation.name.as_str(), relation.depends_on.as_slice()))
        .collect();
    let mut seen = vec![table.dataset.name.as_str()];
    let mut next = 0;
    while let Some(name) = seen.get(next) {
        let read = relations.get(name).copied().unwrap_or_default();
        let new: Vec<&str> = (read.iter().map(String::as_str))
            .filter(|name| !seen.contains(name))
            .collect();
        seen.extend(new);
        next += 1;
    }
    let inputs: Vec<_> = (table.job.inputs.iter())
        .filter(|input| seen.contains(&input.name.as_str()))
        .collect();
    html! {
        @if inputs.is_empty() { "–" }
        @for (at, input) in inputs.iter().enumerate() {
            @if at > 0 { ", " }
            (input.name) " (" code { (input.location) } ")"
        }
    }
}

fn facts(snapshot: &Snapshot, now_ms: i64) -> Markup {
    let rows = snapshot.total_rows();
    html! {
        dt { "Version" } dd { (snapshot.version)
            @if let Some(created) = snapshot.created_time { ", created " (moment(created, now_ms)) } }
        dt { "Holds" } dd {
            @if let Some(rows) = rows { (format_count(rows, "row")) " in " }
            (format_count(snapshot.files.len() as u64, "file")) ", " (format_bytes(snapshot.total_bytes()))
        }
        @if let Some(comment) = &snapshot.description { dt { "Comment" } dd { (comment) } }
        dt { "Delta" } dd { "reader version " (snapshot.reader_version) ", writer version " (snapshot.writer_version)
            @if !snapshot.features.is_empty() { ", " (snapshot.features.join(", ")) } }
        @if !snapshot.properties.is_empty() {
            dt { "Properties" } dd {
                @for (at, (key, value)) in snapshot.properties.iter().enumerate() {
                    @if at > 0 { ", " }
                    code { (key) } " = " code { (plain_line(value, MAX_VALUE_CHARS)) }
                }
            }
        }
    }
}

fn columns(snapshot: &Snapshot) -> Markup {
    let columns = snapshot.column_texts();
    let has_comments = columns.iter().any(|column| column.comment.is_some());
    html! {
        div.wide tabindex="0" role="region" aria-label="Columns" { table {
            thead { tr {
                th scope="col" { "Column" }
                th scope="col" { "Type" }
                th scope="col" { "NULL" }
                @if has_comments { th scope="col" { "Comment" } }
            } }
            tbody {
                @for column in &columns {
                    tr {
                        th scope="row" { (column.name)
                            @if snapshot.partition_by.contains(&column.name) { " " (badge(Tone::Plain, "partition")) } }
                        td { code { (column.data_type) } }
                        td { (if column.nullable { "yes" } else { "no" }) }
                        @if has_comments { td { (column.comment.as_deref().unwrap_or_default()) } }
                    }
                }
            }
        } }
    }
}

fn first_rows(rows: &Result<Option<RecordBatch>, String>) -> Markup {
    match rows {
        Err(error) => html! { p { (badge(Tone::Bad, "cannot be read")) " " (error) } },
        Ok(None) => html! { p { "The table has no rows." } },
        Ok(Some(batch)) => html! {
            p.quiet { "The first rows of the file that was written last." }
            div.wide tabindex="0" role="region" aria-label="Some rows" { table {
                thead { tr {
                    @for field in batch.schema_ref().fields() { th scope="col" { (field.name()) } }
                } }
                tbody { @for row in value_texts(batch) { tr {
                    @for value in row { td {
                        @match value {
                            Some(text) => (plain_line(&text, MAX_VALUE_CHARS)),
                            None => span.quiet { "NULL" },
                        }
                    } }
                } } }
            } }
        },
    }
}

/// What the files of a partition hold.
#[derive(Default)]
struct PartitionTotals {
    files: u64,
    bytes: u64,
    /// `None` when the log does not say it of each file.
    rows: Option<u64>,
}

fn partitions(snapshot: &Snapshot) -> Markup {
    let mut totals: BTreeMap<Vec<&str>, PartitionTotals> = BTreeMap::new();
    for file in &snapshot.files {
        let total = totals
            .entry(partition_of(file, &snapshot.partition_by))
            .or_insert_with(|| PartitionTotals {
                rows: Some(0),
                ..PartitionTotals::default()
            });
        total.files += 1;
        total.bytes += file.size;
        total.rows = total.rows.zip(file.num_records()).map(|(a, b)| a + b);
    }
    let hidden = totals.len().saturating_sub(LISTED_PARTITIONS);
    html! {
        div.wide { table {
            thead { tr {
                @for column in &snapshot.partition_by { th scope="col" { (column) } }
                th.number scope="col" { "Rows" }
                th.number scope="col" { "Files" }
                th.number scope="col" { "Size" }
            } }
            tbody { @for (values, total) in totals.iter().rev().take(LISTED_PARTITIONS) { tr {
                @for value in values { td { (plain_line(value, MAX_VALUE_CHARS)) } }
                td.number { (total.rows.map_or_else(|| "–".to_owned(), group_thousands)) }
                td.number { (group_thousands(total.files)) }
                td.number { (format_bytes(total.bytes)) }
            } } }
        } }
        @if hidden > 0 { p.quiet { "… and " (format_count(hidden as u64, "other partition")) } }
    }
}

fn partition_of<'a>(file: &'a ActiveFile, columns: &[String]) -> Vec<&'a str> {
    let value = |column: &String| file.partition_values.get(column)?.as_deref();
    columns
        .iter()
        .map(|column| value(column).unwrap_or("NULL"))
        .collect()
}

fn commits(table: &CommittedTable, jobs: &[Arc<Job>], root: &str, now_ms: i64) -> Markup {
    let commits = jobs.iter().flat_map(|job| {
        let datasets = job.datasets.iter().filter(|dataset| {
            dataset.location == table.dataset.location && dataset.phase() == DatasetPhase::Committed
        });
        datasets.map(move |dataset| (job, dataset))
    });
    html! {
        div.wide { table {
            thead { tr {
                th.number scope="col" { "Version" }
                th.number scope="col" { "Rows written" }
                th.number scope="col" { "Files written" }
                th.number scope="col" { "Size written" }
                th scope="col" { "Committed" }
                th scope="col" { "By job" }
            } }
            tbody { @for (job, dataset) in commits.take(LISTED_COMMITS) { tr {
                td.number { (dataset.version.map_or_else(|| "–".to_owned(), |version| version.to_string())) }
                td.number { (group_thousands(dataset.rows)) }
                td.number { (group_thousands(dataset.files)) }
                td.number { (format_bytes(dataset.bytes)) }
                td.time { (moment(committed_ms(job), now_ms)) }
                td { (job_link(root, job)) }
            } } }
        } }
    }
}
