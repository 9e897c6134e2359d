//! Joins small landed files into larger ones (`docs/adr/0013-joined-landing-files.md`).
//!
//! `span` chooses landing entries, `write` makes a joined file of their files, `append`
//! records it, and `delete` deletes small files whose bytes are safe in a joined file,
//! which `check` compares with what has landed.

mod append;
pub(crate) mod check;
mod delete;
mod span;
mod write;

use chrono::{TimeDelta, Utc};
use serde::Serialize;
use sluice_landing::{LandingEntry, TopicLanding};
use sluice_ledger::Entry;

use crate::IngestError;

/// Which files are joined, and when the small ones are deleted.
#[derive(Debug, Clone, Copy)]
pub struct JoinOptions {
    /// A joined file of rows is ended when it has this many bytes.
    pub target_bytes: u64,
    /// Fewer files are not worth being joined.
    pub min_files: usize,
    /// How old an entry is before its files are joined.
    pub min_age: TimeDelta,
    /// How long the small files stay after they were joined. Jobs that had listed them
    /// before must have ended.
    pub keep: TimeDelta,
}

/// What was done for a topic.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct JoinReport {
    /// Joined files that were made, rejects included.
    pub joined_files: u64,
    /// Small files that they are made of.
    pub parts: u64,
    /// Bytes of the joined files.
    pub bytes: u64,
    /// Small files that were deleted.
    pub deleted: u64,
}

/// Joins the small files of a topic, and deletes those that were joined before.
///
/// May run at the same time as ingest, readers, and other processes that join.
///
/// # Errors
/// When a folder or ledger cannot be read or written, or when files do not match their
/// ledger: then nothing is deleted of them.
pub async fn join_topic(
    landing: &TopicLanding,
    newest: &Entry<LandingEntry>,
    options: &JoinOptions,
) -> Result<JoinReport, IngestError> {
    let mut report = JoinReport::default();
    append::join_entries(landing, newest, options, &mut report).await?;
    let latest = Utc::now() - options.keep;
    report.deleted = delete::delete_joined(landing, &newest.body.topic, latest).await?;
    Ok(report)
}

#[cfg(test)]
mod tests;
