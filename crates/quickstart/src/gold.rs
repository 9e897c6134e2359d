//! Reads the newest version of gold tables.

use std::fs::File;
use std::path::Path;

use anyhow::{Context, bail};
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use sluice_gold::{GoldTable, Snapshot};
use sluice_storage::{StoreOptions, Stores};

/// A table as its Delta log describes it, with its first rows.
#[derive(Debug)]
pub(crate) struct TableSample {
    pub(crate) name: String,
    pub(crate) version: u64,
    pub(crate) comment: Option<String>,
    pub(crate) schema: SchemaRef,
    pub(crate) rows: u64,
    pub(crate) files: usize,
    pub(crate) bytes: u64,
    pub(crate) first_rows: Vec<RecordBatch>,
}

/// Reads these tables of a gold folder, with the first `rows` rows of each.
///
/// # Errors
/// When a table does not exist, or its log or files cannot be read.
pub(crate) fn read_tables(
    gold: &Path,
    names: &[&str],
    rows: usize,
) -> anyhow::Result<Vec<TableSample>> {
    let stores = Stores::new(StoreOptions::new());
    let folder = gold
        .to_str()
        .context("the gold folder's name is not UTF-8")?;
    let root = stores.parse_location(folder)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    names
        .iter()
        .map(|name| {
            let table = GoldTable::open(&stores, &root, name)?;
            let Some(snapshot) = runtime.block_on(table.load_snapshot())? else {
                bail!("there is no table {name} in {}", gold.display());
            };
            read_sample(name, &gold.join(name), &snapshot, rows)
        })
        .collect()
}

fn read_sample(
    name: &str,
    folder: &Path,
    snapshot: &Snapshot,
    mut remaining_rows: usize,
) -> anyhow::Result<TableSample> {
    let mut rows = 0;
    let mut batches = Vec::new();
    for file in &snapshot.files {
        let path = folder.join(&file.path);
        let opened =
            File::open(&path).with_context(|| format!("cannot open {}", path.display()))?;
        let reader = ParquetRecordBatchReaderBuilder::try_new(opened)
            .with_context(|| format!("cannot read {}", path.display()))?;
        rows += u64::try_from(reader.metadata().file_metadata().num_rows()).unwrap_or_default();
        if remaining_rows > 0 {
            for batch in reader.with_limit(remaining_rows).build()? {
                let batch = batch.with_context(|| format!("cannot read {}", path.display()))?;
                remaining_rows = remaining_rows.saturating_sub(batch.num_rows());
                batches.push(batch);
            }
        }
    }
    Ok(TableSample {
        name: name.to_owned(),
        version: snapshot.version,
        comment: snapshot.description.clone(),
        schema: snapshot.schema.clone(),
        rows,
        files: snapshot.files.len(),
        bytes: snapshot.total_bytes(),
        first_rows: batches,
    })
}
