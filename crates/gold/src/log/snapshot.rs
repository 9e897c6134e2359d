//! The state of a table at one version, read from its log.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray, MapArray, RecordBatch};
use arrow::datatypes::{Int64Type, Schema, SchemaRef};
use deltalake_core::DeltaTableError;
use deltalake_core::kernel::engine::arrow_conversion::TryIntoArrow as _;
use deltalake_core::kernel::{EagerSnapshot, Snapshot as DeltaSnapshot};
use deltalake_core::logstore::LogStoreRef;
use futures::TryStreamExt as _;
use serde_json::Value;

use crate::files::data_file::{DataFile, FileStats};
use crate::log::actions::decode_path;
use crate::schema::type_text::{ColumnText, column_texts};

/// A table at one version.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// 0 for the first version.
    pub version: u64,
    /// Id of the table, the same in all its versions.
    pub table_id: String,
    pub name: Option<String>,
    /// The table's comment.
    pub description: Option<String>,
    /// Columns, including partition columns.
    pub schema: SchemaRef,
    /// Partition columns, outermost first.
    pub partition_by: Vec<String>,
    pub properties: BTreeMap<String, String>,
    /// The table's current files.
    pub files: Vec<ActiveFile>,
    /// `minReaderVersion`.
    pub reader_version: i32,
    /// `minWriterVersion`.
    pub writer_version: i32,
    /// Reader and writer features; empty for protocols without feature lists.
    pub features: Vec<String>,
    /// When the table was created, in milliseconds since the epoch.
    pub created_time: Option<i64>,
    pub(crate) schema_string: String,
    /// The last version number of each application; `None` when they were not
    /// read from the log.
    pub(crate) txns: Option<BTreeMap<String, i64>>,
}

/// A file of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActiveFile {
    /// Path relative to the table's root, as the store knows it.
    pub path: String,
    /// In bytes.
    pub size: u64,
    /// When it was written, in milliseconds since the epoch.
    pub modification_time_ms: i64,
    /// Values of the partition columns; `None` is NULL.
    pub partition_values: BTreeMap<String, Option<String>>,
    /// Statistics as in the log: JSON text.
    pub stats: Option<String>,
    /// The path byte for byte as in the log.
    pub(crate) raw_path: String,
}

impl ActiveFile {
    /// How many rows the file has, if the log says it.
    pub fn num_records(&self) -> Option<u64> {
        #[derive(serde::Deserialize)]
        struct Records {
            #[serde(rename = "numRecords")]
            num_records: u64,
        }
        let records: Records = serde_json::from_str(self.stats.as_deref()?).ok()?;
        Some(records.num_records)
    }

    /// What the log says of the file, in the form of a file that was just written;
    /// `None` when the log does not say how many rows it has.
    pub fn to_data_file(&self, partition_by: &[String]) -> Option<DataFile> {
        let stats: Value = serde_json::from_str(self.stats.as_deref()?).ok()?;
        let values = |key: &str| {
            let values = stats.get(key).and_then(Value::as_object);
            values.cloned().unwrap_or_default()
        };
        Some(DataFile {
            path: self.path.clone(),
            size: self.size,
            modification_time_ms: self.modification_time_ms,
            partition_values: partition_by
                .iter()
                .map(|name| {
                    let value = self.partition_values.get(name).cloned().flatten();
                    (name.clone(), value)
                })
                .collect(),
            stats: FileStats {
                num_records: stats.get("numRecords")?.as_u64()?,
                min_values: values("minValues"),
                max_values: values("maxValues"),
                null_count: values("nullCount"),
            },
        })
    }
}

impl Snapshot {
    /// The columns with their types as SQL writes them.
    pub fn column_texts(&self) -> Vec<ColumnText> {
        column_texts(&self.schema_string)
    }

    /// Rows of all files together; `None` when the log does not say it of each.
    pub fn total_rows(&self) -> Option<u64> {
        self.files.iter().map(ActiveFile::num_records).sum()
    }

    /// Size of all files together.
    pub fn total_bytes(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }

    /// Loads a version with `deltalake`, by default the newest; `None` when there is no
    /// table.
    pub(crate) async fn load(
        log: &LogStoreRef,
        version: Option<u64>,
    ) -> Result<Option<Self>, DeltaTableError> {
        let snapshot = match DeltaSnapshot::try_new(log.as_ref(), version).await {
            Ok(snapshot) => snapshot,
            Err(DeltaTableError::NotATable(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        let batches: Vec<RecordBatch> = snapshot.files(log.as_ref(), None).try_collect().await?;
        let mut files = Vec::new();
        for batch in &batches {
            read_files(batch, &mut files).ok_or_else(|| {
                DeltaTableError::generic("the reader's file list has unexpected columns")
            })?;
        }
        let metadata = snapshot.metadata();
        let protocol = snapshot.protocol();
        let schema: Schema = snapshot
            .schema()
            .as_ref()
            .try_into_arrow()
            .map_err(|source| DeltaTableError::Arrow { source })?;
        let features = [protocol.reader_features(), protocol.writer_features()];
        let mut features: Vec<_> = features
            .into_iter()
            .flatten()
            .flatten()
            .map(ToString::to_string)
            .collect();
        features.sort();
        features.dedup();
        Ok(Some(Self {
            version: snapshot.version(),
            table_id: metadata.id().to_owned(),
            name: metadata.name().map(str::to_owned),
            description: metadata.description().map(str::to_owned),
            schema: Arc::new(schema),
            partition_by: metadata.partition_columns().to_vec(),
            properties: metadata
                .configuration()
                .iter()
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect(),
            files,
            reader_version: protocol.min_reader_version(),
            writer_version: protocol.min_writer_version(),
            features,
            created_time: metadata.created_time(),
            schema_string: metadata.schema_string().clone(),
            txns: None,
        }))
    }
}

/// The `txn` version of an application at a version of the table.
pub(crate) async fn txn_version(
    log: &LogStoreRef,
    version: u64,
    app_id: &str,
) -> Result<Option<i64>, DeltaTableError> {
    EagerSnapshot::try_new(log.as_ref(), Some(version))
        .await?
        .transaction_version(log.as_ref(), app_id)
        .await
}

/// Reads the rows of `deltalake`'s log replay; `None` when a column is missing or
/// has an unexpected type.
fn read_files(batch: &RecordBatch, files: &mut Vec<ActiveFile>) -> Option<()> {
    let paths = batch.column_by_name("path")?.as_string_opt::<i32>()?;
    let sizes = batch
        .column_by_name("size")?
        .as_primitive_opt::<Int64Type>()?;
    let times = batch
        .column_by_name("modificationTime")?
        .as_primitive_opt::<Int64Type>()?;
    let stats = batch
        .column_by_name("stats")
        .and_then(|stats| stats.as_string_opt::<i32>());
    let partitions = batch
        .column_by_name("fileConstantValues")?
        .as_struct_opt()?
        .column_by_name("partitionValues")?
        .as_map_opt()?;
    for row in 0..batch.num_rows() {
        let raw_path = paths.value(row).to_owned();
        files.push(ActiveFile {
            path: decode_path(&raw_path),
            size: u64::try_from(sizes.value(row)).ok()?,
            modification_time_ms: times.value(row),
            partition_values: read_map(partitions, row)?,
            stats: stats
                .filter(|stats| stats.is_valid(row))
                .map(|stats| stats.value(row).to_owned()),
            raw_path,
        });
    }
    Some(())
}

fn read_map(map: &MapArray, row: usize) -> Option<BTreeMap<String, Option<String>>> {
    if map.is_null(row) {
        return Some(BTreeMap::new());
    }
    let entries = map.value(row);
    let keys = entries.column(0).as_string_opt::<i32>()?;
    let values = entries.column(1).as_string_opt::<i32>()?;
    Some(
        (0..entries.len())
            .map(|at| {
                let value = values.is_valid(at).then(|| values.value(at).to_owned());
                (keys.value(at).to_owned(), value)
            })
            .collect(),
    )
}
