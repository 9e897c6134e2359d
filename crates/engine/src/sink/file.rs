//! One Parquet file while it is written.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use bytes::Bytes;
use datafusion::error::Result;
use object_store::ObjectStore;
use object_store::path::Path;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;
use sluice_gold::{FileStats, stats_from_parquet};
use sluice_storage::Upload;

use super::dictionary::{DICTIONARY_BYTES, without_dictionary};
use super::encoder::FileEncoder;
use super::error::SinkError;
use super::partition::PartitionValues;
use super::spec::SinkSpec;

/// What the name of the writer of a file begins with.
pub(crate) const CREATED_BY: &str = "sluice version ";

/// A Parquet file while it is written: encodes rows and uploads the bytes.
#[derive(Debug)]
pub(super) struct OpenFile {
    dataset: String,
    schema: SchemaRef,
    /// Path below the table's root.
    name: String,
    /// The location for messages.
    display_path: String,
    values: PartitionValues,
    encoder: FileEncoder,
    upload: Upload,
    rows: u64,
}

/// A file that is completely encoded.
#[derive(Debug)]
pub(super) struct FinishedFile {
    pub(super) location: Path,
    pub(super) name: String,
    pub(super) values: PartitionValues,
    pub(super) rows: u64,
    pub(super) bytes: u64,
    /// Milliseconds since the epoch.
    pub(super) written_ms: i64,
    pub(super) stats: FileStats,
}

impl OpenFile {
    /// Opens a file whose first rows are `sample`.
    pub(super) fn create(
        spec: &SinkSpec,
        store: Arc<dyn ObjectStore>,
        root: &Path,
        name: String,
        values: PartitionValues,
        sample: &RecordBatch,
    ) -> Result<Self> {
        let schema = sample.schema();
        let location = Path::parse(format!("{root}/{name}"))
            .map_err(|error| spec.columns_error(format!("unusable file name: {error}")))?;
        let encoder = FileEncoder::try_new(
            Arc::clone(&schema),
            writer_properties(spec, sample)?,
            &spec.keys,
        )
        .map_err(|source| encode_error(&spec.dataset, source))?;
        Ok(Self {
            dataset: spec.dataset.clone(),
            schema,
            display_path: spec.display_location(&location),
            name,
            values,
            encoder,
            upload: Upload::new(store, location),
            rows: 0,
        })
    }

    pub(super) fn values(&self) -> &PartitionValues {
        &self.values
    }

    /// Bytes of the file so far; those of the open row group are estimated.
    pub(super) fn estimated_bytes(&self) -> u64 {
        (self.encoder.bytes_written() + self.encoder.in_progress_size()) as u64
    }

    /// Bytes of memory that are held for the file.
    pub(super) fn memory_bytes(&self) -> usize {
        self.encoder.memory_size() + self.upload.buffered_bytes()
    }

    /// Encodes rows; the bytes of a finished row group are held until
    /// [`OpenFile::send_encoded`].
    pub(super) fn write_rows(&mut self, batch: &RecordBatch) -> Result<()> {
        self.rows += batch.num_rows() as u64;
        self.encoder
            .write(batch)
            .map_err(|source| encode_error(&self.dataset, source).into())
    }

    /// Ends the open row group early, to free its memory.
    pub(super) fn flush_row_group(&mut self) -> Result<()> {
        self.encoder
            .flush()
            .map_err(|source| encode_error(&self.dataset, source).into())
    }

    /// Passes encoded bytes to the upload.
    pub(super) async fn send_encoded(&mut self) -> Result<()> {
        let bytes = self
            .encoder
            .take_bytes()
            .map_err(|source| encode_error(&self.dataset, source.into()))?;
        let sent = self.upload.put_bytes(Bytes::from(bytes)).await;
        sent.map_err(|source| self.storage_error(source).into())
    }

    /// Encodes the rest of the file.
    pub(super) fn finish_encoding(&mut self) -> Result<FinishedFile> {
        let metadata = self
            .encoder
            .finish()
            .map_err(|source| encode_error(&self.dataset, source))?;
        Ok(FinishedFile {
            location: self.upload.path().clone(),
            name: self.name.clone(),
            values: self.values.clone(),
            rows: self.rows,
            bytes: self.encoder.bytes_written() as u64,
            written_ms: chrono::Utc::now().timestamp_millis(),
            stats: stats_from_parquet(&metadata, &self.schema),
        })
    }

    /// Completes the upload; only then the file exists in the store.
    pub(super) async fn complete_upload(&mut self) -> Result<()> {
        self.send_encoded().await?;
        let finished = self.upload.finish().await;
        finished.map_err(|source| self.storage_error(source).into())
    }

    /// The upload, to be aborted.
    pub(super) fn into_upload(self) -> Upload {
        self.upload
    }

    fn storage_error(&self, source: object_store::Error) -> SinkError {
        SinkError::Storage {
            dataset: self.dataset.clone(),
            place: self.display_path.clone(),
            source,
        }
    }
}

fn encode_error(dataset: &str, source: parquet::errors::ParquetError) -> SinkError {
    SinkError::Encode {
        dataset: dataset.to_owned(),
        source,
    }
}

fn writer_properties(spec: &SinkSpec, sample: &RecordBatch) -> Result<WriterProperties> {
    let level = ZstdLevel::try_new(spec.zstd_level)
        .map_err(|source| encode_error(&spec.dataset, source))?;
    let mut builder = WriterProperties::builder()
        .set_created_by(format!("{CREATED_BY}{}", env!("CARGO_PKG_VERSION")))
        .set_compression(Compression::ZSTD(level))
        // At least one row and one byte: an assertion refuses zero.
        .set_max_row_group_row_count(Some(spec.row_group_rows.max(1)))
        .set_max_row_group_bytes(Some(spec.row_group_bytes.max(1)))
        .set_dictionary_page_size_limit(DICTIONARY_BYTES)
        .set_write_batch_size(8192)
        // Lists and maps with the names of the Parquet specification.
        .set_coerce_types(true)
        .set_sorting_columns(sorting_columns(spec, sample));
    for column in without_dictionary(sample)? {
        builder = builder.set_column_dictionary_enabled(ColumnPath::new(vec![column]), false);
    }
    Ok(builder.build())
}

/// The order of the rows, up to the first column that does not come before the
/// first nested column: nested columns shift the numbers of the leaves.
fn sorting_columns(spec: &SinkSpec, sample: &RecordBatch) -> Option<Vec<SortingColumn>> {
    let schema = sample.schema();
    let flat = schema
        .fields()
        .iter()
        .take_while(|field| !field.data_type().is_nested())
        .count();
    let columns: Vec<SortingColumn> = spec
        .sort_by
        .iter()
        .filter(|sort| !spec.partition_by.contains(&sort.column))
        .map_while(|sort| {
            let index = schema
                .index_of(&sort.column)
                .ok()
                .filter(|index| *index < flat)?;
            Some(SortingColumn {
                column_idx: i32::try_from(index).ok()?,
                descending: sort.descending,
                nulls_first: sort.nulls_first,
            })
        })
        .collect();
    (!columns.is_empty()).then_some(columns)
}
