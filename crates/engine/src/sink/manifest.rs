//! Manifest rows: what a task reports to the driver about its files.

use std::sync::{Arc, LazyLock};

use arrow::array::{RecordBatch, StringArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::error::Result;
use sluice_gold::DataFile;

use super::error::SinkError;
use super::file::FinishedFile;
use super::partition::Partitioner;
use crate::manifest::{manifest_field, manifest_lines};

static MANIFEST_SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    Arc::new(Schema::new(vec![
        manifest_field(),
        Field::new("rows", DataType::UInt64, false),
        Field::new("bytes", DataType::UInt64, false),
    ]))
});

/// Columns of a manifest: `manifest` (a file as JSON), `rows` and `bytes` of
/// the file.
pub fn manifest_schema() -> SchemaRef {
    Arc::clone(&MANIFEST_SCHEMA)
}

/// The files that manifest rows name.
///
/// # Errors
/// When the rows are not a manifest, or of another version.
pub fn read_manifest(batch: &RecordBatch) -> Result<Vec<DataFile>> {
    let unreadable = |source: Box<dyn std::error::Error + Send + Sync>| SinkError::Decode {
        what: "a manifest of written files",
        source,
    };
    let mut files = Vec::with_capacity(batch.num_rows());
    for line in manifest_lines(batch)? {
        files.push(DataFile::from_json(line).map_err(|error| unreadable(error.into()))?);
    }
    Ok(files)
}

pub(super) fn manifest_rows(
    partitioner: &Partitioner,
    files: &[FinishedFile],
) -> Result<RecordBatch> {
    let lines = files
        .iter()
        .map(|file| data_file(partitioner, file).to_json())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| SinkError::Decode {
            what: "a manifest of written files",
            source: error.into(),
        })?;
    Ok(RecordBatch::try_new(
        manifest_schema(),
        vec![
            Arc::new(StringArray::from(lines)),
            Arc::new(files.iter().map(|file| file.rows).collect::<UInt64Array>()),
            Arc::new(files.iter().map(|file| file.bytes).collect::<UInt64Array>()),
        ],
    )?)
}

/// The file as a gold table's log describes it.
fn data_file(partitioner: &Partitioner, file: &FinishedFile) -> DataFile {
    DataFile {
        path: file.name.clone(),
        size: file.bytes,
        modification_time_ms: file.written_ms,
        partition_values: partitioner.named_values(&file.values),
        stats: file.stats.clone(),
    }
}
