//! The web pages: HTML from jobs, executors and tables.
//!
//! Everything here is pure. `server::web` reads the state, serves what these
//! functions give, and pushes a page's content again when it changes. All links
//! are relative, so that the pages also work below a path of a reverse proxy, and
//! no page needs a script: without one it reloads itself.

mod assets;
mod charts;
mod comparison;
mod completeness;
mod executors;
mod graph;
mod job;
mod job_text;
mod jobs;
mod landing;
mod layout;
mod log;
mod overview;
mod parts;
mod stages;
mod table;
mod tables;
mod timeline;

pub(crate) use assets::find_asset;
pub(crate) use executors::executors_page;
pub(crate) use job::{JobView, job_page};
pub(crate) use jobs::{JobList, jobs_page, usual_durations};
pub(crate) use landing::{Landed, LandedResult, Reject, landing_page, source_folders};
pub(crate) use layout::{Frame, Page, message_page};
pub(crate) use log::{JOB_PAGE_LINES, LOG_PAGE_LINES, log_lines, log_page};
pub(crate) use overview::{CapacitySample, Overview, overview_page};
pub(crate) use stages::stages_page;
pub(crate) use table::{TableContent, TableResult, table_page};
pub(crate) use tables::{committed_tables, tables_page};

#[cfg(test)]
mod tests;
