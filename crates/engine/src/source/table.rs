//! A landing source as a table.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, Statistics};
use datafusion::datasource::TableType;
use datafusion::datasource::physical_plan::FileScanConfigBuilder;
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::Result;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::ExecutionPlan;

use super::groups::{InputFile, group_files};
use super::{NdjsonFormat, NdjsonOptions, POSITION_COLUMN};
use crate::scan;

/// Newline-delimited JSON files that are already listed, with a declared schema.
///
/// When broken lines are kept (mode permissive), queries see every column as
/// nullable, whatever was declared.
#[derive(Debug, Clone)]
pub struct NdjsonTable {
    declared: SchemaRef,
    schema: SchemaRef,
    store: ObjectStoreUrl,
    files: Arc<[InputFile]>,
    options: Arc<NdjsonOptions>,
}

impl NdjsonTable {
    /// A table of `files`, sorted by path, in `store`.
    pub fn new(
        declared: SchemaRef,
        store: ObjectStoreUrl,
        files: Arc<[InputFile]>,
        options: Arc<NdjsonOptions>,
    ) -> Self {
        let schema = options.output_schema(&declared);
        Self {
            declared,
            schema,
            store,
            files,
            options,
        }
    }

    /// The columns as they were declared.
    pub fn declared_schema(&self) -> &SchemaRef {
        &self.declared
    }

    /// The same table with fewer declared columns or nested fields.
    pub fn with_declared(&self, declared: SchemaRef) -> Self {
        Self {
            schema: self.options.output_schema(&declared),
            declared,
            ..self.clone()
        }
    }

    /// The same table with [`POSITION_COLUMN`] as its last column.
    pub fn with_position(&self) -> Self {
        let mut fields: Vec<_> = self.declared.fields().iter().cloned().collect();
        fields.push(Arc::new(Field::new(
            POSITION_COLUMN,
            DataType::UInt64,
            false,
        )));
        self.with_declared(Arc::new(Schema::new_with_metadata(
            fields,
            self.declared.metadata().clone(),
        )))
    }

    /// Whether [`POSITION_COLUMN`] is among its columns.
    pub fn has_position(&self) -> bool {
        self.schema.field_with_name(POSITION_COLUMN).is_ok()
    }

    pub fn total_bytes(&self) -> u64 {
        self.files.iter().map(|file| file.meta.size).sum()
    }

    /// The files, sorted by path.
    pub fn files(&self) -> &[InputFile] {
        &self.files
    }
}

#[async_trait]
impl TableProvider for NdjsonTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn statistics(&self) -> Option<Statistics> {
        Some(self.estimated_statistics())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let groups = group_files(&self.files, state.config().target_partitions());
        if groups.is_empty() {
            return scan::empty_scan(&self.schema, projection);
        }
        let source = Arc::new(NdjsonFormat::new_source(
            Arc::clone(&self.declared),
            Arc::clone(&self.options),
        ));
        let config = FileScanConfigBuilder::new(self.store.clone(), source)
            .with_file_groups(groups)
            .with_statistics(self.estimated_statistics())
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}

impl NdjsonTable {
    /// The bytes are known, the rows are not. That is enough for a join to build
    /// on the smaller side, and cannot be mistaken for a row count.
    fn estimated_statistics(&self) -> Statistics {
        Statistics {
            num_rows: Precision::Absent,
            total_byte_size: usize::try_from(self.total_bytes())
                .map_or(Precision::Absent, Precision::Inexact),
            column_statistics: vec![ColumnStatistics::new_unknown(); self.schema.fields().len()],
        }
    }
}
