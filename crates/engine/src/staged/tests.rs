//! Staged rows are read as they were written: with projections, with row ids and
//! through the codec. A lost part is an error that names it.

use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, Int64Array, RecordBatch, StringArray, UInt64Array};
use datafusion::arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef, UInt64Type};
use datafusion::catalog::TableProvider;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::{ExecutionPlan, collect, collect_partitioned};
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion_proto::bytes::{
    physical_plan_from_bytes_with_extension_codec, physical_plan_to_bytes_with_extension_codec,
};

use super::*;
use crate::codec::SluiceCodec;
use crate::dedup::ROW_ID;
use crate::executor_context::ExecutorContext;
use crate::task_failure::{FailureKind, classify_error};

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int64, false),
        Field::new("name", DataType::Utf8, true),
    ]))
}

fn batch(from: i64, rows: i64) -> RecordBatch {
    let ids = Int64Array::from_iter_values(from..from + rows);
    let names: StringArray = (from..from + rows)
        .map(|i| (i % 3 != 0).then(|| format!("n{i}")))
        .collect();
    RecordBatch::try_new(schema(), vec![Arc::new(ids), Arc::new(names)]).unwrap()
}

fn context(dir: &std::path::Path) -> SessionContext {
    let node = ExecutorContext {
        work_dir: dir.to_owned(),
        host: String::new(),
        flight_port: 0,
    };
    SessionContext::new_with_config(node.attach_to(SessionConfig::new().with_target_partitions(3)))
}

/// A table with these parts.
fn table_of(name: &str, schema: SchemaRef, parts: Vec<StagedPart>) -> StagedTable {
    let parts = parts.into_iter().map(Arc::new).collect();
    StagedTable::new(name, schema, 0).with_parts(Some(parts))
}

/// Stages three partitions, the last of them empty.
async fn stage(context: &SessionContext, token: &str) -> Vec<StagedPart> {
    let partitions = vec![
        vec![batch(0, 10), batch(10, 5)],
        vec![batch(100, 7)],
        vec![],
    ];
    let input = MemorySourceConfig::try_new_exec(&partitions, schema(), None).unwrap();
    let writer: Arc<dyn ExecutionPlan> = Arc::new(StageWriterExec::new(input, token));
    let writer = through_codec(context, writer);
    let rows = collect_partitioned(writer, context.task_ctx())
        .await
        .unwrap();
    rows.iter()
        .flatten()
        .flat_map(|batch| {
            let column = batch.column(0).as_string::<i32>().clone();
            (0..column.len())
                .map(move |row| serde_json::from_str(column.value(row)).unwrap())
                .collect::<Vec<_>>()
        })
        .collect()
}

fn through_codec(context: &SessionContext, plan: Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> {
    let codec = SluiceCodec::new();
    let bytes = physical_plan_to_bytes_with_extension_codec(plan, &codec).unwrap();
    let task: Arc<TaskContext> = context.task_ctx();
    physical_plan_from_bytes_with_extension_codec(&bytes, &task, &codec).unwrap()
}

async fn scan(
    context: &SessionContext,
    table: &StagedTable,
    projection: Option<Vec<usize>>,
) -> Vec<RecordBatch> {
    let plan = table
        .scan(&context.state(), projection.as_ref(), &[], None)
        .await
        .unwrap();
    collect(through_codec(context, plan), context.task_ctx())
        .await
        .unwrap()
}

#[tokio::test]
async fn rows_come_back_by_projection() {
    let dir = tempfile::tempdir().unwrap();
    let context = context(dir.path());
    let table = table_of("rows", schema(), stage(&context, "t").await);
    assert_eq!(table.parts().unwrap().len(), 2);
    let mut ids: Vec<i64> = Vec::new();
    for batch in scan(&context, &table, Some(vec![1, 0])).await {
        let (names, column) = (
            batch.column(0).as_string::<i32>(),
            batch.column(1).as_primitive::<Int64Type>(),
        );
        for row in 0..batch.num_rows() {
            let id = column.value(row);
            assert_eq!(names.is_null(row), id % 3 == 0);
            assert!(names.is_null(row) || names.value(row) == format!("n{id}"));
            ids.push(id);
        }
    }
    ids.sort_unstable();
    assert_eq!(ids, (0..15).chain(100..107).collect::<Vec<_>>());
    let count: usize = scan(&context, &table, Some(vec![]))
        .await
        .iter()
        .map(RecordBatch::num_rows)
        .sum();
    assert_eq!(count, 22);
}

#[tokio::test]
async fn numbers_are_unique_and_the_same_in_every_scan() {
    let dir = tempfile::tempdir().unwrap();
    let context = context(dir.path());
    let table = table_of("rows", schema(), stage(&context, "t").await).with_row_id();
    assert_eq!(table.schema().field(2).name(), ROW_ID);
    let pairs = |batches: Vec<RecordBatch>, id: usize, number: usize| {
        let mut pairs: Vec<(i64, u64)> = batches
            .iter()
            .flat_map(|batch| {
                let ids = batch
                    .column(id)
                    .as_primitive::<Int64Type>()
                    .values()
                    .to_vec();
                let numbers = batch
                    .column(number)
                    .as_primitive::<UInt64Type>()
                    .values()
                    .to_vec();
                ids.into_iter().zip(numbers)
            })
            .collect();
        pairs.sort_unstable();
        pairs
    };
    let first = pairs(scan(&context, &table, None).await, 0, 2);
    let second = pairs(scan(&context, &table, Some(vec![2, 0])).await, 1, 0);
    assert_eq!(first, second);
    let unique: std::collections::BTreeSet<u64> = first.iter().map(|(_, number)| *number).collect();
    assert_eq!(unique.len(), 22);
}

#[tokio::test]
async fn duplicates_are_dropped_in_both_ways() {
    let dir = tempfile::tempdir().unwrap();
    let context = context(dir.path());
    context.register_udf(crate::dedup::row_kept_udf().as_ref().clone());
    let rows = table_of("rows", schema(), stage(&context, "rows").await);
    let rows = Arc::new(rows.with_row_id());
    let numbers: Vec<u64> = scan(&context, &rows, Some(vec![2]))
        .await
        .iter()
        .flat_map(|batch| {
            batch
                .column(0)
                .as_primitive::<UInt64Type>()
                .values()
                .to_vec()
        })
        .take(4)
        .collect();
    let losers_schema: SchemaRef = Arc::new(Schema::new(vec![Field::new(
        ROW_ID,
        DataType::UInt64,
        false,
    )]));
    let losers_batch = RecordBatch::try_new(
        Arc::clone(&losers_schema),
        vec![Arc::new(UInt64Array::from(numbers.clone()))],
    )
    .unwrap();
    let input =
        MemorySourceConfig::try_new_exec(&[vec![losers_batch]], Arc::clone(&losers_schema), None)
            .unwrap();
    let writer: Arc<dyn ExecutionPlan> = Arc::new(StageWriterExec::new(input, "losers"));
    let manifest = collect(writer, context.task_ctx()).await.unwrap();
    let parts = manifest
        .iter()
        .map(|batch| serde_json::from_str(batch.column(0).as_string::<i32>().value(0)).unwrap())
        .collect();
    let losers = Arc::new(table_of("losers", losers_schema, parts));
    for listed in [true, false] {
        let table = DeduplicatedTable::new(Arc::clone(&rows), Arc::clone(&losers))
            .with_max_listed(if listed { 100 } else { 0 });
        let plan = table
            .scan(&context.state(), Some(&vec![0]), &[], None)
            .await
            .unwrap();
        let kept = collect(plan, context.task_ctx()).await.unwrap();
        assert_eq!(
            kept.iter().map(RecordBatch::num_rows).sum::<usize>(),
            22 - numbers.len(),
            "listed: {listed}"
        );
        assert!(kept.iter().all(|batch| batch.num_columns() == 1));
    }
}

#[tokio::test]
async fn a_lost_part_is_reported_by_its_token() {
    let dir = tempfile::tempdir().unwrap();
    let context = context(dir.path());
    let parts = stage(&context, "token-7").await;
    std::fs::remove_dir_all(dir.path().join("token-7")).unwrap();
    let table = table_of("rows", schema(), parts);
    let plan = table.scan(&context.state(), None, &[], None).await.unwrap();
    let error = collect(plan, context.task_ctx()).await.unwrap_err();
    let failure = classify_error(&error, &|_| None);
    let stage = "token-7".to_owned();
    assert_eq!(failure.kind, FailureKind::StagedLost { stage }, "{failure}");
    assert!(error.to_string().contains("SLUICE_STAGED_LOST"), "{error}");
}

#[tokio::test]
async fn an_empty_relation_scans_as_empty() {
    let dir = tempfile::tempdir().unwrap();
    let context = context(dir.path());
    let table = StagedTable::new("rows", schema(), 0);
    let state = context.state();
    assert!(
        table.scan(&state, None, &[], None).await.is_err(),
        "not computed yet"
    );
    let table = table.with_parts(Some(Arc::new([])));
    let plan = table.scan(&state, Some(&vec![1]), &[], None).await.unwrap();
    assert_eq!(plan.schema().field(0).name(), "name");
    assert!(collect(plan, context.task_ctx()).await.unwrap().is_empty());
}
