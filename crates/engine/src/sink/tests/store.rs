//! The contents of an in-memory store.

use std::sync::Arc;

use arrow::array::RecordBatch;
use futures::TryStreamExt;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::metadata::ParquetMetaData;

/// An empty store.
pub(super) fn memory() -> Arc<dyn ObjectStore> {
    Arc::new(InMemory::new())
}

/// The paths of all objects.
pub(super) async fn listed(store: &dyn ObjectStore) -> Vec<String> {
    let listed: Vec<ObjectMeta> = store.list(None).try_collect().await.unwrap();
    listed
        .into_iter()
        .map(|meta| meta.location.to_string())
        .collect()
}

/// A Parquet file's rows and metadata.
pub(super) async fn parquet(
    store: &dyn ObjectStore,
    path: &str,
) -> (Vec<RecordBatch>, ParquetMetaData) {
    let object = store.get(&Path::parse(path).unwrap()).await.unwrap();
    let bytes = object.bytes().await.unwrap();
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap();
    let metadata = builder.metadata().as_ref().clone();
    let batches = builder.build().unwrap().collect::<Result<_, _>>().unwrap();
    (batches, metadata)
}
