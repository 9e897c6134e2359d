//! Which files may have rows with one of many keys, by their Bloom filters.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::arrow::compute::concat;
use datafusion::arrow::record_batch::RecordBatch;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use parquet::arrow::ParquetRecordBatchStreamBuilder;
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::bloom_filter::Sbbf;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};

use crate::sink::CREATED_BY;
use crate::sink::key_filters::{Key, for_each_key, has_filter};

/// How many keys are looked up for each row of a file: more, and reading its keys is
/// faster.
const MAX_LOOKUPS_PER_ROW: u64 = 2;

/// The keys of a run.
#[derive(Debug, Clone)]
pub(crate) struct RunKeys {
    /// Names and values of the key columns that may have filters.
    columns: Vec<(String, ArrayRef)>,
    rows: usize,
}

impl RunKeys {
    /// The keys in batches that have the columns `names`; `None` when none of them may have
    /// a filter.
    pub(crate) fn new(
        names: &[String],
        batches: &[RecordBatch],
    ) -> datafusion::error::Result<Option<Self>> {
        let mut columns = Vec::new();
        for name in names {
            let values = batches
                .iter()
                .filter_map(|batch| batch.column_by_name(name));
            let values: Vec<&dyn Array> = values.map(AsRef::as_ref).collect();
            if values.first().is_some_and(|of| has_filter(of.data_type())) {
                columns.push((name.clone(), concat(&values)?));
            }
        }
        let rows = columns.first().map_or(0, |(_, values)| values.len());
        Ok((rows > 0).then_some(Self { columns, rows }))
    }

    /// Whether a file may have one of the keys. What cannot be read is found out by the one
    /// who reads the file.
    pub(crate) async fn may_be_in(
        &self,
        store: Arc<dyn ObjectStore>,
        path: Path,
        size: u64,
    ) -> bool {
        self.look_up(store, path, size).await.unwrap_or(true)
    }

    async fn look_up(&self, store: Arc<dyn ObjectStore>, path: Path, size: u64) -> Result<bool> {
        let reader = StoredFile { store, path, size };
        let mut builder = ParquetRecordBatchStreamBuilder::new(reader).await?;
        let metadata = Arc::clone(builder.metadata());
        // Another writer may store a value in another form, such as milliseconds.
        let written_by = metadata.file_metadata().created_by();
        if !written_by.is_some_and(|name| name.starts_with(CREATED_BY)) {
            return Ok(true);
        }
        let rows = u64::try_from(metadata.file_metadata().num_rows()).unwrap_or(0);
        let groups = metadata.num_row_groups();
        if (self.rows as u64).saturating_mul(groups as u64) > rows * MAX_LOOKUPS_PER_ROW {
            return Ok(true);
        }
        for group in 0..groups {
            let mut filters = Vec::new();
            for (name, values) in &self.columns {
                let columns = metadata.row_group(group).columns();
                let leaf = columns.iter().position(|column| {
                    let parts = column.column_path().parts();
                    parts.len() == 1 && parts.first() == Some(name)
                });
                let Some(leaf) = leaf else {
                    continue;
                };
                let filter = builder
                    .get_row_group_column_bloom_filter(group, leaf)
                    .await?;
                filters.extend(filter.map(|filter| (filter, Arc::clone(values))));
            }
            if filters.is_empty() {
                return Ok(true);
            }
            let rows = self.rows;
            // It computes, and several files are looked at.
            let checked = tokio::task::spawn_blocking(move || has_one_of(&filters, rows)).await;
            if checked.unwrap_or(true) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// A Parquet file in a store.
struct StoredFile {
    store: Arc<dyn ObjectStore>,
    path: Path,
    size: u64,
}

impl AsyncFileReader for StoredFile {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes>> {
        let bytes = self.store.get_range(&self.path, range);
        bytes
            .map(|bytes| bytes.map_err(|error| ParquetError::External(Box::new(error))))
            .boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        _: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, Result<Arc<ParquetMetaData>>> {
        let size = self.size;
        async move {
            let reader = ParquetMetaDataReader::new();
            Ok(Arc::new(reader.load_and_finish(self, size).await?))
        }
        .boxed()
    }
}

/// Whether all filters may have the values of one of `rows` keys. NULL may be in any row
/// group.
fn has_one_of(filters: &[(Sbbf, ArrayRef)], rows: usize) -> bool {
    let mut may_be = vec![true; rows];
    for (filter, values) in filters {
        for_each_key(values, |row, key| {
            if let Some(may_be) = may_be.get_mut(row).filter(|may_be| **may_be) {
                *may_be = match key {
                    Some(Key::Text(text)) => filter.check(text),
                    Some(Key::Int(value)) => filter.check(&value),
                    Some(Key::Long(value)) => filter.check(&value),
                    None => true,
                };
            }
        });
    }
    may_be.contains(&true)
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{ArrayRef, Int64Array, StringArray};
    use object_store::memory::InMemory;

    use super::*;
    use crate::sink::tests_support::encode_file;

    fn keys(ids: Vec<Option<i64>>, names: Vec<Option<&str>>) -> RecordBatch {
        let ids: ArrayRef = Arc::new(Int64Array::from(ids));
        let names: ArrayRef = Arc::new(StringArray::from(names));
        RecordBatch::try_from_iter_with_nullable([("id", ids, true), ("name", names, true)])
            .unwrap()
    }

    async fn stored(filtered: &[&str], writer: &str) -> (Arc<dyn ObjectStore>, Path, u64) {
        let ids = (0..1000).map(Some).collect();
        let texts: Vec<String> = (0..1000).map(|id| format!("n{id}")).collect();
        let batch = keys(ids, texts.iter().map(|text| Some(text.as_str())).collect());
        let bytes = encode_file(&batch, filtered, writer);
        let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let (path, size) = (Path::from("a.parquet"), bytes.len() as u64);
        store.put(&path, bytes.into()).await.unwrap();
        (store, path, size)
    }

    #[tokio::test]
    async fn a_file_without_the_keys_is_left_out() {
        let (store, path, size) = stored(&["id", "name"], CREATED_BY).await;
        let may_be = async |names: &[&str], batch: RecordBatch| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            let keys = RunKeys::new(&names, &[batch]).unwrap().unwrap();
            keys.may_be_in(Arc::clone(&store), path.clone(), size).await
        };
        let both = ["id", "name"];
        assert!(
            may_be(
                &both,
                keys(vec![Some(-1), Some(7)], vec![Some("x"), Some("n7")])
            )
            .await
        );
        assert!(
            !may_be(
                &both,
                keys(vec![Some(-1), Some(5000)], vec![Some("n1"), Some("n2")])
            )
            .await
        );
        assert!(
            !may_be(
                &["id"],
                keys((2000..3500).map(Some).collect(), vec![None; 1500])
            )
            .await
        );
        // NULL is in no filter.
        assert!(may_be(&["id"], keys(vec![None], vec![None])).await);
        assert!(!may_be(&both, keys(vec![None], vec![Some("x")])).await);
        // As many keys are not looked up.
        assert!(
            may_be(
                &["id"],
                keys((2000..4500).map(Some).collect(), vec![None; 2500])
            )
            .await
        );
    }

    #[tokio::test]
    async fn a_file_without_filters_may_have_all_keys() {
        let (store, path, size) = stored(&[], CREATED_BY).await;
        let keys = RunKeys::new(&["id".to_owned()], &[keys(vec![Some(-1)], vec![None])]);
        let keys = keys.unwrap().unwrap();
        assert!(keys.may_be_in(Arc::clone(&store), path, size).await);
        let (other, path, size) = stored(&["id"], "another writer").await;
        assert!(keys.may_be_in(other, path, size).await);
        // One that cannot be read is read by those who say why.
        assert!(
            keys.may_be_in(store, Path::from("missing.parquet"), 10)
                .await
        );
    }
}
