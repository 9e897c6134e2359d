use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, ListArray, RecordBatch, StringArray, StructArray,
    UInt64Array,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, Fields, Schema, UInt64Type};
use arrow::util::pretty::pretty_format_batches;
use datafusion::common::{Column, JoinType};
use datafusion::datasource::{MemTable, provider_as_source};
use datafusion::logical_expr::logical_plan::TableScan;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, TableSource};
use datafusion::prelude::{SessionConfig, SessionContext};

use super::find::innermost_dedup;
use super::{DedupSplit, Numbering, ROW_ID, row_kept, row_kept_udf, split_dedup};
use crate::source::POSITION_COLUMN;

/// Pseudo-random numbers that are the same on every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// Rows with duplicate and NULL keys; `o` is unique unless `ties`.
fn rows(seed: u64, count: usize, ties: bool) -> RecordBatch {
    let mut numbers = Numbers(seed);
    let mut orders: Vec<i64> = (0..count as i64).collect();
    for at in (1..count).rev() {
        orders.swap(at, numbers.below(at as u64 + 1) as usize);
    }
    let keys: StringArray = (0..count)
        .map(|_| match numbers.below(count as u64) {
            0..3 => None,
            key => Some(format!("k{}", key % (count as u64 * 3 / 4))),
        })
        .collect();
    let orders: Int64Array = orders
        .into_iter()
        .map(|order| (!ties || order % 5 != 0).then_some(if ties { order % 3 } else { order }))
        .collect();
    let values: Int64Array = (0..count).map(|_| Some(numbers.below(4) as i64)).collect();
    let items = Int64Array::from_iter_values((0..count).map(|_| numbers.below(3) as i64));
    let list = ListArray::new(
        Arc::new(Field::new("item", DataType::Int64, true)),
        OffsetBuffer::from_lengths(std::iter::repeat_n(1, count)),
        Arc::new(items),
        None,
    );
    let inner = Fields::from(vec![Field::new("x", DataType::Int64, true)]);
    let nested = StructArray::new(inner, vec![Arc::new(values.clone())], None);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("k", Arc::new(keys)),
        ("o", Arc::new(orders)),
        ("v", Arc::new(values)),
        ("n", Arc::new(nested)),
        ("l", Arc::new(list)),
    ];
    with_columns(columns)
}

fn with_columns(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let schema = Schema::new(
        columns
            .iter()
            .map(|(name, array)| Field::new(*name, array.data_type().clone(), true))
            .collect::<Vec<_>>(),
    );
    RecordBatch::try_new(
        Arc::new(schema),
        columns.into_iter().map(|(_, array)| array).collect(),
    )
    .unwrap()
}

fn numbered(batch: &RecordBatch, name: &str) -> RecordBatch {
    let mut fields: Vec<_> = batch.schema().fields().iter().cloned().collect();
    fields.push(Arc::new(Field::new(name, DataType::UInt64, false)));
    let mut columns = batch.columns().to_vec();
    columns.push(Arc::new(UInt64Array::from_iter_values(
        0..batch.num_rows() as u64,
    )));
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

/// The batch cut into pieces, distributed over partitions.
fn table(batch: &RecordBatch, partitions: usize, piece: usize) -> Arc<MemTable> {
    let mut parts = vec![Vec::new(); partitions];
    let mut at = 0;
    while at < batch.num_rows() {
        let rows = piece.min(batch.num_rows() - at);
        parts[(at / piece) % partitions].insert(0, batch.slice(at, rows));
        at += rows;
    }
    Arc::new(MemTable::try_new(batch.schema(), parts).unwrap())
}

struct Case {
    context: SessionContext,
    positioned: Arc<dyn TableSource>,
}

fn case(batch: &RecordBatch, partitions: usize, piece: usize) -> Case {
    let config = SessionConfig::new()
        .with_target_partitions(partitions)
        .with_batch_size(piece.max(2));
    let context = SessionContext::new_with_config(config);
    context.register_udf(row_kept_udf().as_ref().clone());
    context
        .register_table("t", table(batch, partitions, piece))
        .unwrap();
    context
        .register_table("d", table(&rows(99, 8, false), 1, 8))
        .unwrap();
    let positioned =
        provider_as_source(table(&numbered(batch, POSITION_COLUMN), partitions, piece));
    Case {
        context,
        positioned,
    }
}

impl Case {
    async fn plan(&self, sql: &str, optimized: bool) -> LogicalPlan {
        let state = self.context.state();
        let plan = state.create_logical_plan(sql).await.unwrap();
        if optimized {
            state.optimize(&plan).unwrap()
        } else {
            // Types are coerced, as when a job is planned.
            let options = state.config_options();
            state
                .analyzer()
                .execute_and_check(plan, options, |_, _| {})
                .unwrap()
        }
    }

    fn split(&self, plan: LogicalPlan, positions: bool) -> Option<DedupSplit> {
        split_dedup(plan, &|scan: &TableScan| {
            (positions && scan.table_name.table() == "t").then(|| Arc::clone(&self.positioned))
        })
        .unwrap()
    }

    async fn run(&self, plan: &LogicalPlan) -> Vec<RecordBatch> {
        let frame = self
            .context
            .execute_logical_plan(plan.clone())
            .await
            .unwrap();
        frame.collect().await.unwrap()
    }

    /// The staged rows as a table.
    async fn stage(&self, split: &DedupSplit) -> LogicalPlan {
        let schema = split.input.schema().inner();
        let batches = self.run(&split.input).await;
        let mut batch = arrow::compute::concat_batches(schema, &batches).unwrap();
        if split.numbering == Numbering::Append {
            batch = numbered(&batch, ROW_ID);
        }
        assert_eq!(batch.schema().as_ref(), &split.staged_schema());
        let source = provider_as_source(table(&batch, 3, 7));
        LogicalPlanBuilder::scan("staged", source, None)
            .unwrap()
            .build()
            .unwrap()
    }

    /// The plan's rows by staging, with both ways to drop the duplicates.
    async fn rewritten(&self, plan: LogicalPlan, positions: bool) -> Vec<String> {
        let mut joined = plan.clone();
        let mut listed = plan;
        while let Some(split) = self.split(joined.clone(), positions) {
            let staged = self.stage(&split).await;
            let losers = split.duplicate_ids(&staged).unwrap();
            let survivors = split
                .deduplicated(&without_joined(&staged, &losers))
                .unwrap();
            joined = split.replace_in_plan(&survivors).unwrap();

            let split = self.split(listed, positions).unwrap();
            let ids: Vec<u64> = self
                .run(&losers)
                .await
                .iter()
                .flat_map(|batch| {
                    batch
                        .column(0)
                        .as_primitive::<UInt64Type>()
                        .values()
                        .to_vec()
                })
                .collect();
            let survivors = split.deduplicated(&without_listed(&staged, &ids)).unwrap();
            listed = split.replace_in_plan(&survivors).unwrap();
        }
        let joined = text(&self.run(&joined).await);
        assert_eq!(joined, text(&self.run(&listed).await));
        joined
    }
}

/// The staged rows without those whose id `duplicates` has, by a join.
fn without_joined(staged: &LogicalPlan, duplicates: &LogicalPlan) -> LogicalPlan {
    let on = |relation: &str| vec![Column::new(Some(relation), ROW_ID)];
    let rows = LogicalPlanBuilder::from(staged.clone())
        .alias("__staged")
        .unwrap()
        .build()
        .unwrap();
    LogicalPlanBuilder::from(duplicates.clone())
        .alias("__duplicates")
        .unwrap()
        .join(
            rows,
            JoinType::RightAnti,
            (on("__duplicates"), on("__staged")),
            None,
        )
        .unwrap()
        .build()
        .unwrap()
}

/// The staged rows without those with these ids, by a filter.
fn without_listed(staged: &LogicalPlan, duplicates: &[u64]) -> LogicalPlan {
    let id = Expr::Column(Column::new(Some("staged"), ROW_ID));
    LogicalPlanBuilder::from(staged.clone())
        .filter(row_kept(id, duplicates))
        .unwrap()
        .build()
        .unwrap()
}

fn text(batches: &[RecordBatch]) -> Vec<String> {
    let mut lines: Vec<String> = pretty_format_batches(batches)
        .unwrap()
        .to_string()
        .lines()
        .filter(|line| !line.starts_with('+'))
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    lines.sort();
    lines
}

/// Ways to write a deduplication, all with a unique order.
const SPELLINGS: &[&str] = &[
    "SELECT * FROM t QUALIFY row_number() OVER (PARTITION BY k ORDER BY o) = 1",
    "SELECT k, v FROM t QUALIFY row_number() OVER (PARTITION BY k ORDER BY o DESC) <= 1",
    "SELECT k, o, row_number() OVER (PARTITION BY k, v ORDER BY o NULLS FIRST) AS rn FROM t QUALIFY rn < 2",
    "SELECT a.k, a.n['x'] FROM (SELECT *, row_number() OVER (PARTITION BY k ORDER BY o) AS rn FROM t) a WHERE a.rn = 1",
    "SELECT k, rn FROM (SELECT k, row_number() OVER (PARTITION BY k ORDER BY o) AS rn FROM t) WHERE 1 = rn",
    "SELECT k, o FROM (SELECT *, row_number() OVER (PARTITION BY k ORDER BY o) AS rn FROM t WHERE v > 0) WHERE 2 > rn AND o > 5",
    "SELECT k, v + 1 AS w FROM t WHERE v <> 2 QUALIFY v < 3 AND row_number() OVER (PARTITION BY upper(k) ORDER BY o % 7, o) = 1",
    "WITH s AS (SELECT k AS kk, o AS oo, l FROM t) SELECT count(*), sum(oo) FROM (SELECT * FROM s QUALIFY row_number() OVER (PARTITION BY kk ORDER BY oo) = 1)",
    "SELECT a.k, a.o, b.v FROM t a JOIN d b ON a.v = b.v QUALIFY row_number() OVER (PARTITION BY a.k ORDER BY a.o, b.o) = 1",
    "SELECT k, c FROM (SELECT k, v, count(*) AS c FROM t GROUP BY k, v) QUALIFY row_number() OVER (PARTITION BY k ORDER BY v) = 1",
    "SELECT x.k, y.o FROM (SELECT * FROM t QUALIFY row_number() OVER (PARTITION BY k ORDER BY o) = 1) x
     JOIN (SELECT * FROM t QUALIFY row_number() OVER (PARTITION BY k ORDER BY o DESC) = 1) y ON x.k = y.k",
    "SELECT k, v, o FROM (SELECT * FROM t QUALIFY row_number() OVER (PARTITION BY k ORDER BY o) = 1) QUALIFY row_number() OVER (PARTITION BY v ORDER BY o DESC) = 1",
];

#[tokio::test]
async fn equals_row_number_for_a_unique_order() {
    for (at, sql) in SPELLINGS.iter().enumerate() {
        let case = case(&rows(at as u64, 60, false), 3, 7);
        let expected = text(&case.run(&case.plan(sql, false).await).await);
        assert!(expected.len() > 1, "{sql}");
        for optimized in [false, true] {
            for positions in [false, true] {
                let plan = case.plan(sql, optimized).await;
                assert!(innermost_dedup(&plan).is_some(), "{sql}\n{plan}");
                let rewritten = case.rewritten(plan, positions).await;
                assert_eq!(
                    rewritten, expected,
                    "{sql} (optimized: {optimized}, positions: {positions})"
                );
            }
        }
    }
}

#[tokio::test]
async fn random_rows() {
    for seed in 100..120 {
        let size = 5 + (seed as usize * 7) % 90;
        let case = case(
            &rows(seed, size, false),
            1 + seed as usize % 4,
            1 + seed as usize % 11,
        );
        let sql = SPELLINGS[seed as usize % 3];
        let expected = text(&case.run(&case.plan(sql, false).await).await);
        let plan = case.plan(sql, true).await;
        assert_eq!(
            case.rewritten(plan, seed % 2 == 0).await,
            expected,
            "seed {seed}"
        );
    }
}

#[tokio::test]
async fn ties_are_decided_the_same_way_each_run() {
    for sql in [
        "SELECT * FROM t QUALIFY row_number() OVER (PARTITION BY k ORDER BY o) = 1",
        "SELECT k, v, n, l FROM t QUALIFY row_number() OVER (PARTITION BY k ORDER BY o DESC NULLS LAST) = 1",
        "SELECT * FROM t QUALIFY row_number() OVER (PARTITION BY k) = 1",
    ] {
        for positions in [false, true] {
            let batch = rows(7, 80, true);
            let mut seen: Option<Vec<String>> = None;
            for (partitions, piece) in [(1, 80), (1, 3), (2, 9), (4, 5), (3, 1)] {
                let case = case(&batch, partitions, piece);
                let plan = case.plan(sql, true).await;
                let rewritten = case.rewritten(plan, positions).await;
                match &seen {
                    Some(seen) => assert_eq!(&rewritten, seen, "{sql} {partitions} {piece}"),
                    None => seen = Some(rewritten),
                }
            }
        }
    }
}

#[tokio::test]
async fn a_place_in_the_source_keeps_the_first_row() {
    let batch = with_columns(vec![
        (
            "k",
            Arc::new(StringArray::from(vec![
                Some("b"),
                None,
                Some("a"),
                None,
                Some("b"),
            ])) as ArrayRef,
        ),
        ("v", Arc::new(Int64Array::from(vec![5, 4, 3, 2, 1]))),
    ]);
    let case = case(&batch, 2, 1);
    let sql = "SELECT k, v FROM t QUALIFY row_number() OVER (PARTITION BY k) = 1";
    let kept = case.rewritten(case.plan(sql, false).await, true).await;
    assert_eq!(kept, ["| a | 3 |", "| b | 5 |", "| k | v |", "| | 4 |"]);
}

#[tokio::test]
async fn the_schema_stays_exactly() {
    for sql in SPELLINGS {
        let case = case(&rows(1, 20, false), 2, 5);
        for optimized in [false, true] {
            let plan = case.plan(sql, optimized).await;
            let split = case.split(plan.clone(), true).unwrap();
            let staged = case.stage(&split).await;
            let losers = split.duplicate_ids(&staged).unwrap();
            let fields = losers.schema().fields();
            assert_eq!((fields.len(), fields[0].name().as_str()), (1, ROW_ID));
            for survivors in [
                split
                    .deduplicated(&without_joined(&staged, &losers))
                    .unwrap(),
                split.deduplicated(&without_listed(&staged, &[1])).unwrap(),
            ] {
                let before: Vec<_> = split.node.schema().iter().collect();
                let after: Vec<_> = survivors.schema().iter().collect();
                assert_eq!(after, before, "{sql}");
                let finished = split.replace_in_plan(&survivors).unwrap();
                assert_eq!(
                    finished.schema().as_arrow(),
                    plan.schema().as_arrow(),
                    "{sql}"
                );
            }
        }
    }
}

#[tokio::test]
async fn numbers_come_from_the_source_where_rows_are_its_rows() {
    let case = case(&rows(1, 20, false), 2, 5);
    let source = [0, 1, 2, 3, 4, 5, 6, 7];
    for (at, sql) in SPELLINGS.iter().enumerate().take(10) {
        let split = case.split(case.plan(sql, false).await, true).unwrap();
        let expected = if source.contains(&at) {
            Numbering::Source
        } else {
            Numbering::Append
        };
        assert_eq!(split.numbering, expected, "{sql}");
    }
    let limited = "SELECT * FROM (SELECT * FROM t LIMIT 5) QUALIFY row_number() OVER (PARTITION BY k ORDER BY o) = 1";
    for optimized in [false, true] {
        let split = case
            .split(case.plan(limited, optimized).await, true)
            .unwrap();
        assert_eq!(split.numbering, Numbering::Append);
    }
}

#[tokio::test]
async fn anything_else_is_left_alone() {
    let case = case(&rows(1, 20, false), 2, 5);
    for sql in [
        "SELECT * FROM t QUALIFY row_number() OVER (PARTITION BY k ORDER BY o) = 2",
        "SELECT * FROM t QUALIFY row_number() OVER (PARTITION BY k ORDER BY o) <= 2",
        "SELECT * FROM t QUALIFY row_number() OVER (PARTITION BY k ORDER BY o) >= 1",
        "SELECT * FROM t QUALIFY row_number() OVER (PARTITION BY k ORDER BY o) = 1 OR v = 1",
        "SELECT * FROM t QUALIFY row_number() OVER (ORDER BY o) = 1",
        "SELECT * FROM t QUALIFY rank() OVER (PARTITION BY k ORDER BY o) = 1",
        "SELECT *, count(*) OVER (PARTITION BY k ORDER BY o) AS c FROM t QUALIFY row_number() OVER (PARTITION BY k ORDER BY o) = 1",
        "SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY k ORDER BY o) + 1 AS rn FROM t) WHERE rn = 1",
        "SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY k ORDER BY o) AS rn FROM t ORDER BY o LIMIT 9) WHERE rn = 1",
        "SELECT row_number() OVER (PARTITION BY k ORDER BY o) FROM t WHERE v = 1",
    ] {
        for optimized in [false, true] {
            let plan = case.plan(sql, optimized).await;
            assert!(innermost_dedup(&plan).is_none(), "{sql}\n{plan}");
        }
    }
}

#[tokio::test]
async fn a_stage_of_another_schema_is_refused() {
    let case = case(&rows(1, 20, false), 2, 5);
    let split = case
        .split(case.plan(SPELLINGS[0], false).await, true)
        .unwrap();
    let other = LogicalPlanBuilder::scan("t", Arc::clone(&case.positioned), None)
        .unwrap()
        .build()
        .unwrap();
    let error = split.duplicate_ids(&other).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("staged rows have no column '__row_id'"),
        "{error}"
    );
}

#[tokio::test]
async fn many_numbers_in_a_plan() {
    let batch = numbered(&rows(1, 500, false), ROW_ID);
    let mut numbers = Numbers(5);
    let dropped: Vec<u64> = (0..150).map(|_| numbers.below(600)).collect();
    for partitions in [1, 3] {
        let context = SessionContext::new();
        let source = provider_as_source(table(&batch, partitions, 40));
        let plan = LogicalPlanBuilder::scan("t", source, None)
            .unwrap()
            .filter(super::ids::row_kept(
                datafusion::prelude::col(ROW_ID),
                &dropped,
            ))
            .unwrap()
            .build()
            .unwrap();
        let batches = context
            .execute_logical_plan(plan)
            .await
            .unwrap()
            .collect()
            .await
            .unwrap();
        let mut kept: Vec<u64> = batches
            .iter()
            .flat_map(|b| {
                b.column_by_name(ROW_ID)
                    .unwrap()
                    .as_primitive::<UInt64Type>()
                    .values()
                    .to_vec()
            })
            .collect();
        kept.sort_unstable();
        let expected: Vec<u64> = (0..500).filter(|id| !dropped.contains(id)).collect();
        assert_eq!(kept, expected);
    }
}
