//! The sink over an in-memory store.

mod faults;
mod files;
mod store;
mod types;

use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, Date32Array, Int64Array, RecordBatch, StringArray, UInt64Array,
};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef, UInt64Type};
use datafusion::catalog::memory::MemorySourceConfig;
use datafusion::error::Result;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::physical_plan::{ExecutionPlan, collect};
use datafusion::prelude::{SessionConfig, SessionContext};
use object_store::ObjectStore;
use sluice_gold::DataFile;

use self::store::parquet;
use super::{GoldSinkExec, SinkSpec, SortColumn, codec, manifest_schema, read_manifest};

const TABLE: &str = "mem://gold/lake/orders";

fn context(store: &Arc<dyn ObjectStore>) -> SessionContext {
    context_with(store, RuntimeEnvBuilder::new())
}

fn context_with(store: &Arc<dyn ObjectStore>, runtime: RuntimeEnvBuilder) -> SessionContext {
    let runtime = runtime.build_arc().unwrap();
    let url = url::Url::parse("mem://gold").unwrap();
    runtime.register_object_store(&url, Arc::clone(store));
    SessionContext::new_with_config_rt(SessionConfig::new(), runtime)
}

fn spec(schema: SchemaRef) -> SinkSpec {
    SinkSpec::new(TABLE, "job-1", "orders", schema)
}

fn input(partitions: Vec<Vec<RecordBatch>>, schema: &SchemaRef) -> Arc<dyn ExecutionPlan> {
    MemorySourceConfig::try_new_exec(&partitions, Arc::clone(schema), None).unwrap()
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, array)| (name, array, true)),
    )
    .unwrap()
}

fn orders(ids: std::ops::Range<i64>) -> RecordBatch {
    batch(vec![
        ("id", Arc::new(Int64Array::from_iter_values(ids.clone()))),
        (
            "city",
            Arc::new(StringArray::from_iter_values(
                ids.map(|id| format!("c{}", id % 3)),
            )),
        ),
    ])
}

async fn write(context: &SessionContext, plan: Arc<dyn ExecutionPlan>) -> Result<Vec<DataFile>> {
    let mut files = Vec::new();
    for batch in collect(plan, context.task_ctx()).await? {
        assert_eq!(batch.schema(), manifest_schema());
        for (at, file) in read_manifest(&batch)?.into_iter().enumerate() {
            assert_eq!(
                batch.column(1).as_primitive::<UInt64Type>().value(at),
                file.stats.num_records
            );
            assert_eq!(
                batch.column(2).as_primitive::<UInt64Type>().value(at),
                file.size
            );
            files.push(file);
        }
    }
    Ok(files)
}

async fn ids(store: &dyn ObjectStore, files: &[DataFile]) -> Vec<i64> {
    let mut ids = Vec::new();
    for file in files {
        let (batches, _) = parquet(store, &format!("lake/orders/{}", file.path)).await;
        for batch in batches {
            ids.extend(
                batch
                    .column_by_name("id")
                    .unwrap()
                    .as_primitive::<Int64Type>()
                    .values(),
            );
        }
    }
    ids.sort_unstable();
    ids
}

/// About 25 MB that do not compress.
fn large() -> RecordBatch {
    let mut state = 1_u64;
    let mut next = move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        state ^ (state >> 29)
    };
    let text = StringArray::from_iter_values((0..400_000).map(|_| {
        (0..6)
            .map(|_| format!("{:016x}", next()))
            .collect::<String>()
    }));
    batch(vec![
        ("id", Arc::new(Int64Array::from_iter_values(0..400_000))),
        ("text", Arc::new(text)),
    ])
}

#[tokio::test]
async fn the_codec_gives_back_the_node() {
    let rows = batch(vec![
        ("day", Arc::new(Date32Array::from(vec![1]))),
        ("id", Arc::new(UInt64Array::from(vec![1]))),
    ]);
    let schema = rows.schema();
    let target = Arc::new(Schema::new(vec![
        Field::new("day", DataType::Date32, true),
        Field::new("id", DataType::Int64, false)
            .with_metadata([("comment".to_owned(), "its number".to_owned())].into()),
    ]));
    let mut spec = spec(target);
    spec.partition_by = vec!["day".to_owned()];
    spec.sort_by = vec![SortColumn {
        column: "id".to_owned(),
        descending: true,
        nulls_first: true,
    }];
    spec.target_file_bytes = 77;
    spec.row_group_rows = 78;
    spec.row_group_bytes = 79;
    spec.zstd_level = 3;
    let input = input(vec![vec![rows]], &schema);
    let node = GoldSinkExec::try_new(Arc::clone(&input), Arc::new(spec)).unwrap();
    let bytes = codec::encode_sink(&node).unwrap();
    let decoded = codec::decode_sink(&bytes, &[Arc::clone(&input)]).unwrap();
    let decoded = decoded.downcast_ref::<GoldSinkExec>().unwrap();
    assert_eq!(decoded.spec(), node.spec());
    assert_eq!(
        format!("{:?}", decoded.ordering()),
        format!("{:?}", node.ordering())
    );

    assert!(codec::decode_sink(&bytes, &[]).is_err());
    let error = codec::decode_sink(&[255, 255], &[input])
        .unwrap_err()
        .to_string();
    assert!(error.contains("a gold sink cannot be read"), "{error}");
}
