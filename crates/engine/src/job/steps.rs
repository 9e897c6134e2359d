//! The planned job and its steps.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use sluice_gold::{DataFile, TableSpec};
use sluice_jobfile::{Diagnostics, SortKey};
use sluice_storage::Location;

use super::changed_files::ReplacedFiles;
use super::view_increments::ViewUpdate;

/// A job that can run: steps in an order in which they may start.
#[derive(Debug)]
pub struct AnalyzedJob {
    /// Each step after those that it waits for.
    pub steps: Vec<Step>,
    /// The tables to commit, in the order of the job file.
    pub datasets: Vec<AnalyzedDataset>,
    /// The names of the datasets that the run leaves as they are.
    pub unchanged: Vec<String>,
    /// The sources that are read.
    pub inputs: Vec<InputSummary>,
    /// Every relation of the job file, for display.
    pub relations: Vec<RelationSummary>,
    /// The folder of the gold tables.
    pub gold: Location,
    pub warnings: Diagnostics,
    /// The session that the plans were made in.
    pub(super) session: SessionState,
}

/// One stage or write of a job.
#[derive(Debug)]
pub struct Step {
    /// The relation that it computes.
    pub name: String,
    pub kind: StepKind,
    /// Indices of the steps that must have finished before.
    pub after: Vec<usize>,
    /// The optimized logical plan.
    pub plan: LogicalPlan,
}

/// What happens to a step's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepKind {
    /// They are staged on the executors for later steps.
    Stage,
    /// They are written to files of a dataset's table.
    Write {
        /// Index in [`AnalyzedJob::datasets`].
        dataset: usize,
    },
    /// They are given to the one who asks.
    Answer,
}

/// A dataset with all that its table needs.
#[derive(Debug, Clone)]
pub struct AnalyzedDataset {
    /// Also the name of its folder.
    pub name: String,
    pub location: Location,
    /// Schema, partitioning and properties of the table.
    pub spec: TableSpec,
    /// The columns that are declared NOT NULL: rows with NULL there fail the job. Tables
    /// themselves allow NULL in all columns.
    pub not_null: Vec<String>,
    /// How rows are ordered in each file.
    pub sort_by: Vec<SortKey>,
    /// The target size of a file, in bytes.
    pub target_file_size: u64,
    /// Whether the run adds rows, instead of replacing them.
    pub is_streaming: bool,
    /// The columns of which it adds only combinations that the table does not have; empty
    /// when it adds all rows.
    pub keys: Vec<String>,
    /// Of a materialized view: whether its rows are the same whenever they are computed
    /// from the same input.
    pub is_repeatable: bool,
    /// Of a materialized view: how its rows follow from those that it had; `None` when
    /// they are computed from all rows.
    pub view_update: Option<ViewUpdate>,
    /// Of a materialized view: whether nothing has changed for it, so that it stays as it
    /// is.
    pub is_up_to_date: bool,
    /// The files that the run removes, when it replaces a part of the table; `None` when it
    /// does not.
    pub replaced_files: Option<ReplacedFiles>,
    /// The files that the table had before, and keeps unless they are replaced.
    pub(super) kept_files: Arc<[DataFile]>,
    /// Whether it is known how many rows those have.
    pub(super) are_rows_known: bool,
}

impl AnalyzedDataset {
    /// Whether it adds only rows whose keys the table does not have.
    pub const fn is_deduplicated(&self) -> bool {
        !self.keys.is_empty()
    }

    /// The rows of the table when the run has written so many to it; `None` when the log
    /// of the table does not count all. Which files are replaced must be decided.
    pub fn count_rows_after(&self, written: u64) -> Option<u64> {
        let replaced = self.replaced_files.as_ref().and_then(ReplacedFiles::paths);
        let replaced: HashSet<&String> = replaced.unwrap_or_default().iter().collect();
        let kept = self.kept_files.iter();
        let kept = kept.filter(|file| !replaced.contains(&file.path));
        let kept: u64 = kept.map(|file| file.stats.num_records).sum();
        self.are_rows_known.then(|| kept.saturating_add(written))
    }
}

/// A source as it was listed, before anything is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputSummary {
    pub name: String,
    pub location: String,
    pub files: u64,
    /// Bytes of all files.
    pub bytes: u64,
}

/// A relation of the job file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelationSummary {
    pub name: String,
    /// `external table`, `view`, `materialized view` or `streaming table`.
    pub kind: &'static str,
    /// The relations that its query reads.
    pub depends_on: Vec<String>,
    /// Whether it is computed once for several readers.
    pub shared: bool,
    /// Name, type in the job language, and whether it may be null.
    pub columns: Vec<(String, String, bool)>,
    /// Of a dataset: what the run does with it.
    pub refresh: Option<RefreshSummary>,
}

/// What a run does with a dataset, for display.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshSummary {
    /// `incremental`, `full` or `none`.
    pub kind: &'static str,
    pub reason: String,
}

/// Name, type in the job language and nullability of each column.
pub(super) fn describe_columns(schema: &SchemaRef) -> Vec<(String, String, bool)> {
    schema
        .fields()
        .iter()
        .map(|field| {
            (
                field.name().clone(),
                super::arrow_types::sql_type(field.data_type()),
                field.is_nullable(),
            )
        })
        .collect()
}
