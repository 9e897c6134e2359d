//! The result of planning a job.

use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use sluice_gold::TableSpec;
use sluice_jobfile::{Diagnostics, SortKey};
use sluice_storage::Location;

use super::dataset::DatasetSlot;
use crate::staged::StagedSlot;

/// A job that can run: steps in an order in which they may start.
#[derive(Debug)]
pub struct AnalyzedJob {
    /// Each step behind those that it waits for.
    pub steps: Vec<Step>,
    /// The tables to commit, in the order of the job file.
    pub datasets: Vec<AnalyzedDataset>,
    /// What is read.
    pub inputs: Vec<InputSummary>,
    /// Every relation of the job file, for people.
    pub relations: Vec<RelationSummary>,
    /// The folder of the gold tables.
    pub gold: Location,
    /// What is probably not meant.
    pub warnings: Diagnostics,
    /// The session that the plans were made in.
    pub(super) session: SessionState,
}

/// One unit of work.
#[derive(Debug)]
pub struct Step {
    /// The relation that it computes.
    pub name: String,
    /// What becomes of the rows.
    pub kind: StepKind,
    /// Indices of the steps that must have ended.
    pub after: Vec<usize>,
    /// What it computes, optimized.
    pub plan: LogicalPlan,
}

/// What becomes of a step's rows.
#[derive(Debug, Clone)]
pub enum StepKind {
    /// They are kept on the executors for later steps.
    Stage {
        /// Where the step's parts go.
        slot: Arc<StagedSlot>,
    },
    /// They become files of a dataset's table.
    Write {
        /// Index in [`AnalyzedJob::datasets`].
        dataset: usize,
    },
}

/// A dataset with all that its table needs.
#[derive(Debug, Clone)]
pub struct AnalyzedDataset {
    /// Its name, also its folder's.
    pub name: String,
    /// Where its table lies.
    pub location: Location,
    /// Schema, partitioning and properties of the table.
    pub spec: TableSpec,
    /// How rows are ordered in each file.
    pub sort_by: Vec<SortKey>,
    /// The size of a file to aim at, in bytes.
    pub target_file_size: u64,
    /// Where its files go for the datasets that read it.
    pub slot: Arc<DatasetSlot>,
}

/// What one source is, before anything is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputSummary {
    /// As the job file names it.
    pub name: String,
    /// Where it is.
    pub location: String,
    /// How many files it has.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// A relation of the job file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelationSummary {
    /// Its name.
    pub name: String,
    /// `external table`, `view` or `materialized view`.
    pub kind: &'static str,
    /// What its query reads.
    pub depends_on: Vec<String>,
    /// Whether it is computed once for several readers.
    pub shared: bool,
    /// Name, type as the job language writes it, and whether it may be null.
    pub columns: Vec<(String, String, bool)>,
}

impl AnalyzedJob {
    /// All steps that need the rows of `step`, directly or through others, in
    /// order.
    pub fn dependents(&self, step: usize) -> Vec<usize> {
        let mut affected = vec![false; self.steps.len()];
        if let Some(first) = affected.get_mut(step) {
            *first = true;
        }
        for (index, candidate) in self.steps.iter().enumerate() {
            if candidate
                .after
                .iter()
                .any(|earlier| affected.get(*earlier) == Some(&true))
            {
                affected[index] = true;
            }
        }
        (0..self.steps.len())
            .filter(|index| *index != step && affected[*index])
            .collect()
    }
}

/// The schema of a table and the order of its columns.
pub(super) fn describe(schema: &SchemaRef) -> Vec<(String, String, bool)> {
    schema
        .fields()
        .iter()
        .map(|field| {
            (
                field.name().clone(),
                super::types::sql_type(field.data_type()),
                field.is_nullable(),
            )
        })
        .collect()
}
