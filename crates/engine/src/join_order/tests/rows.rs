//! Random queries have the same rows in any order of their joins.

use std::sync::Arc;

use arrow::array::{Int32Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::util::pretty::pretty_format_batches;
use datafusion::catalog::default_table_source::source_as_provider;
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{ColumnStatistics, Statistics};
use datafusion::datasource::MemTable;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::optimize_projections::OptimizeProjections;
use datafusion::optimizer::{Optimizer, OptimizerContext};
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::prelude::{SessionConfig, SessionContext};
use proptest::prelude::*;

use super::super::cardinality::Cardinalities;
use super::super::flatten::{JoinGroup, is_join_tree};
use super::super::{build, build_graph, has_same_columns, merge_equalities, order_joins};
use super::{Numbers, any_tree};
use crate::estimate::TableStatistics;
use crate::filter_pushdown::with_unique_names;

const TABLES: usize = 5;

/// Small tables `t0`… with the same columns: keys that repeat, and NULLs.
fn any_tables(numbers: &mut Numbers) -> SessionContext {
    // The rows of the order as written are the oracle: DataFusion's rules, but
    // for the one that is wrong where two tables have columns of one name.
    let rules = PhysicalOptimizer::new().rules.into_iter();
    let state = SessionStateBuilder::new()
        .with_config(SessionConfig::new().with_target_partitions(2))
        .with_default_features()
        .with_physical_optimizer_rules(rules.map(with_unique_names).collect())
        .build();
    let context = SessionContext::new_with_state(state);
    for table in 0..TABLES {
        let count = numbers.below(7);
        let mut number = || (!numbers.one_in(6)).then(|| i32::try_from(numbers.below(4)).unwrap());
        let keys: Int32Array = (0..count).map(|_| number()).collect();
        let links: Int32Array = (0..count).map(|_| number()).collect();
        let values: Int64Array = (0..count).map(|_| number().map(i64::from)).collect();
        let names: StringArray = (0..count)
            .map(|_| number().map(|n| ["a", "b", "ab", ""][n as usize].to_owned()))
            .collect();
        let schema = Schema::new(vec![
            Field::new("k", DataType::Int32, true),
            Field::new("l", DataType::Int32, true),
            Field::new("v", DataType::Int64, true),
            Field::new("s", DataType::Utf8, true),
        ]);
        let schema = Arc::new(schema);
        let batch = RecordBatch::try_new(
            Arc::clone(&schema),
            vec![
                Arc::new(keys),
                Arc::new(links),
                Arc::new(values),
                Arc::new(names),
            ],
        )
        .unwrap();
        let provider = MemTable::try_new(schema, vec![vec![batch]]).unwrap();
        context
            .register_table(format!("t{table}"), Arc::new(provider))
            .unwrap();
    }
    context
}

const COLUMNS: [&str; 4] = ["k", "l", "v", "s"];

/// A condition on `alias` and one of the `others`.
fn any_condition(numbers: &mut Numbers, others: &[String], alias: &str) -> String {
    let other = numbers.pick(others).clone();
    match numbers.below(10) {
        0..=4 => {
            let column = numbers.pick(&COLUMNS);
            format!("{other}.{column} = {alias}.{column}")
        }
        5 => format!("{other}.k = {alias}.l AND {other}.s = {alias}.s"),
        6 => format!("{other}.k = {alias}.k AND {other}.v < {alias}.v"),
        7 => format!("{other}.v + {alias}.k = {alias}.v + 1"),
        8 => format!("{other}.l >= {alias}.k"),
        _ => {
            let second = numbers.pick(others);
            format!("{other}.k + {second}.l = {alias}.l")
        }
    }
}

fn any_source(numbers: &mut Numbers, depth: usize) -> String {
    let table = numbers.below(TABLES);
    match numbers.below(8) {
        0 if depth > 0 => {
            let inner = any_joins(numbers, depth - 1);
            let (first, last) = (&inner.visible[0], &inner.visible[inner.visible.len() - 1]);
            format!(
                "(SELECT {first}.k, {last}.l AS l, {first}.v AS v, {last}.s {})",
                inner.sql
            )
        }
        1 => format!("(SELECT k, max(l) AS l, min(v) AS v, max(s) AS s FROM t{table} GROUP BY k)"),
        2 => format!("(SELECT v AS v, k AS l, l AS k, s FROM t{table} WHERE v > 0)"),
        _ => format!("t{table}"),
    }
}

struct Joins {
    sql: String,
    visible: Vec<String>,
}

fn any_joins(numbers: &mut Numbers, depth: usize) -> Joins {
    let mut sql = format!("FROM {} a0", any_source(numbers, depth));
    let mut visible = vec!["a0".to_owned()];
    for at in 1..2 + numbers.below(4) {
        let alias = format!("a{at}");
        let source = any_source(numbers, depth);
        let condition = any_condition(numbers, &visible, &alias);
        let (kind, is_visible) = match numbers.below(10) {
            0 | 1 => ("LEFT JOIN", true),
            2 => ("RIGHT JOIN", true),
            3 => ("LEFT SEMI JOIN", false),
            4 => ("LEFT ANTI JOIN", false),
            5 if numbers.one_in(3) => ("FULL JOIN", true),
            _ => ("JOIN", true),
        };
        sql.push_str(&format!(" {kind} {source} {alias} ON {condition}"));
        if is_visible {
            visible.push(alias);
        }
    }
    let mut predicates = Vec::new();
    for _ in 0..numbers.below(3) {
        let alias = numbers.pick(&visible).clone();
        let table = numbers.below(TABLES);
        predicates.push(match numbers.below(7) {
            0 => any_condition(numbers, &visible, &alias),
            1 => format!("{alias}.v IS NULL"),
            2 => format!("({alias}.k > 1 OR {alias}.s IS NULL)"),
            3 => format!("{alias}.k IN (SELECT l FROM t{table})"),
            4 => format!("NOT EXISTS (SELECT 1 FROM t{table} x WHERE x.k = {alias}.k AND x.v > 1)"),
            5 => format!("coalesce({alias}.s, 'b') <> 'a'"),
            _ => format!("{alias}.v < 3"),
        });
    }
    if !predicates.is_empty() {
        sql.push_str(&format!(" WHERE {}", predicates.join(" AND ")));
    }
    Joins { sql, visible }
}

fn any_query(numbers: &mut Numbers) -> String {
    let joins = any_joins(numbers, 1);
    let mut columns = Vec::new();
    for alias in &joins.visible {
        for column in COLUMNS {
            if !numbers.one_in(3) {
                columns.push(format!("{alias}.{column}"));
            }
        }
    }
    if columns.is_empty() {
        columns.push("count(*)".to_owned());
    }
    format!("SELECT {} {}", columns.join(", "), joins.sql)
}

/// The rows of a plan as sorted text.
async fn rows_of(context: &SessionContext, plan: LogicalPlan) -> Vec<String> {
    let state = context.state();
    let physical = state
        .query_planner()
        .create_physical_plan(&plan, &state)
        .await
        .unwrap();
    let batches = datafusion::physical_plan::collect(physical, context.task_ctx())
        .await
        .unwrap();
    let text = pretty_format_batches(&batches).unwrap().to_string();
    // Only rows begin so, after the names of the columns.
    let rows = text.lines().filter(|line| line.starts_with('|')).skip(1);
    let mut rows: Vec<String> = rows.map(str::to_owned).collect();
    rows.sort();
    rows
}

/// The plan with its topmost group of joins in any allowed order.
fn in_any_order(plan: LogicalPlan, numbers: &mut Numbers) -> LogicalPlan {
    let mut is_first = true;
    plan.transform_down(|node| {
        if !is_first || !is_join_tree(&node) {
            return Ok(datafusion::common::tree_node::Transformed::no(node));
        }
        is_first = false;
        let mut group = JoinGroup::default();
        let flat = group.flatten_plan(&node)?;
        let classes = merge_equalities(&group.equalities);
        let tables = any_statistics(&node, numbers);
        let graph = build_graph(&group, &classes, &tables).unwrap();
        let tree = any_tree(&graph, numbers);
        let mut cardinalities = Cardinalities::new(&graph);
        let output = (flat.columns.as_slice(), node.schema().as_ref());
        let ordered = build::build_plan(&group, &classes, &tree, &mut cardinalities, output)?;
        assert!(has_same_columns(ordered.schema(), node.schema()));
        Ok(datafusion::common::tree_node::Transformed::new(
            ordered,
            true,
            TreeNodeRecursion::Stop,
        ))
    })
    .unwrap()
    .data
}

/// Statistics that have nothing to do with the tables.
fn any_statistics(plan: &LogicalPlan, numbers: &mut Numbers) -> TableStatistics {
    let mut tables = TableStatistics::default();
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            let mut count = |at_most: u32| {
                let digits = u32::try_from(numbers.below(at_most as usize)).unwrap();
                10_usize.pow(digits)
            };
            let rows = count(7);
            let columns = source_as_provider(&scan.source)?.schema().fields().len();
            let column_statistics = (0..columns)
                .map(|_| ColumnStatistics {
                    distinct_count: Precision::Inexact(count(5)),
                    ..ColumnStatistics::new_unknown()
                })
                .collect();
            let statistics = Statistics {
                num_rows: Precision::Inexact(rows),
                total_byte_size: Precision::Absent,
                column_statistics,
            };
            tables.insert(&scan.source, Arc::new(statistics));
        }
        Ok(TreeNodeRecursion::Continue)
    })
    .unwrap();
    tables
}

async fn check_query(seed: u64) {
    let mut numbers = Numbers::new(seed);
    let context = any_tables(&mut numbers);
    let query = any_query(&mut numbers);
    let state = context.state();
    let plan = state.create_logical_plan(&query).await.unwrap();
    let plan = state.optimize(&plan).unwrap();
    let expected = rows_of(&context, plan.clone()).await;
    for _ in 0..3 {
        let ordered = in_any_order(plan.clone(), &mut numbers);
        let pruning = Optimizer::with_rules(vec![Arc::new(OptimizeProjections::new())]);
        let ordered = pruning
            .optimize(ordered, &OptimizerContext::new(), |_, _| {})
            .unwrap();
        let found = rows_of(&context, ordered.clone()).await;
        assert_eq!(
            found,
            expected,
            "{query}\n{}\n{}",
            plan.display_indent(),
            ordered.display_indent()
        );
        let tables = any_statistics(&plan, &mut numbers);
        let ordered = order_joins(plan.clone(), &tables).unwrap();
        assert!(has_same_columns(ordered.schema(), plan.schema()));
        let found = rows_of(&context, ordered.clone()).await;
        assert_eq!(
            found,
            expected,
            "{query}\n{}\n{}",
            plan.display_indent(),
            ordered.display_indent()
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn any_order_has_the_same_rows(seed: u64) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(check_query(seed));
    }
}
