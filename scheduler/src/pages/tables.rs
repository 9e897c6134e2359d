//! Gold tables, as the jobs of this scheduler committed them.

use std::collections::BTreeMap;
use std::sync::Arc;

use maud::{Markup, html};
use sha2::{Digest as _, Sha256};
use sluice_proto::v1::{DatasetPhase, DatasetResult, Job};
use sluice_service::format::{format_bytes, group_thousands};

use super::layout::Page;
use super::parts::{job_link, moment};

/// The latest commit to a table.
pub(crate) struct CommittedTable {
    pub(crate) dataset: DatasetResult,
    pub(crate) job: Arc<Job>,
}

impl CommittedTable {
    /// Names the table in links: its location has a hash of its own, for good.
    pub(crate) fn id(&self) -> String {
        let hash = Sha256::digest(&self.dataset.location);
        hash.iter()
            .take(6)
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    pub(super) fn link(&self, root: &str) -> Markup {
        html! { a href={ (root) "tables/" (self.id()) } { (self.dataset.name) } }
    }
}

/// The latest commit to each table that one of `jobs` made, by location. `jobs`
/// are the newest first.
pub(crate) fn committed_tables(jobs: &[Arc<Job>]) -> Vec<CommittedTable> {
    let mut tables: BTreeMap<&str, CommittedTable> = BTreeMap::new();
    for job in jobs {
        for dataset in &job.datasets {
            if dataset.phase() != DatasetPhase::Committed {
                continue;
            }
            let is_commit = tables
                .get(dataset.location.as_str())
                .is_none_or(|known| is_later_commit(dataset, &known.dataset));
            if is_commit {
                let table = CommittedTable {
                    dataset: dataset.clone(),
                    job: Arc::clone(job),
                };
                tables.insert(&dataset.location, table);
            }
        }
    }
    tables.into_values().collect()
}

/// Whether `dataset` is a later commit than `known`, or the one whose version a job
/// that had nothing to add has found.
fn is_later_commit(dataset: &DatasetResult, known: &DatasetResult) -> bool {
    known.version < dataset.version || (known.version == dataset.version && known.files == 0)
}

pub(crate) fn tables_page(tables: &[CommittedTable], root: &str, now_ms: i64) -> Page {
    Page {
        title: "Tables".to_owned(),
        section: "tables",
        main: html! {
            h1 { "Tables" }
            section.card #tables data-live {
                @if tables.is_empty() {
                    p { "No job of this scheduler has committed a table." }
                } @else {
                    div.wide { table {
                        thead { tr {
                            th scope="col" { "Table" }
                            th.number scope="col" { "Version" }
                            th.number scope="col" { "Rows" }
                            th.number scope="col" { "Rows written" }
                            th.number scope="col" { "Files written" }
                            th.number scope="col" { "Size written" }
                            th scope="col" { "Committed" }
                            th scope="col" { "By job" }
                            th scope="col" { "Location" }
                        } }
                        tbody {
                            @for table in tables {
                                tr {
                                    th scope="row" { (table.link(root)) }
                                    td.number { (table.dataset.version.map_or_else(|| "–".to_owned(), |version| version.to_string())) }
                                    td.number { (table.dataset.table_rows.map_or_else(|| "–".to_owned(), group_thousands)) }
                                    td.number { (group_thousands(table.dataset.rows)) }
                                    td.number { (group_thousands(table.dataset.files)) }
                                    td.number { (format_bytes(table.dataset.bytes)) }
                                    td.time { (moment(committed_ms(&table.job), now_ms)) }
                                    td { (job_link(root, &table.job)) }
                                    td { code { (table.dataset.location) } }
                                }
                            }
                        }
                    } }
                }
            }
        },
    }
}

/// When a job committed: at its end, or now.
pub(super) fn committed_ms(job: &Job) -> i64 {
    if job.ended_ms > 0 {
        job.ended_ms
    } else {
        job.started_ms
    }
}
