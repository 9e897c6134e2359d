//! A look at the rows of a table.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::RecordBatch;
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt as _, TryFutureExt as _, TryStreamExt as _};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::{AsyncFileReader, ParquetRecordBatchStreamBuilder};
use parquet::errors::ParquetError;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};

use crate::error::GoldError;
use crate::log::snapshot::Snapshot;
use crate::table::GoldTable;

impl GoldTable {
    /// The first rows of the file that was written last, at most `limit`, and of its
    /// columns the first `columns`; `None` when the table has no rows. Columns of
    /// partitions are not in files and so not in the result.
    ///
    /// Only the pages with these rows are read, where the file says which they are.
    ///
    /// # Errors
    /// [`GoldError::DataFile`] when the file cannot be read.
    pub async fn read_first_rows(
        &self,
        snapshot: &Snapshot,
        limit: usize,
        columns: usize,
    ) -> Result<Option<RecordBatch>, GoldError> {
        let newest = snapshot
            .files
            .iter()
            .max_by_key(|file| (file.modification_time_ms, &file.path));
        let Some(file) = newest else {
            return Ok(None);
        };
        let problem = |problem: String| GoldError::DataFile {
            table: self.name().to_owned(),
            path: file.path.clone(),
            problem,
        };
        let location = self
            .location()
            .join(&file.path)
            .map_err(|error| problem(format!("its path is wrong: {error}")))?;
        let reader = StoredFile {
            store: Arc::clone(&self.store_path().store),
            path: location.path().clone(),
            size: file.size,
        };
        let batches = read_batches(reader, limit, columns).await;
        let batches = batches.map_err(|error| problem(format!("it cannot be read: {error}")))?;
        Ok(batches.into_iter().find(|batch| batch.num_rows() > 0))
    }
}

/// A Parquet file in a store.
struct StoredFile {
    store: Arc<dyn ObjectStore>,
    path: Path,
    /// In bytes.
    size: u64,
}

impl AsyncFileReader for StoredFile {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes, ParquetError>> {
        let bytes = self.store.get_range(&self.path, range);
        bytes.map_err(ParquetError::from).boxed()
    }

    fn get_byte_ranges(
        &mut self,
        ranges: Vec<Range<u64>>,
    ) -> BoxFuture<'_, Result<Vec<Bytes>, ParquetError>> {
        let reading = async move { self.store.get_ranges(&self.path, &ranges).await };
        reading.map_err(ParquetError::from).boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, Result<Arc<ParquetMetaData>, ParquetError>> {
        let size = self.size;
        let reader = ParquetMetaDataReader::new().with_arrow_reader_options(options);
        reader.load_and_finish(self, size).map_ok(Arc::new).boxed()
    }
}

async fn read_batches(
    reader: StoredFile,
    limit: usize,
    columns: usize,
) -> Result<Vec<RecordBatch>, ParquetError> {
    let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional);
    let builder = ParquetRecordBatchStreamBuilder::new_with_options(reader, options).await?;
    let roots = builder.parquet_schema().root_schema().get_fields().len();
    let mask = ProjectionMask::roots(builder.parquet_schema(), 0..roots.min(columns));
    let rows = builder
        .with_projection(mask)
        .with_batch_size(limit)
        .with_limit(limit)
        .build()?;
    rows.try_collect().await
}
