//! A dataset as a table for the datasets that read it.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{Field, FieldRef, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, ScalarValue, Statistics};
use datafusion::config::TableParquetOptions;
use datafusion::datasource::TableType;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::ExecutionPlan;
use object_store::path::Path;
use sluice_gold::DataFile;
use url::Url;

use crate::scan;

/// Reads what this run wrote for a dataset, before it is committed: exactly the
/// rows that the commit will add to the table.
#[derive(Debug, Clone)]
pub(super) struct DatasetTable {
    name: String,
    dataset: usize,
    root: Url,
    schema: SchemaRef,
    partition_by: Vec<String>,
    /// `None` until the dataset is written.
    files: Option<Arc<[DataFile]>>,
}

impl DatasetTable {
    /// The dataset `name`, number `dataset` of the job, with its table at `root`.
    /// `schema` is the schema of its files with the partition columns at their
    /// positions in the query.
    pub(super) fn new(
        name: impl Into<String>,
        dataset: usize,
        root: Url,
        schema: SchemaRef,
        partition_by: Vec<String>,
    ) -> Self {
        Self {
            name: name.into(),
            dataset,
            root,
            schema,
            partition_by,
            files: None,
        }
    }

    pub(super) fn dataset(&self) -> usize {
        self.dataset
    }

    /// The same dataset with these files.
    pub(super) fn with_files(&self, files: Option<Arc<[DataFile]>>) -> Self {
        Self {
            files,
            ..self.clone()
        }
    }

    fn partition_fields(&self) -> Result<Vec<FieldRef>> {
        self.partition_by
            .iter()
            .map(|name| Ok(Arc::new(self.schema.field_with_name(name)?.clone())))
            .collect()
    }

    fn partitioned_file(&self, file: &DataFile, fields: &[FieldRef]) -> Result<PartitionedFile> {
        // The root is a URL, but a file's path is in the store's form, in which
        // the folder of a partition may itself hold `%`.
        let path = Path::from_url_path(self.root.path())
            .and_then(|root| Path::parse(format!("{root}/{}", file.path)))
            .map_err(|e| DataFusionError::External(Box::new(e)))?;
        let values = fields
            .iter()
            .map(|field| partition_value(file, field))
            .collect::<Result<_>>()?;
        Ok(PartitionedFile::new(String::new(), file.size).with_partition_values(values)).map(
            |mut partitioned| {
                partitioned.object_meta.location = path;
                partitioned
            },
        )
    }
}

/// The value of a partition column, as the file's folder names it.
fn partition_value(file: &DataFile, field: &Field) -> Result<ScalarValue> {
    let value = file
        .partition_values
        .iter()
        .find(|(name, _)| name == field.name());
    match value.and_then(|(_, value)| value.as_deref()) {
        Some(text) => ScalarValue::try_from_string(text.to_owned(), field.data_type()),
        None => ScalarValue::try_from(field.data_type()),
    }
}

#[async_trait]
impl TableProvider for DatasetTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let files = self.files.as_ref().ok_or_else(|| {
            DataFusionError::Internal(format!(
                "dataset {} is read before it was written",
                self.name
            ))
        })?;
        if files.is_empty() {
            return scan::empty_scan(&self.schema, projection);
        }
        let partition_fields = self.partition_fields()?;
        let file_fields: Vec<FieldRef> = self
            .schema
            .fields()
            .iter()
            .filter(|field| !self.partition_by.contains(field.name()))
            .cloned()
            .collect();
        let table_schema = TableSchema::builder(Arc::new(Schema::new(file_fields)))
            .with_table_partition_cols(partition_fields.clone())
            .build();
        // The scan has the partition columns last; the dataset has them where
        // its query put them.
        let indices = self.scan_indices(table_schema.table_schema(), projection)?;
        let source = ParquetSource::new(table_schema)
            .with_table_parquet_options(TableParquetOptions::default());
        let target = state.config().target_partitions().max(1);
        let mut groups: Vec<(u64, Vec<PartitionedFile>)> =
            vec![(0, Vec::new()); target.min(files.len())];
        for file in files.iter() {
            let partitioned = self.partitioned_file(file, &partition_fields)?;
            if let Some((bytes, group)) = groups.iter_mut().min_by_key(|(bytes, _)| *bytes) {
                *bytes += file.size;
                group.push(partitioned);
            }
        }
        let store = ObjectStoreUrl::parse(&self.root[..url::Position::BeforePath])?;
        let config = FileScanConfigBuilder::new(store, Arc::new(source))
            .with_file_groups(
                groups
                    .into_iter()
                    .map(|(_, group)| FileGroup::new(group))
                    .collect(),
            )
            .with_statistics(file_statistics(files, self.schema.fields().len()))
            .with_projection_indices(Some(indices))?
            .with_limit(limit)
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}

impl DatasetTable {
    fn scan_indices(&self, scan: &Schema, projection: Option<&Vec<usize>>) -> Result<Vec<usize>> {
        let all: Vec<usize> = (0..self.schema.fields().len()).collect();
        projection
            .unwrap_or(&all)
            .iter()
            .map(|index| Ok(scan.index_of(self.schema.field(*index).name())?))
            .collect()
    }
}

fn file_statistics(files: &[DataFile], columns: usize) -> Statistics {
    let rows: u64 = files.iter().map(|file| file.stats.num_records).sum();
    let bytes: u64 = files.iter().map(|file| file.size).sum();
    Statistics {
        num_rows: usize::try_from(rows).map_or(Precision::Absent, Precision::Exact),
        // Files are compressed; a join holds several times as much in memory.
        total_byte_size: usize::try_from(bytes.saturating_mul(4))
            .map_or(Precision::Absent, Precision::Inexact),
        column_statistics: vec![ColumnStatistics::new_unknown(); columns],
    }
}
