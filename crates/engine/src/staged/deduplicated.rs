//! The rows of a deduplication without the duplicates.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DFSchema, JoinType, NullEquality, Statistics};
use datafusion::datasource::TableType;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{Expr, col};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::filter::FilterExecBuilder;
use datafusion::physical_plan::joins::{HashJoinExec, PartitionMode};
use datafusion::physical_plan::{ExecutionPlan, PhysicalExpr};

use super::source::read_row_ids;
use super::table::StagedTable;
use crate::dedup::{ROW_ID, row_kept};

/// Up to this many ids of duplicates are sent in the plan, 8 bytes each; more are
/// joined on the executors.
const MAX_LISTED_IDS: u64 = 100_000;

/// Staged rows of which some are dropped by their ids. It has the columns of the
/// rows, ids included.
///
/// How the duplicates are dropped is decided when the scan is planned, because
/// only then their number is known.
#[derive(Debug, Clone)]
pub struct DeduplicatedTable {
    rows: Arc<StagedTable>,
    duplicates: Arc<StagedTable>,
    max_listed: u64,
}

impl DeduplicatedTable {
    /// `rows` without those whose [`ROW_ID`] is in `duplicates`, which has only
    /// that column.
    pub fn new(rows: Arc<StagedTable>, duplicates: Arc<StagedTable>) -> Self {
        Self {
            rows,
            duplicates,
            max_listed: MAX_LISTED_IDS,
        }
    }

    /// The rows before duplicates are dropped.
    pub(crate) fn rows(&self) -> &StagedTable {
        &self.rows
    }

    /// Drops the same duplicates from a narrower table of the same rows.
    pub fn with_rows(&self, rows: Arc<StagedTable>) -> Self {
        Self {
            rows,
            duplicates: Arc::clone(&self.duplicates),
            max_listed: self.max_listed,
        }
    }

    /// The same deduplication over other versions of both tables.
    pub(crate) fn map_tables(&self, map: impl Fn(&StagedTable) -> StagedTable) -> Self {
        Self {
            rows: Arc::new(map(&self.rows)),
            duplicates: Arc::new(map(&self.duplicates)),
            max_listed: self.max_listed,
        }
    }

    #[cfg(test)]
    pub(super) fn with_max_listed(mut self, max_listed: u64) -> Self {
        self.max_listed = max_listed;
        self
    }
}

#[async_trait]
impl TableProvider for DeduplicatedTable {
    fn schema(&self) -> SchemaRef {
        self.rows.schema()
    }

    fn statistics(&self) -> Option<Statistics> {
        self.rows.statistics().map(Statistics::to_inexact)
    }

    fn table_type(&self) -> TableType {
        TableType::Temporary
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        _: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let parts = self.duplicates.parts().ok_or_else(|| {
            DataFusionError::Internal("rows are read before their duplicates were found".to_owned())
        })?;
        let count: u64 = parts.iter().map(|part| part.rows).sum();
        if count == 0 {
            return self.rows.scan(state, projection, &[], None).await;
        }
        // Below the filter, the id is the last column unless it is read anyway.
        let schema = self.rows.schema();
        let number = schema.index_of(ROW_ID)?;
        let wanted: Vec<usize> = projection
            .cloned()
            .unwrap_or_else(|| (0..schema.fields().len()).collect());
        let mut below = wanted.clone();
        let at = wanted
            .iter()
            .position(|index| *index == number)
            .unwrap_or_else(|| {
                below.push(number);
                wanted.len()
            });
        let rows = self.rows.scan(state, Some(&below), &[], None).await?;
        let output: Vec<usize> = (0..wanted.len()).collect();
        if count <= self.max_listed {
            let dropped = read_row_ids(&self.duplicates.schema(), parts).await?;
            let below = DFSchema::try_from(rows.schema().as_ref().clone())?;
            let predicate = state.create_physical_expr(row_kept(col(ROW_ID), &dropped), &below)?;
            let filter = FilterExecBuilder::new(predicate, rows)
                .apply_projection(Some(output))?
                .build()?;
            return Ok(Arc::new(filter));
        }
        let duplicates = self.duplicates.scan(state, None, &[], None).await?;
        let on: (Arc<dyn PhysicalExpr>, Arc<dyn PhysicalExpr>) = (
            Arc::new(Column::new(ROW_ID, 0)),
            Arc::new(Column::new(ROW_ID, at)),
        );
        let join = HashJoinExec::try_new(
            Arc::new(CoalescePartitionsExec::new(duplicates)),
            rows,
            vec![on],
            None,
            &JoinType::RightAnti,
            Some(output),
            PartitionMode::CollectLeft,
            NullEquality::NullEqualsNothing,
            false,
        )?;
        Ok(Arc::new(join))
    }
}
