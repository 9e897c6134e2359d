//! Writes a small table and measures what its commits cost.
//!
//! `cargo run -p sluice-gold --example commit_cost -- FOLDER [VERSIONS]` creates
//! `FOLDER/orders`, replaces it VERSIONS times (by default 21), and prints the
//! milliseconds of each step. Other readers can then read the table.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{
    ArrayRef, Date32Array, Decimal128Array, Int64Array, ListArray, RecordBatch, StringArray,
    TimestampMicrosecondArray, UInt64Array,
};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{Field, Int64Type, Schema};
use object_store::ObjectStoreExt as _;
use parquet::arrow::ArrowWriter;
use sluice_gold::{
    CommitInfo, CommitOutcome, DataFile, DataFileName, GoldTable, TableSpec, delta_schema,
    partition_path, stats_from_parquet,
};
use sluice_storage::{StoreOptions, Stores};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Partition values, including some that need escaping.
const DAYS: [Option<&str>; 3] = [Some("2024-01-01"), Some("a/b c=%ü"), None];

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let folder = args.next().ok_or("which folder?")?;
    let versions: u64 = args.next().map_or(Ok(21), |text| text.parse())?;
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?
        .block_on(run(&folder, versions))
}

async fn run(folder: &str, versions: u64) -> Result<()> {
    let mut out = std::io::stdout();
    let stores = Stores::new(StoreOptions::new());
    let root = stores.parse_location(folder)?;
    let table = GoldTable::open(&stores, &root, "orders")?;
    let batch = sample_rows()?;
    let mut fields: Vec<Field> = vec![Field::new("day", arrow::datatypes::DataType::Utf8, true)];
    fields.extend(batch.schema().fields().iter().map(|f| f.as_ref().clone()));
    let spec = TableSpec {
        name: "orders".to_owned(),
        schema: Arc::new(Schema::new(fields)),
        partition_by: vec!["day".to_owned()],
        properties: BTreeMap::from([("owner".to_owned(), "example".to_owned())]),
        comment: Some("orders by day".to_owned()),
    };
    let mut costs = Vec::new();
    for number in 0..versions {
        let job = format!("example-{number}");
        let mut adds = Vec::new();
        for day in DAYS {
            adds.push(write_file(&table, &job, day, &batch).await?);
        }
        let info = CommitInfo {
            job_id: job,
            job_name: "example".to_owned(),
            engine: "sluice/0.1.0".to_owned(),
            commit_id: uuid::Uuid::new_v4(),
            txn: None,
        };
        let start = Instant::now();
        let outcome = table.commit_replace(&spec, &adds, &info).await?;
        let cost = start.elapsed();
        let CommitOutcome::Committed { version, .. } = outcome else {
            return Err(format!("not committed: {outcome:?}").into());
        };
        let start = Instant::now();
        let snapshot = table.load_snapshot().await?.ok_or("no table")?;
        writeln!(
            out,
            "version {version}: commit {:.1} ms, snapshot of {} files {:.1} ms",
            millis(cost),
            snapshot.files.len(),
            millis(start.elapsed()),
        )?;
        costs.push(cost);
    }
    let start = Instant::now();
    table.write_checkpoint().await?;
    writeln!(out, "checkpoint {:.1} ms", millis(start.elapsed()))?;
    let start = Instant::now();
    table.load_snapshot().await?;
    writeln!(out, "snapshot from it {:.1} ms", millis(start.elapsed()))?;
    costs.sort();
    if let Some(median) = costs.get(costs.len() / 2) {
        let least = millis(costs[0]);
        writeln!(
            out,
            "commits: median {:.1} ms, least {least:.1} ms",
            millis(*median)
        )?;
    }
    Ok(())
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

fn sample_rows() -> Result<RecordBatch> {
    let long = "x".repeat(40);
    let amounts = Decimal128Array::from(vec![Some(-105), None, Some(12_345)]);
    let times = vec![1_704_103_200_123_456, 0, -1];
    let lists = vec![Some(vec![Some(1), None]), None, Some(vec![])];
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(Int64Array::from(vec![1, 2, 3]))),
        ("rank", Arc::new(UInt64Array::from(vec![1, 1, 2]))),
        (
            "name",
            Arc::new(StringArray::from(vec![
                Some("a"),
                Some(long.as_str()),
                None,
            ])),
        ),
        ("amount", Arc::new(amounts.with_precision_and_scale(20, 2)?)),
        (
            "at",
            Arc::new(TimestampMicrosecondArray::from(times).with_timezone("UTC")),
        ),
        ("on", Arc::new(Date32Array::from(vec![19_723, 0, -1]))),
        (
            "tags",
            Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(lists)),
        ),
    ];
    Ok(RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, array)| (name, array, true)),
    )?)
}

async fn write_file(
    table: &GoldTable,
    job: &str,
    day: Option<&str>,
    batch: &RecordBatch,
) -> Result<DataFile> {
    let schema = delta_schema(&batch.schema());
    let exact = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    let columns = batch
        .columns()
        .iter()
        .zip(schema.fields())
        .map(|(column, field)| cast_with_options(column, field.data_type(), &exact))
        .collect::<std::result::Result<Vec<_>, _>>()?;
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns)?;
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, Arc::clone(&schema), None)?;
    writer.write(&batch)?;
    let metadata = writer.close()?;
    let size = bytes.len() as u64;
    let values = vec![("day".to_owned(), day.map(str::to_owned))];
    let name = DataFileName::new(job, 0).ok_or("bad job id")?;
    let path = format!("{}{name}", partition_path(&values));
    let full = table.location().join(&path)?;
    table
        .store_path()
        .store
        .put(full.path(), bytes.into())
        .await?;
    Ok(DataFile {
        path,
        size,
        modification_time_ms: chrono::Utc::now().timestamp_millis(),
        partition_values: values,
        stats: stats_from_parquet(&metadata, &schema),
    })
}
