//! The files of a streaming table that may have rows of the groups of a run.
//!
//! When groups of a view are computed again, their rows are found by their keys. A key
//! that is a column of a table, or the day of one, says which of its files need not be
//! read. Which they are is known when the keys are computed, that is, when the step that
//! reads the table is planned.

use std::any::Any;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::catalog::default_table_source::{provider_as_source, source_as_provider};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{JoinType, Statistics, TableReference};
use datafusion::datasource::TableType;
use datafusion::error::Result;
use datafusion::logical_expr::logical_plan::TableScan;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder};
use datafusion::physical_plan::ExecutionPlan;

use super::analyze::Analysis;
use super::dataset_table::DatasetTable;
use super::key_ranges::{GroupRanges, KeyColumn, may_have_groups};
use crate::staged::StagedTable;

/// A dataset of which only files are read that may have rows of some groups.
#[derive(Debug, Clone)]
pub(super) struct GroupFilesTable {
    table: DatasetTable,
    groups: GroupRanges,
}

impl GroupFilesTable {
    /// The same table with other versions of the dataset and of the groups.
    pub(super) fn map_tables(
        &self,
        dataset: impl Fn(&DatasetTable) -> DatasetTable,
        groups: impl Fn(&StagedTable) -> StagedTable,
    ) -> Self {
        Self {
            table: dataset(&self.table),
            groups: self.groups.map_groups(groups),
        }
    }
}

#[async_trait]
impl TableProvider for GroupFilesTable {
    fn schema(&self) -> SchemaRef {
        self.table.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    /// What is read when no file is left out.
    fn statistics(&self) -> Option<Statistics> {
        self.table.statistics()
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let ranges = self.groups.read_ranges().await?;
        let schema = self.table.schema();
        let (table, left_out) =
            (self.table).with_read(|file| may_have_groups(file, ranges.as_deref(), &schema));
        tracing::debug!(left_out, "files without rows of the groups are not read");
        table.scan(state, projection, filters, limit).await
    }
}

impl Analysis<'_> {
    /// The same plan, for which files without rows of the groups are not read. `values`:
    /// what the keys of the groups are in it, by the names of their columns in `groups`;
    /// `name` distinguishes the tables of several such plans.
    pub(super) fn skip_files_without_groups(
        &mut self,
        plan: LogicalPlan,
        values: &[(String, Expr)],
        groups: &Arc<StagedTable>,
        name: &str,
    ) -> Result<LogicalPlan> {
        let mut scans: Vec<(TableReference, DatasetTable, Vec<KeyColumn>)> = Vec::new();
        for (of_groups, value) in values {
            let Some((scan, of_table, is_day_of)) = find_column(&plan, value) else {
                continue;
            };
            let Some(table) = dataset_of(scan).filter(|_| is_read_once(&plan, scan)) else {
                continue;
            };
            let key = KeyColumn {
                of_table,
                of_groups: of_groups.clone(),
                is_day_of,
            };
            match scans
                .iter_mut()
                .find(|(known, ..)| *known == scan.table_name)
            {
                Some((_, _, keys)) => keys.push(key),
                None => scans.push((scan.table_name.clone(), table, vec![key])),
            }
        }
        let mut plan = plan;
        for (table_name, table, keys) in scans {
            let alias = format!("{} of {name}", table_name.table());
            if let Some(step) = self.producers.rows_step(table_name.table()) {
                self.producers.insert(&alias, step);
            }
            let read = GroupFilesTable {
                table,
                groups: GroupRanges::new(keys, Arc::clone(groups)),
            };
            plan = replace_scan(plan, &table_name, &alias, read)?;
        }
        Ok(plan)
    }
}

/// The scan whose column has the values of an expression in every row of the plan, the
/// name of the column, and whether the values are its days.
fn find_column<'a>(plan: &'a LogicalPlan, value: &Expr) -> Option<(&'a TableScan, String, bool)> {
    let column = match value {
        Expr::Alias(alias) => return find_column(plan, &alias.expr),
        Expr::Column(column) => column,
        _ => {
            let time = time_of_day(plan, value)?;
            let (scan, column, is_day_of) = find_column(plan, time)?;
            return (!is_day_of).then_some((scan, column, true));
        }
    };
    let index = plan.schema().maybe_index_of_column(column)?;
    let below = |input: &'a LogicalPlan, index: usize| {
        let column = input.schema().columns().get(index).cloned()?;
        find_column(input, &Expr::Column(column))
    };
    match plan {
        LogicalPlan::TableScan(scan) => Some((scan, column.name.clone(), false)),
        LogicalPlan::SubqueryAlias(node) => below(&node.input, index),
        LogicalPlan::Filter(node) => below(&node.input, index),
        LogicalPlan::Sort(node) if node.fetch.is_none() => below(&node.input, index),
        LogicalPlan::Projection(node) => find_column(&node.input, node.expr.get(index)?),
        // Rows of the other side that meet none of these rows are in an outer join's result.
        LogicalPlan::Join(node) => {
            let left = node.left.schema().fields().len();
            match node.join_type {
                JoinType::Inner if index >= left => below(&node.right, index - left),
                JoinType::Inner | JoinType::Left | JoinType::LeftSemi | JoinType::LeftAnti
                    if index < left =>
                {
                    below(&node.left, index)
                }
                _ => None,
            }
        }
        _ => None,
    }
}

/// The time of which an expression is the day.
fn time_of_day<'a>(plan: &LogicalPlan, value: &'a Expr) -> Option<&'a Expr> {
    let time = match value {
        Expr::Cast(cast) if *cast.field.data_type() == DataType::Date32 => cast.expr.as_ref(),
        Expr::ScalarFunction(call) if call.func.name() == "to_date" => match &call.args[..] {
            [time] => time,
            _ => return None,
        },
        _ => return None,
    };
    let data_type = time.get_type(plan.schema()).ok()?;
    matches!(data_type, DataType::Timestamp(..)).then_some(time)
}

/// The dataset that a scan reads whole.
fn dataset_of(scan: &TableScan) -> Option<DatasetTable> {
    let is_whole = scan.projection.is_none() && scan.filters.is_empty() && scan.fetch.is_none();
    let provider = source_as_provider(&scan.source).ok().filter(|_| is_whole)?;
    let any = provider.as_ref() as &dyn Any;
    any.downcast_ref::<DatasetTable>().cloned()
}

/// Whether no other scan of the plan reads the same table.
fn is_read_once(plan: &LogicalPlan, scan: &TableScan) -> bool {
    let mut count = 0;
    let walked = plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(other) = node {
            count += usize::from(other.table_name == scan.table_name);
        }
        Ok(TreeNodeRecursion::Continue)
    });
    walked.is_ok() && count == 1
}

/// The plan with another table in place of a scan. Tables are known by their names, so
/// it has one of its own.
fn replace_scan(
    plan: LogicalPlan,
    table_name: &TableReference,
    alias: &str,
    table: GroupFilesTable,
) -> Result<LogicalPlan> {
    let source = provider_as_source(Arc::new(table));
    let replaced = plan.transform_down(|node| match &node {
        LogicalPlan::TableScan(scan) if scan.table_name == *table_name => {
            let scan =
                LogicalPlanBuilder::scan(TableReference::bare(alias), Arc::clone(&source), None)?;
            let scan = scan.alias(table_name.clone())?.build()?;
            Ok(Transformed::new(scan, true, TreeNodeRecursion::Jump))
        }
        _ => Ok(Transformed::no(node)),
    })?;
    Ok(replaced.data)
}

#[cfg(test)]
mod tests;
