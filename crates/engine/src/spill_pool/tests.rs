use std::sync::Arc;

use datafusion::arrow::array::{AsArray, Int32Array, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Field, Int64Type, Schema};
use datafusion::datasource::MemTable;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::{SessionConfig, SessionContext};

use super::*;
use crate::job::with_low_memory;

const MIB: usize = 1024 * 1024;
const ROWS: i64 = 2_000_000;

fn pool_of(size: usize) -> Arc<dyn MemoryPool> {
    Arc::new(SpillPool::new(size))
}

fn sorter(pool: &Arc<dyn MemoryPool>) -> MemoryReservation {
    MemoryConsumer::new("ExternalSorter[0]")
        .with_can_spill(true)
        .register(pool)
}

#[test]
fn a_sort_leaves_half_of_its_share_for_its_merge() {
    let pool = pool_of(1000);
    let sort = sorter(&pool);
    sort.try_grow(900).unwrap();
    assert!(sort.try_grow(1).is_err(), "the first batch is taken");
    sort.free();
    sort.try_grow(100).unwrap();
    sort.try_grow(400).unwrap();
    assert!(sort.try_grow(1).is_err());
    let merge = MemoryConsumer::new("ExternalSorterMerge[0]").register(&pool);
    merge.try_grow(500).unwrap();
    assert!(merge.try_grow(1).is_err());
    assert_eq!(pool.reserved(), 1000);
    // What it has merged is written to disk as soon as there is little room.
    merge.shrink(200);
    sort.shrink(400);
    assert!(sort.try_grow(250).is_ok());
    assert!(sort.try_grow(250).is_err());
}

#[test]
fn operators_that_can_spill_have_equal_shares_of_what_the_others_leave() {
    let pool = pool_of(1000);
    let spilling = |name: &str| {
        MemoryConsumer::new(name)
            .with_can_spill(true)
            .register(&pool)
    };
    let (one, two) = (spilling("a"), spilling("b"));
    let other = MemoryConsumer::new("c").register(&pool);
    other.try_grow(200).unwrap();
    one.try_grow(400).unwrap();
    assert!(one.try_grow(1).is_err());
    two.try_grow(400).unwrap();
    assert!(other.try_grow(1).is_err());
    drop(two);
    one.try_grow(400).unwrap();
    let message = one.try_grow(1).unwrap_err().to_string();
    assert!(
        message.contains("a needs 1.0 B more in addition to 800.0 B"),
        "{message}"
    );
    drop((one, other));
    assert_eq!(pool.reserved(), 0);
}

#[test]
fn few_files_are_merged_at_a_time_with_little_memory() {
    assert_eq!(merge_fan_in(0), MIN_FAN_IN);
    assert_eq!(merge_fan_in(256 * MIB), 32);
    assert_eq!(merge_fan_in(usize::MAX), MAX_FAN_IN);
}

/// Sorts narrow rows in a pool of `bytes`, and gives how many of them are in order.
async fn count_sorted(bytes: usize, order: &str, config: SessionConfig) -> Result<i64> {
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_pool(pool_of(bytes))
        .build_arc()?;
    let config = config.with_target_partitions(1);
    let session = SessionContext::new_with_config_rt(config, runtime);
    let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Int32, false)]));
    let batches: Result<Vec<RecordBatch>, _> = (0..ROWS / 8000)
        .map(|batch| {
            let numbers = (0..8000).map(|row| {
                let number = (batch * 8000 + row) * 7_919 % ROWS;
                i32::try_from(number).unwrap_or(i32::MAX)
            });
            let column: Int32Array = numbers.collect();
            RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(column)])
        })
        .collect();
    let table = MemTable::try_new(schema, vec![batches?])?;
    session.register_table("t", Arc::new(table))?;
    // The window keeps the sort, and counts the rows that follow their key.
    let query = format!(
        "SELECT count(*) FILTER (WHERE n = place - 1) FROM \
         (SELECT n, row_number() OVER (ORDER BY {order}) AS place FROM t)"
    );
    let rows = session.sql(&query).await?.collect().await?;
    Ok(rows[0].column(0).as_primitive::<Int64Type>().value(0))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sorts_spill() {
    let sorted = count_sorted(24 * MIB, "n", SessionConfig::new()).await;
    assert_eq!(sorted.unwrap(), ROWS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sorts_of_low_memory_plans_spill_however_large_their_keys_are() {
    for order in [
        "n",
        "n / 1000, n % 1000",
        "n / 1000000, n / 1000 % 1000, n % 1000",
        "concat(CAST(n + 10000000 AS VARCHAR), '-0123456789')",
    ] {
        let sorted = count_sorted(24 * MIB, order, with_low_memory(SessionConfig::new())).await;
        assert_eq!(sorted.unwrap(), ROWS, "{order}");
    }
}
