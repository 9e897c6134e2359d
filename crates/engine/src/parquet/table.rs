//! A table of Parquet files that are already listed.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{Field, FieldRef, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{ScalarValue, Statistics};
use datafusion::datasource::TableType;
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::Result;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::union::UnionExec;
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::{ObjectMeta, ObjectStore};

use super::fit::{FileColumns, fit_columns};
use crate::scan;
use crate::source::file_metadata::{FileMetadata, file_fields, flat_name};

/// How many footers are read at the same time.
const CONCURRENT_FOOTERS: usize = 16;

/// One file of a source.
#[derive(Debug, Clone)]
pub(crate) struct ParquetFile {
    /// Path, size and version, as the store listed it.
    pub(crate) meta: ObjectMeta,
    /// The values of the table's `folder_fields`.
    pub(crate) folder_values: Vec<ScalarValue>,
}

/// Why a file cannot be read.
pub(crate) struct UnfitFile {
    pub(crate) path: object_store::path::Path,
    pub(crate) problem: String,
}

/// Parquet files with a declared schema.
#[derive(Debug, Clone)]
pub(crate) struct ParquetTable {
    schema: SchemaRef,
    store: ObjectStoreUrl,
    format: Arc<ParquetFormat>,
    /// The columns whose values are in the names of folders, or known of the files.
    folder_fields: Vec<FieldRef>,
    groups: Vec<SpellingGroup>,
    /// The declared columns that no file has.
    missing_columns: Vec<String>,
}

/// The files that spell the columns' names in the same way: DataFusion finds
/// columns by their exact names.
#[derive(Debug, Clone)]
struct SpellingGroup {
    /// The declared columns that are in the files, under the files' names.
    file_schema: SchemaRef,
    files: Vec<ParquetFile>,
}

impl ParquetTable {
    /// A table of `files`, whose footers are read here.
    ///
    /// # Errors
    /// The first file that is not Parquet, or does not fit the declaration.
    pub(crate) async fn open(
        schema: SchemaRef,
        folder_columns: &[String],
        (store, url): (Arc<dyn ObjectStore>, ObjectStoreUrl),
        files: Vec<ParquetFile>,
        session: &dyn Session,
    ) -> Result<Self, UnfitFile> {
        let format = parquet_format();
        let in_folders = |field: &&FieldRef| folder_columns.contains(field.name());
        let in_files: Vec<FieldRef> = schema
            .fields()
            .iter()
            .filter(|field| !in_folders(field))
            .cloned()
            .collect();
        let in_files = Schema::new(in_files);
        let fitted: Vec<(FileColumns, ParquetFile)> = futures::stream::iter(files)
            .map(|file| {
                let (format, store, in_files) = (&format, &store, &in_files);
                async move {
                    let metas = std::slice::from_ref(&file.meta);
                    let found = format.infer_schema(session, store, metas).await;
                    let columns = found
                        .map_err(|error| not_parquet(&file.meta, &error.to_string()))
                        .and_then(|found| fit_columns(in_files, &found));
                    let checked = match columns {
                        Ok(columns) => {
                            let spelled = spelled_schema(in_files, &columns);
                            let stats = format.infer_stats(session, store, spelled, &file.meta);
                            let nulls = first_null(in_files, stats);
                            nulls.await.map_or(Ok(columns), Err)
                        }
                        Err(problem) => Err(problem),
                    };
                    match checked {
                        Ok(columns) => Ok((columns, file)),
                        Err(problem) => Err(UnfitFile {
                            path: file.meta.location,
                            problem,
                        }),
                    }
                }
            })
            .buffered(CONCURRENT_FOOTERS)
            .try_collect()
            .await?;
        let folder_fields = folder_columns
            .iter()
            .filter_map(|name| Some(Arc::new(schema.field_with_name(name).ok()?.clone())))
            .collect();
        let is_missing = |index: usize| {
            !fitted.is_empty()
                && fitted
                    .iter()
                    .all(|(columns, _)| columns.get(index) == Some(&None))
        };
        let missing_columns = in_files
            .fields()
            .iter()
            .enumerate()
            .filter(|(index, _)| is_missing(*index))
            .map(|(_, field)| field.name().clone())
            .collect();
        Ok(Self {
            missing_columns,
            groups: group_by_spelling(&in_files, fitted),
            schema,
            store: url,
            format: Arc::new(format),
            folder_fields,
        })
    }

    /// The same table with what is known of a row's file as its last columns, which are
    /// called by [`flat_name`].
    pub(crate) fn with_file_columns(&self) -> Self {
        let mut table = self.clone();
        let known = file_fields();
        let named = |field: &FieldRef| {
            let name = flat_name(field.name());
            Arc::new(field.as_ref().clone().with_name(name))
        };
        let added: Vec<FieldRef> = known.iter().map(named).collect();
        let columns = self.schema.fields().iter().chain(&added).cloned();
        table.schema = Arc::new(Schema::new(columns.collect::<Vec<_>>()));
        table.folder_fields.extend(added);
        for file in table.groups.iter_mut().flat_map(|group| &mut group.files) {
            let metadata = FileMetadata::new(self.store.as_str(), &file.meta);
            let values = known.iter().filter_map(|f| metadata.value_of(f.name()));
            file.folder_values.extend(values);
        }
        table
    }

    /// The declared columns that no file has: they are NULL in every row.
    pub(crate) fn missing_columns(&self) -> &[String] {
        &self.missing_columns
    }

    /// The scan of one group, with the declared names.
    async fn scan_group(
        &self,
        group: &SpellingGroup,
        state: &dyn Session,
        projection: &[usize],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let table_schema = TableSchema::builder(Arc::clone(&group.file_schema))
            .with_table_partition_cols(self.folder_fields.clone())
            .build();
        let table = Arc::clone(table_schema.table_schema());
        let files = self.with_statistics(group, state).await?;
        let mut groups = Vec::new();
        for files in FileGroup::new(files).split_files(state.config().target_partitions()) {
            let statistics = merge_statistics(files.files(), &table)?;
            groups.push(files.with_statistics(Arc::new(statistics)));
        }
        let all_files = groups.iter().flat_map(|group| group.files());
        let statistics = merge_statistics(all_files, &table)?;
        let config =
            FileScanConfigBuilder::new(self.store.clone(), self.format.file_source(table_schema))
                .with_file_groups(groups)
                .with_statistics(statistics)
                .with_projection_indices(Some(self.indices_in_group(projection)))?
                .with_limit(limit)
                .build();
        let scan = self.format.create_physical_plan(state, config).await?;
        self.rename_columns(scan, projection)
    }

    async fn with_statistics(
        &self,
        group: &SpellingGroup,
        state: &dyn Session,
    ) -> Result<Vec<PartitionedFile>> {
        let collect = state.config().collect_statistics();
        let store = state.runtime_env().object_store(&self.store)?;
        futures::stream::iter(group.files.clone())
            .map(|file| {
                let (store, schema) = (&store, Arc::clone(&group.file_schema));
                async move {
                    let piece = PartitionedFile::new_from_meta(file.meta.clone())
                        .with_partition_values(file.folder_values.clone());
                    if !collect {
                        return Ok(piece);
                    }
                    let found = self.format.infer_stats(state, store, schema, &file.meta);
                    Ok(piece.with_statistics(Arc::new(found.await?)))
                }
            })
            .buffered(CONCURRENT_FOOTERS)
            .try_collect()
            .await
    }

    /// Where the columns are in a group's table: those of the files, then those of
    /// the folders.
    fn indices_in_group(&self, projection: &[usize]) -> Vec<usize> {
        let is_folder = |field: &Field| self.folder_fields.iter().any(|f| f.name() == field.name());
        let in_files = self
            .schema
            .fields()
            .iter()
            .filter(|field| !is_folder(field));
        let order: Vec<&str> = in_files
            .chain(&self.folder_fields)
            .map(|field| field.name().as_str())
            .collect();
        projection
            .iter()
            .filter_map(|index| self.schema.fields().get(*index))
            .filter_map(|field| order.iter().position(|name| name == field.name()))
            .collect()
    }

    fn rename_columns(
        &self,
        scan: Arc<dyn ExecutionPlan>,
        projection: &[usize],
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let declared = self.schema.project(projection)?;
        let found = scan.schema();
        let same = |(a, b): (&FieldRef, &FieldRef)| a.name() == b.name();
        if declared.fields().iter().zip(found.fields()).all(same) {
            return Ok(scan);
        }
        let columns = found.fields().iter().zip(declared.fields()).enumerate();
        let columns = columns.map(|(index, (found, declared))| {
            let column: Arc<dyn PhysicalExpr> = Arc::new(Column::new(found.name(), index));
            (column, declared.name().clone())
        });
        let renamed = ProjectionExec::try_new(columns.collect::<Vec<_>>(), scan)?;
        Ok(Arc::new(renamed))
    }
}

fn parquet_format() -> ParquetFormat {
    // INT96 counts nanoseconds and holds years that 64 bits of them do not.
    ParquetFormat::default()
        .with_force_view_types(false)
        .with_coerce_int96(Some("us".to_owned()))
}

/// The columns of each file, in the order of `files`.
///
/// # Errors
/// The first file that is not Parquet.
pub(crate) async fn read_schemas(
    store: &Arc<dyn ObjectStore>,
    files: Vec<ObjectMeta>,
    session: &dyn Session,
) -> Result<Vec<(object_store::path::Path, SchemaRef)>, UnfitFile> {
    let format = parquet_format();
    futures::stream::iter(files)
        .map(|meta| {
            let format = &format;
            async move {
                let metas = std::slice::from_ref(&meta);
                match format.infer_schema(session, store, metas).await {
                    Ok(schema) => Ok((meta.location, schema)),
                    Err(error) => Err(UnfitFile {
                        problem: not_parquet(&meta, &error.to_string()),
                        path: meta.location,
                    }),
                }
            }
        })
        .buffered(CONCURRENT_FOOTERS)
        .try_collect()
        .await
}

fn not_parquet(meta: &ObjectMeta, error: &str) -> String {
    format!(
        "it is not a Parquet file, or not complete ({} bytes): {error}; write it again, or leave \
         it out by a pattern in LOCATION",
        meta.size
    )
}

/// What is wrong with a file that has nulls in a column that is declared NOT NULL,
/// as far as its footer says so.
async fn first_null(
    declared: &Schema,
    statistics: impl Future<Output = Result<Statistics>>,
) -> Option<String> {
    if declared.fields().iter().all(|field| field.is_nullable()) {
        return None;
    }
    let statistics = statistics.await.ok()?;
    let columns = declared.fields().iter().zip(statistics.column_statistics);
    columns
        .filter(|(field, _)| !field.is_nullable())
        .find_map(|(field, found)| {
            let nulls = found.null_count.get_value().filter(|nulls| **nulls > 0)?;
            Some(format!(
                "column {} is NULL in {nulls} rows and declared NOT NULL; leave NOT NULL out and \
                 filter the rows in the query",
                field.name()
            ))
        })
}

/// The declared columns under a file's names. A column that the file does not have
/// needs no spelling of its own.
fn spelled_schema(declared: &Schema, columns: &FileColumns) -> SchemaRef {
    let fields = declared.fields().iter().zip(columns);
    let fields = fields.map(|(field, found)| match found {
        Some(name) => Arc::new(field.as_ref().clone().with_name(name.clone())),
        None => Arc::clone(field),
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// Groups files by the names of their columns, in the order of the first of each.
fn group_by_spelling(
    declared: &Schema,
    fitted: Vec<(FileColumns, ParquetFile)>,
) -> Vec<SpellingGroup> {
    let mut indices: BTreeMap<Vec<String>, usize> = BTreeMap::new();
    let mut groups: Vec<SpellingGroup> = Vec::new();
    for (columns, file) in fitted {
        let file_schema = spelled_schema(declared, &columns);
        let names = file_schema
            .fields()
            .iter()
            .map(|field| field.name().clone());
        let index = *indices.entry(names.collect()).or_insert(groups.len());
        match groups.get_mut(index) {
            Some(group) => group.files.push(file),
            None => groups.push(SpellingGroup {
                file_schema,
                files: vec![file],
            }),
        }
    }
    groups
}

fn merge_statistics<'a>(
    files: impl IntoIterator<Item = &'a PartitionedFile>,
    table: &SchemaRef,
) -> Result<Statistics> {
    let statistics: Option<Vec<&Statistics>> = files
        .into_iter()
        .map(|file| file.statistics.as_deref())
        .collect();
    match statistics {
        Some(statistics) if !statistics.is_empty() => Statistics::try_merge_iter(statistics, table),
        _ => Ok(Statistics::new_unknown(table)),
    }
}

#[async_trait]
impl TableProvider for ParquetTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    /// Filters are only used to skip parts of files.
    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if self.groups.is_empty() {
            return scan::empty_scan(&self.schema, projection);
        }
        let all: Vec<usize> = (0..self.schema.fields().len()).collect();
        let columns = projection.unwrap_or(&all);
        // Rows that the filters remove must not count.
        let limit = limit.filter(|_| filters.is_empty());
        let mut scans = Vec::with_capacity(self.groups.len());
        for group in &self.groups {
            scans.push(self.scan_group(group, state, columns, limit).await?);
        }
        UnionExec::try_new(scans)
    }
}
