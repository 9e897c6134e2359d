//! Which files are written, and their contents.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{AsArray, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::Int64Type;
use datafusion::physical_plan::ExecutionPlanProperties;
use parquet::basic::{Compression, Encoding};

use super::store::{listed, memory, parquet};
use super::{batch, context, ids, input, large, orders, spec, write};
use crate::sink::{GoldSinkExec, SortColumn, plan_sink};

#[tokio::test]
async fn every_partition_writes_a_file_of_its_own() {
    let store = memory();
    let schema = orders(0..1).schema();
    let parts = vec![
        vec![orders(0..10), orders(10..15)],
        vec![],
        vec![orders(15..20)],
    ];
    let plan = plan_sink(input(parts, &schema), spec(Arc::clone(&schema))).unwrap();
    assert_eq!(plan.output_partitioning().partition_count(), 1);
    let sink = Arc::clone(plan.children()[0]);
    assert_eq!(sink.output_partitioning().partition_count(), 3);
    assert!(sink.downcast_ref::<GoldSinkExec>().is_some());

    let files = write(&context(&store), plan).await.unwrap();
    // The empty partition writes nothing.
    assert_eq!(files.len(), 2);
    assert_eq!(ids(&store, &files).await, (0..20).collect::<Vec<_>>());
    let named: BTreeSet<String> = files
        .iter()
        .map(|file| format!("lake/orders/{}", file.path))
        .collect();
    assert_eq!(named, listed(&store).await.into_iter().collect());
    for file in &files {
        assert!(
            sluice_gold::DataFileName::parse(&file.path).is_some_and(|name| name.job_id == "job-1"),
            "{}",
            file.path
        );
        let (_, metadata) = parquet(&store, &format!("lake/orders/{}", file.path)).await;
        assert!(
            metadata
                .file_metadata()
                .created_by()
                .unwrap()
                .starts_with("sluice")
        );
        assert!(metadata.file_metadata().key_value_metadata().is_none());
        let column = metadata.row_group(0).column(0);
        assert!(
            matches!(column.compression(), Compression::ZSTD(level) if level.compression_level() == 1)
        );
        assert!(column.statistics().is_some());
    }
    let metrics = sink.metrics().unwrap();
    let metric = |name: &str| metrics.sum_by_name(name).unwrap().as_usize();
    assert_eq!(metric("rows_written"), 20);
    assert_eq!(metric("files_written"), 2);
    assert_eq!(
        metric("bytes_written") as u64,
        files.iter().map(|file| file.size).sum::<u64>()
    );
}

#[tokio::test]
async fn no_rows_no_file() {
    let store = memory();
    let schema = orders(0..1).schema();
    let parts = vec![vec![orders(0..0)], vec![]];
    let plan = plan_sink(input(parts, &schema), spec(schema)).unwrap();
    assert!(write(&context(&store), plan).await.unwrap().is_empty());
    assert!(listed(&store).await.is_empty());
}

#[tokio::test]
async fn hive_partitions_in_folders_sorted_within() {
    let store = memory();
    let days = Date32Array::from(vec![Some(1), Some(0), None, Some(1), Some(0), Some(0)]);
    let cities = StringArray::from(vec![
        Some("a/b"),
        Some("x"),
        Some(""),
        None,
        Some("x"),
        Some("x"),
    ]);
    let rows = batch(vec![
        ("day", Arc::new(days)),
        ("id", Arc::new(Int64Array::from(vec![6, 5, 4, 3, 2, 1]))),
        ("city", Arc::new(cities)),
    ]);
    let mut spec = spec(rows.schema());
    spec.partition_by = vec!["day".to_owned(), "city".to_owned()];
    spec.sort_by = vec![SortColumn {
        column: "id".to_owned(),
        descending: true,
        nulls_first: false,
    }];
    let schema = rows.schema();
    let mut files = write(
        &context(&store),
        plan_sink(input(vec![vec![rows]], &schema), spec).unwrap(),
    )
    .await
    .unwrap();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let folders: Vec<&str> = files
        .iter()
        .map(|file| file.path.rsplit_once('/').unwrap().0)
        .collect();
    let null = "__HIVE_DEFAULT_PARTITION__";
    assert_eq!(
        folders,
        [
            "day=1970-01-01/city=x".to_owned(),
            "day=1970-01-02/city=__HIVE_DEFAULT_PARTITION__".to_owned(),
            "day=1970-01-02/city=a%2Fb".to_owned(),
            format!("day={null}/city={null}"),
        ]
    );
    assert_eq!(
        files[2].partition_values,
        [
            ("day".to_owned(), Some("1970-01-02".to_owned())),
            ("city".to_owned(), Some("a/b".to_owned()))
        ]
    );
    assert_eq!(
        files[3].partition_values,
        [("day".to_owned(), None), ("city".to_owned(), None)]
    );
    let (batches, metadata) = parquet(&store, &format!("lake/orders/{}", files[0].path)).await;
    // Partition columns are not in the file, and the metadata has the order.
    assert_eq!(batches[0].num_columns(), 1);
    assert_eq!(
        batches[0]
            .column(0)
            .as_primitive::<Int64Type>()
            .values()
            .to_vec(),
        [5, 2, 1]
    );
    let sorted = metadata.row_group(0).sorting_columns().unwrap();
    assert_eq!((sorted[0].column_idx, sorted[0].descending), (0, true));
}

#[tokio::test]
async fn many_hive_partitions_one_file_each() {
    let store = memory();
    let schema = orders(0..1).schema();
    let batches: Vec<RecordBatch> = (0..30).map(|at| orders(at * 40..at * 40 + 40)).collect();
    let mut spec = spec(Arc::clone(&schema));
    spec.partition_by = vec!["city".to_owned()];
    let files = write(
        &context(&store),
        plan_sink(input(vec![batches], &schema), spec).unwrap(),
    )
    .await
    .unwrap();
    assert_eq!(files.len(), 3);
    assert_eq!(ids(&store, &files).await, (0..1200).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_file_ends_at_its_target_size() {
    let store = memory();
    let schema = orders(0..1).schema();
    let batches: Vec<RecordBatch> = (0..40)
        .map(|at| orders(at * 1000..at * 1000 + 1000))
        .collect();
    let mut spec = spec(Arc::clone(&schema));
    spec.target_file_bytes = 30_000;
    spec.row_group_rows = 2_500;
    let files = write(
        &context(&store),
        plan_sink(input(vec![batches], &schema), spec).unwrap(),
    )
    .await
    .unwrap();
    assert!(files.len() >= 3, "{}", files.len());
    assert!(files.iter().all(|file| file.size < 60_000));
    assert_eq!(ids(&store, &files).await, (0..40_000).collect::<Vec<_>>());
    for file in &files {
        let (_, metadata) = parquet(&store, &format!("lake/orders/{}", file.path)).await;
        assert!(
            metadata
                .row_groups()
                .iter()
                .all(|group| group.num_rows() <= 2_500)
        );
        assert_eq!(
            metadata.file_metadata().num_rows() as u64,
            file.stats.num_records
        );
    }
}

#[tokio::test]
async fn large_files_go_in_parts() {
    let store = memory();
    let rows = large();
    let schema = rows.schema();
    let mut spec = spec(Arc::clone(&schema));
    spec.row_group_rows = 100_000;
    let files = write(
        &context(&store),
        plan_sink(input(vec![vec![rows]], &schema), spec).unwrap(),
    )
    .await
    .unwrap();
    assert_eq!(files.len(), 1);
    assert!(files[0].size > 16 << 20, "{}", files[0].size);
    assert_eq!(ids(&store, &files).await, (0..400_000).collect::<Vec<_>>());
}

#[tokio::test]
async fn nearly_unique_columns_have_no_dictionary() {
    let store = memory();
    let rows = 8192;
    let unique =
        StringArray::from_iter_values((0..rows).map(|at| format!("{:032x}", at * 7919 % rows)));
    // The three rows of each are adjacent.
    let grouped = StringArray::from_iter_values((0..rows).map(|at| format!("{:032x}", at / 3)));
    let common =
        StringArray::from_iter_values((0..rows).map(|at| format!("product {}", at * 7919 % 2000)));
    let price = Float64Array::from_iter_values((0..rows).map(|at| (at % 50) as f64));
    let rows = batch(vec![
        ("unique", Arc::new(unique)),
        ("grouped", Arc::new(grouped)),
        ("common", Arc::new(common)),
        ("price", Arc::new(price)),
    ]);
    let schema = rows.schema();
    let plan = plan_sink(input(vec![vec![rows]], &schema), spec(schema)).unwrap();
    let files = write(&context(&store), plan).await.unwrap();
    let (_, metadata) = parquet(&store, &format!("lake/orders/{}", files[0].path)).await;
    let with_dictionary: Vec<bool> = metadata
        .row_group(0)
        .columns()
        .iter()
        .map(|column| {
            column
                .encodings()
                .any(|encoding| encoding == Encoding::RLE_DICTIONARY)
        })
        .collect();
    assert_eq!(with_dictionary, [false, false, true, true]);
}
