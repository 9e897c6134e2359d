//! A dataset as a table for the datasets that read it.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
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
use serde_json::{Map, Value};
use sluice_gold::{ActiveFile, DataFile, FileStats, Snapshot};
use url::Url;

use super::changed_files::ReplacedFiles;
use crate::scan;

/// Reads what a dataset has after this run, before it is committed: what the run wrote,
/// and of a streaming table what it had before.
#[derive(Debug, Clone)]
pub(super) struct DatasetTable {
    name: String,
    dataset: usize,
    root: Url,
    schema: SchemaRef,
    partition_by: Vec<String>,
    /// The files that the table had before and keeps.
    kept: Arc<[DataFile]>,
    /// Those of them that the run replaces.
    replaced: Option<ReplacedFiles>,
    /// Whether it is known how many rows those have.
    are_rows_known: bool,
    /// Whether this run writes files.
    is_written: bool,
    /// All files; `None` until the dataset is written.
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
            kept: Arc::from([]),
            replaced: None,
            are_rows_known: true,
            is_written: true,
            files: None,
        }
    }

    /// The same dataset, whose table keeps the files of a snapshot.
    pub(super) fn keeping(self, snapshot: &Snapshot) -> Self {
        self.keeping_files(&snapshot.files)
    }

    /// The same dataset, of whose table these files are read.
    pub(super) fn keeping_files(mut self, files: &[ActiveFile]) -> Self {
        let kept = files
            .iter()
            .map(|file| described_file(file, &self.partition_by));
        let (kept, counted): (Vec<DataFile>, Vec<bool>) = kept.unzip();
        self.kept = kept.into();
        self.are_rows_known = !counted.contains(&false);
        self
    }

    /// The same dataset, of whose files the run replaces some.
    pub(super) fn replacing(self, replaced: Option<ReplacedFiles>) -> Self {
        Self { replaced, ..self }
    }

    /// The same dataset, to which this run adds nothing.
    pub(super) fn without_step(mut self) -> Self {
        self.is_written = false;
        self.files = Some(Arc::clone(&self.kept));
        self
    }

    /// The files that the table had before.
    pub(super) fn kept_files(&self) -> &[DataFile] {
        &self.kept
    }

    pub(super) fn shared_files(&self) -> Arc<[DataFile]> {
        Arc::clone(&self.kept)
    }

    /// Whether it is known how many rows the files have that the table had before.
    pub(super) fn are_rows_known(&self) -> bool {
        self.are_rows_known
    }

    /// The store of its files.
    pub(super) fn store(&self) -> Result<ObjectStoreUrl> {
        ObjectStoreUrl::parse(&self.root[..url::Position::BeforePath])
    }

    /// The same dataset, to which this run adds nothing, with only some of its files.
    pub(super) fn with_kept(&self, is_kept: impl Fn(&DataFile) -> bool) -> Self {
        let kept = self.kept.iter().filter(|file| is_kept(file));
        Self {
            kept: kept.cloned().collect(),
            ..self.clone()
        }
        .without_step()
    }

    /// The same dataset of which only some of its files are read, and how many are not.
    pub(super) fn with_read(&self, is_read: impl Fn(&DataFile) -> bool) -> (Self, usize) {
        let Some(files) = &self.files else {
            return (self.clone(), 0);
        };
        let read: Arc<[DataFile]> = files.iter().filter(|file| is_read(file)).cloned().collect();
        let left_out = files.len() - read.len();
        let table = Self {
            files: Some(read),
            ..self.clone()
        };
        (table, left_out)
    }

    pub(super) fn dataset(&self) -> usize {
        self.dataset
    }

    /// The same dataset with the files that this run wrote.
    pub(super) fn with_files(&self, written: Option<Arc<[DataFile]>>) -> Self {
        if !self.is_written {
            return self.clone();
        }
        let replaced = self.replaced.as_ref().and_then(ReplacedFiles::paths);
        let replaced: HashSet<&String> = replaced.unwrap_or_default().iter().collect();
        let files = written.map(|written| match self.kept.is_empty() {
            true => written,
            false => {
                let kept = self.kept.iter();
                let kept = kept.filter(|file| !replaced.contains(&file.path));
                kept.chain(written.iter()).cloned().collect()
            }
        });
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

    /// The path of a file in the store.
    pub(super) fn path_of(&self, file: &DataFile) -> Result<Path> {
        // The root is a URL, but a file's path is in the store's form, in which
        // the folder of a partition may itself hold `%`.
        Path::from_url_path(self.root.path())
            .and_then(|root| Path::parse(format!("{root}/{}", file.path)))
            .map_err(|e| DataFusionError::External(Box::new(e)))
    }

    fn partitioned_file(&self, file: &DataFile, fields: &[FieldRef]) -> Result<PartitionedFile> {
        let path = self.path_of(file)?;
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

/// A file as if it was just written, and whether it is known how many rows it has.
pub(super) fn described_file(file: &ActiveFile, partition_by: &[String]) -> (DataFile, bool) {
    let counted = file.to_data_file(partition_by);
    let is_counted = counted.is_some();
    let file = counted.unwrap_or_else(|| DataFile {
        path: file.path.clone(),
        size: file.size,
        modification_time_ms: file.modification_time_ms,
        partition_values: file
            .partition_values
            .iter()
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
        stats: FileStats::default(),
    });
    (file, is_counted)
}

/// The value of a partition column, as the file's folder names it.
pub(super) fn partition_value(file: &DataFile, field: &Field) -> Result<ScalarValue> {
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
        let scan_columns = Arc::clone(table_schema.table_schema());
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
        let store = self.store()?;
        let config = FileScanConfigBuilder::new(store, Arc::new(source))
            .with_file_groups(
                groups
                    .into_iter()
                    .map(|(_, group)| FileGroup::new(group))
                    .collect(),
            )
            .with_statistics(self.statistics_of(files, &scan_columns))
            .with_projection_indices(Some(indices))?
            .with_limit(limit)
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}

impl DatasetTable {
    fn statistics_of(&self, files: &[DataFile], columns: &Schema) -> Statistics {
        let statistics = file_statistics(files, columns);
        match self.are_rows_known {
            true => statistics,
            false => Statistics {
                num_rows: Precision::Absent,
                ..statistics
            },
        }
    }

    fn scan_indices(&self, scan: &Schema, projection: Option<&Vec<usize>>) -> Result<Vec<usize>> {
        let all: Vec<usize> = (0..self.schema.fields().len()).collect();
        projection
            .unwrap_or(&all)
            .iter()
            .map(|index| Ok(scan.index_of(self.schema.field(*index).name())?))
            .collect()
    }
}

/// The statistics of a scan of `files` with the columns of `schema`.
fn file_statistics(files: &[DataFile], schema: &Schema) -> Statistics {
    let rows: u64 = files.iter().map(|file| file.stats.num_records).sum();
    let bytes: u64 = files.iter().map(|file| file.size).sum();
    Statistics {
        num_rows: usize::try_from(rows).map_or(Precision::Absent, Precision::Exact),
        // Files are compressed; a join holds several times as much in memory.
        total_byte_size: usize::try_from(bytes.saturating_mul(4))
            .map_or(Precision::Absent, Precision::Inexact),
        column_statistics: schema
            .fields()
            .iter()
            .map(|field| column_statistics(files, field))
            .collect(),
    }
}

/// What the files say of a column. Bounds are not always tight, so they are
/// estimates; the files do not say how many values are distinct, except of a
/// partition column.
fn column_statistics(files: &[DataFile], field: &Field) -> ColumnStatistics {
    let partition_values: Option<HashSet<Option<&str>>> = files
        .iter()
        .map(|file| {
            let mut values = file.partition_values.iter();
            let value = values.find(|(name, _)| name == field.name())?;
            Some(value.1.as_deref())
        })
        .collect();
    if let Some(values) = partition_values {
        return ColumnStatistics {
            distinct_count: Precision::Inexact(values.len()),
            ..ColumnStatistics::new_unknown()
        };
    }
    let bound = |values: fn(&FileStats) -> &Map<String, Value>, keep: Ordering| {
        let mut bounds = files
            .iter()
            .map(|file| scalar_value(values(&file.stats).get(field.name())?, field.data_type()));
        let first = bounds.next()??;
        let bound = bounds.try_fold(first, |kept, next| {
            let next = next?;
            let is_kept = kept.partial_cmp(&next)? == keep;
            Some(if is_kept { kept } else { next })
        });
        bound.map(Precision::Inexact)
    };
    let nulls = files.iter().map(|file| {
        let count = file.stats.null_count.get(field.name())?.as_u64()?;
        usize::try_from(count).ok()
    });
    ColumnStatistics {
        min_value: bound(|stats| &stats.min_values, Ordering::Less).unwrap_or_default(),
        max_value: bound(|stats| &stats.max_values, Ordering::Greater).unwrap_or_default(),
        null_count: nulls
            .sum::<Option<usize>>()
            .map_or(Precision::Absent, Precision::Inexact),
        ..ColumnStatistics::new_unknown()
    }
}

/// A bound of a column whose text is the same in JSON and in SQL.
pub(super) fn scalar_value(value: &Value, data_type: &DataType) -> Option<ScalarValue> {
    if !data_type.is_integer() && data_type != &DataType::Date32 {
        return None;
    }
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    ScalarValue::try_from_string(text, data_type).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn file(rows: u64, day: &str, id: (i64, i64), nulls: u64) -> DataFile {
        let mut stats = FileStats {
            num_records: rows,
            ..FileStats::default()
        };
        let object = |value: Value| value.as_object().cloned().unwrap();
        stats.min_values = object(json!({"id": id.0, "born": "1970-01-03", "name": "a"}));
        stats.max_values = object(json!({"id": id.1, "born": "1970-01-05", "name": "b"}));
        stats.null_count = object(json!({"id": nulls, "born": 0}));
        DataFile {
            path: format!("day={day}/a.parquet"),
            size: 100,
            modification_time_ms: 0,
            partition_values: vec![("day".to_owned(), Some(day.to_owned()))],
            stats,
        }
    }

    #[test]
    fn files_say_rows_bounds_nulls_and_partitions() {
        let files = [
            file(10, "1", (5, 20), 1),
            file(5, "2", (2, 9), 2),
            file(1, "2", (7, 7), 0),
        ];
        let schema = Schema::new(vec![
            Field::new("id", DataType::Int64, true),
            Field::new("born", DataType::Date32, true),
            Field::new("name", DataType::Utf8, true),
            Field::new("day", DataType::Int32, true),
        ]);
        let statistics = file_statistics(&files, &schema);
        assert_eq!(statistics.num_rows, Precision::Exact(16));
        let [id, born, name, day] = statistics.column_statistics.as_slice() else {
            panic!("four columns");
        };
        assert_eq!(
            id.min_value,
            Precision::Inexact(ScalarValue::Int64(Some(2)))
        );
        assert_eq!(
            id.max_value,
            Precision::Inexact(ScalarValue::Int64(Some(20)))
        );
        assert_eq!(id.null_count, Precision::Inexact(3));
        assert_eq!(
            born.max_value,
            Precision::Inexact(ScalarValue::Date32(Some(4)))
        );
        assert_eq!(name, &ColumnStatistics::new_unknown());
        assert_eq!(day.distinct_count, Precision::Inexact(2));
    }

    #[test]
    fn a_file_without_bounds_makes_them_unknown() {
        let mut without = file(1, "1", (0, 0), 0);
        without.stats.min_values.clear();
        let schema = Schema::new(vec![Field::new("id", DataType::Int64, true)]);
        let statistics = file_statistics(&[file(1, "1", (1, 2), 0), without], &schema);
        assert_eq!(statistics.column_statistics[0].min_value, Precision::Absent);
    }
}
