//! What the steps of a job have produced.

use std::any::Any;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use datafusion::catalog::default_table_source::{provider_as_source, source_as_provider};
use datafusion::common::tree_node::Transformed;
use datafusion::error::Result;
use datafusion::logical_expr::{LogicalPlan, TableSource};
use sluice_gold::DataFile;

use super::changed_files::ChangedFilesTable;
use super::dataset_table::DatasetTable;
use super::group_files::GroupFilesTable;
use super::past_keys::PastKeysTable;
use crate::staged::{DeduplicatedTable, StagedPart, StagedParts, StagedTable};

/// The results of the steps that have finished. A step's physical plan reads the
/// results that its inputs have when the plan is made.
#[derive(Debug, Clone, Default)]
pub struct StepResults {
    /// The parts of staged relations, by step.
    staged: HashMap<usize, StagedParts>,
    /// The files of datasets, by their index in the job.
    written: BTreeMap<usize, Arc<[DataFile]>>,
}

impl StepResults {
    /// Records the parts that a stage step wrote, in place of earlier ones.
    pub fn set_staged(&mut self, step: usize, parts: Vec<StagedPart>) {
        let parts = parts.into_iter().map(Arc::new).collect();
        self.staged.insert(step, parts);
    }

    /// Forgets the parts of a stage step: one of them was lost.
    pub fn remove_staged(&mut self, step: usize) {
        self.staged.remove(&step);
    }

    /// Records the files of a dataset, exactly those that this job will commit.
    pub fn set_written(&mut self, dataset: usize, files: Vec<DataFile>) {
        self.written.insert(dataset, files.into());
    }

    /// The files of every dataset that was written.
    pub fn into_written(self) -> BTreeMap<usize, Arc<[DataFile]>> {
        self.written
    }

    /// The plan with tables that have contents, where this job computes them.
    pub(super) fn fill_tables(&self, plan: &LogicalPlan) -> Result<LogicalPlan> {
        map_tables(
            plan,
            &|table| table.with_parts(self.staged.get(&table.step()).cloned()),
            &|table| table.with_files(self.written.get(&table.dataset()).cloned()),
        )
    }
}

/// The plan as if every table that this job computes had no rows, for planning
/// before anything has run.
pub(super) fn empty_tables(plan: &LogicalPlan) -> Result<LogicalPlan> {
    map_tables(
        plan,
        &|table| table.with_parts(Some(StagedParts::from([]))),
        &|table| table.with_files(Some(Arc::from([]))),
    )
}

/// The plan with what `staged` and `written` make of the tables that this job computes.
pub(super) fn map_tables(
    plan: &LogicalPlan,
    staged: &dyn Fn(&StagedTable) -> StagedTable,
    written: &dyn Fn(&DatasetTable) -> DatasetTable,
) -> Result<LogicalPlan> {
    let mapped = plan
        .clone()
        .transform_up_with_subqueries(|node| match node {
            LogicalPlan::TableScan(mut scan) => {
                let source = mapped_source(&scan.source, staged, written);
                let changed = source.is_some();
                scan.source = source.unwrap_or(scan.source);
                let node = LogicalPlan::TableScan(scan);
                Ok(if changed {
                    Transformed::yes(node)
                } else {
                    Transformed::no(node)
                })
            }
            other => Ok(Transformed::no(other)),
        })?;
    Ok(mapped.data)
}

/// What becomes of a source; `None` for one that this job does not compute.
fn mapped_source(
    source: &Arc<dyn TableSource>,
    staged: &dyn Fn(&StagedTable) -> StagedTable,
    written: &dyn Fn(&DatasetTable) -> DatasetTable,
) -> Option<Arc<dyn TableSource>> {
    let provider = source_as_provider(source).ok()?;
    let any = provider.as_ref() as &dyn Any;
    if let Some(table) = any.downcast_ref::<StagedTable>() {
        return Some(provider_as_source(Arc::new(staged(table))));
    }
    if let Some(table) = any.downcast_ref::<DeduplicatedTable>() {
        return Some(provider_as_source(Arc::new(table.map_tables(staged))));
    }
    if let Some(table) = any.downcast_ref::<PastKeysTable>() {
        return Some(provider_as_source(Arc::new(table.map_staged(staged))));
    }
    if let Some(table) = any.downcast_ref::<ChangedFilesTable>() {
        return Some(provider_as_source(Arc::new(table.map_groups(staged))));
    }
    if let Some(table) = any.downcast_ref::<GroupFilesTable>() {
        return Some(provider_as_source(Arc::new(
            table.map_tables(written, staged),
        )));
    }
    let table = any.downcast_ref::<DatasetTable>()?;
    Some(provider_as_source(Arc::new(written(table))))
}
