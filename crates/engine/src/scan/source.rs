//! A [`FileSource`] whose files are read column by column.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::physical_plan::{FileOpener, FileScanConfig, FileSource};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::Result;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::projection::ProjectionExprs;
use datafusion::physical_plan::DisplayFormatType;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use object_store::ObjectStore;

use super::ColumnProjection;

/// What is specific to one file format.
pub(crate) trait ColumnFormat: fmt::Debug + Clone + Send + Sync + 'static {
    /// The name in displayed plans.
    const FILE_TYPE: &'static str;

    /// The opener for the files of one partition.
    fn create_opener(
        &self,
        scan: &PartitionScan<'_>,
        store: Arc<dyn ObjectStore>,
        config: &FileScanConfig,
    ) -> Result<Arc<dyn FileOpener>>;

    /// Further details in displayed plans.
    fn write_details(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

/// What an opener needs to know of the partition of a scan.
pub(crate) struct PartitionScan<'a> {
    /// The columns of the table.
    pub(crate) table: &'a SchemaRef,
    /// The columns that the scan returns.
    pub(crate) projection: &'a ColumnProjection,
    pub(crate) metrics: &'a ExecutionPlanMetricsSet,
    pub(crate) partition: usize,
}

/// Files of one format. It accepts only projections that pick columns.
#[derive(Debug, Clone)]
pub(crate) struct ColumnSource<F> {
    pub(crate) format: F,
    pub(crate) projection: ColumnProjection,
    table_schema: TableSchema,
    metrics: ExecutionPlanMetricsSet,
}

impl<F: ColumnFormat> ColumnSource<F> {
    /// A source of all columns of `table`.
    pub(crate) fn new(table: SchemaRef, format: F) -> Self {
        Self {
            format,
            projection: ColumnProjection::all_columns(&table),
            table_schema: TableSchema::from(table),
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }

    /// The same source with only the columns of `projection`.
    pub(crate) fn with_projection(mut self, projection: ColumnProjection) -> Self {
        self.projection = projection;
        self
    }
}

impl<F: ColumnFormat> FileSource for ColumnSource<F> {
    fn create_file_opener(
        &self,
        store: Arc<dyn ObjectStore>,
        config: &FileScanConfig,
        partition: usize,
    ) -> Result<Arc<dyn FileOpener>> {
        let scan = PartitionScan {
            table: self.table_schema.file_schema(),
            projection: &self.projection,
            metrics: &self.metrics,
            partition,
        };
        self.format.create_opener(&scan, store, config)
    }

    fn table_schema(&self) -> &TableSchema {
        &self.table_schema
    }

    /// Batches are as large as the reader of the format makes them.
    fn with_batch_size(&self, _: usize) -> Arc<dyn FileSource> {
        Arc::new(self.clone())
    }

    fn projection(&self) -> Option<&ProjectionExprs> {
        Some(self.projection.exprs())
    }

    fn try_pushdown_projection(
        &self,
        projection: &ProjectionExprs,
    ) -> Result<Option<Arc<dyn FileSource>>> {
        Ok(self
            .projection
            .merge_projection(projection)?
            .map(|projection| {
                Arc::new(self.clone().with_projection(projection)) as Arc<dyn FileSource>
            }))
    }

    fn metrics(&self) -> &ExecutionPlanMetricsSet {
        &self.metrics
    }

    fn file_type(&self) -> &str {
        F::FILE_TYPE
    }

    fn fmt_extra(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.format.write_details(f)
    }

    /// Files are divided when the table is scanned, never afterwards.
    fn supports_repartitioning(&self) -> bool {
        false
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.projection.apply_to_exprs(f)
    }
}
