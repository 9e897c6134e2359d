//! The commits that a job is about to make.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sluice_gold::{GoldError, GoldTable, GoldTables, PreparedCommit};
use sluice_plans::CutTable;

/// All commits of one job, in the order of its datasets. It is recorded before the
/// first of them is made: a process that finds the record, and no record of the
/// job's end, makes those that are missing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CommitIntent {
    pub(crate) commits: Vec<PreparedCommit>,
    /// The URL of the folder of the tables, whose next cut names their versions.
    /// Records of earlier releases have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) gold: Option<String>,
    /// Streaming tables to which the job adds nothing, at the versions that it has read.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) unchanged: BTreeMap<String, CutTable>,
    /// Whether each commit of a streaming table is made after those of the streaming tables
    /// before it, and those of views after them: rows come from theirs, and a plan of which
    /// a table has rows must not be taken again by the tables before it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) in_order: bool,
}

impl CommitIntent {
    /// The table of each commit.
    pub(crate) fn open_tables(&self, gold: &GoldTables) -> Result<Vec<GoldTable>, GoldError> {
        let commits = self.commits.iter();
        commits.map(|commit| gold.open_prepared(commit)).collect()
    }
}
