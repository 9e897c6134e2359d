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

use super::file_metadata::metadata_field;
use super::groups::{InputFile, group_files};
use super::{METADATA_COLUMN, NdjsonFormat, NdjsonOptions, POSITION_COLUMN};
use crate::scan;

/// Files of JSON or CSV that are already listed, with a declared schema. (The name is
/// older than the second format.)
///
/// When broken lines are kept (mode permissive), queries see every column as
/// nullable, whatever was declared.
#[derive(Debug, Clone)]
pub struct NdjsonTable {
    /// The columns of the table; nested types may be narrower than declared.
    columns: SchemaRef,
    /// All columns as they were declared, by which every line is judged.
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
            columns: Arc::clone(&declared),
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

    /// The same table with these columns: the declared ones, or fewer, or with
    /// fewer nested fields. Lines are judged by the declared ones all the same.
    pub fn with_columns(&self, columns: SchemaRef) -> Self {
        Self {
            schema: self.options.output_schema(&columns),
            columns,
            ..self.clone()
        }
    }

    /// The same table with [`POSITION_COLUMN`] as its last column.
    pub fn with_position(&self) -> Self {
        let position = Field::new(POSITION_COLUMN, DataType::UInt64, false);
        self.with_columns(append_field(&self.columns, position))
    }

    /// The same table with `_metadata` as its last column.
    pub(crate) fn with_metadata(&self) -> Self {
        self.with_columns(append_field(&self.columns, metadata_field()))
    }

    /// The declared columns, and `_metadata` when the table has it, with all of their
    /// fields.
    pub(crate) fn unnarrowed_columns(&self) -> SchemaRef {
        let is_declared = self.declared.field_with_name(METADATA_COLUMN).is_ok();
        match self.columns.field_with_name(METADATA_COLUMN) {
            Ok(_) if !is_declared => append_field(&self.declared, metadata_field()),
            _ => Arc::clone(&self.declared),
        }
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

fn append_field(columns: &Schema, field: Field) -> SchemaRef {
    let mut fields: Vec<_> = columns.fields().iter().cloned().collect();
    fields.push(Arc::new(field));
    let metadata = columns.metadata().clone();
    Arc::new(Schema::new_with_metadata(fields, metadata))
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
            Arc::clone(&self.columns),
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
