//! Orders of queries over tables of given sizes.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{ColumnStatistics, Statistics};
use datafusion::datasource::empty::EmptyTable;
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::{SessionConfig, SessionContext};

use super::super::{has_same_columns, order_joins};
use crate::estimate::TableStatistics;

/// The sizes of tables, and of their columns the distinct values.
struct Sizes {
    context: SessionContext,
    tables: HashMap<&'static str, Statistics>,
}

impl Sizes {
    fn new() -> Self {
        let config = SessionConfig::new().with_target_partitions(1);
        Self {
            context: SessionContext::new_with_config(config),
            tables: HashMap::new(),
        }
    }

    /// A table of `rows`, or of unknown size, with columns of whole numbers.
    fn table(
        mut self,
        name: &'static str,
        rows: impl Into<Option<usize>>,
        columns: &[(&str, usize)],
    ) -> Self {
        let fields: Vec<Field> = columns
            .iter()
            .map(|(column, _)| Field::new(*column, DataType::Int64, true))
            .collect();
        let table = EmptyTable::new(Arc::new(Schema::new(fields)));
        self.context.register_table(name, Arc::new(table)).unwrap();
        let column_statistics = columns
            .iter()
            .map(|(_, distinct)| ColumnStatistics {
                distinct_count: Precision::Inexact(*distinct),
                ..ColumnStatistics::new_unknown()
            })
            .collect();
        let statistics = Statistics {
            num_rows: rows.into().map_or(Precision::Absent, Precision::Inexact),
            total_byte_size: Precision::Absent,
            column_statistics,
        };
        self.tables.insert(name, statistics);
        self
    }

    async fn plan(&self, sql: &str) -> LogicalPlan {
        let state = self.context.state();
        let plan = state.create_logical_plan(sql).await.unwrap();
        state.optimize(&plan).unwrap()
    }

    async fn ordered(&self, sql: &str) -> LogicalPlan {
        let plan = self.plan(sql).await;
        let mut statistics = TableStatistics::default();
        plan.apply_with_subqueries(|node| {
            if let LogicalPlan::TableScan(scan) = node {
                let known = self.tables[scan.table_name.table()].clone();
                statistics.insert(&scan.source, Arc::new(known));
            }
            Ok(TreeNodeRecursion::Continue)
        })
        .unwrap();
        let ordered = order_joins(plan.clone(), &statistics).unwrap();
        assert!(has_same_columns(ordered.schema(), plan.schema()));
        ordered
    }
}

/// The joins from the top down, each with the tables on its two sides.
fn joins_of(plan: &LogicalPlan) -> Vec<(String, String)> {
    let mut joins = Vec::new();
    plan.apply(|node| {
        if let LogicalPlan::Join(join) = node {
            joins.push((tables_of(&join.left), tables_of(&join.right)));
        }
        Ok(TreeNodeRecursion::Continue)
    })
    .unwrap();
    joins
}

fn tables_of(plan: &LogicalPlan) -> String {
    let mut names = Vec::new();
    plan.apply(|node| {
        match node {
            LogicalPlan::SubqueryAlias(alias) => names.push(alias.alias.to_string()),
            LogicalPlan::TableScan(scan) => names.push(scan.table_name.to_string()),
            _ => return Ok(TreeNodeRecursion::Continue),
        }
        Ok(TreeNodeRecursion::Jump)
    })
    .unwrap();
    names.sort();
    names.join(" ")
}

fn pair(left: &str, right: &str) -> (String, String) {
    (left.to_owned(), right.to_owned())
}

fn shop() -> Sizes {
    Sizes::new()
        .table(
            "sales",
            1_400_000,
            &[
                ("item", 18_000),
                ("day", 1_800),
                ("ship_day", 1_800),
                ("household", 7_200),
                ("number", 160_000),
                ("quantity", 100),
            ],
        )
        .table(
            "stock",
            11_700_000,
            &[("item", 18_000), ("day", 260), ("quantity", 1_000)],
        )
        .table(
            "days",
            73_000,
            &[("day", 73_000), ("week", 10_400), ("year", 200)],
        )
        .table("households", 7_200, &[("household", 7_200), ("kind", 6)])
        .table("returns", 144_000, &[("item", 18_000), ("number", 90_000)])
}

#[tokio::test]
async fn the_large_table_of_query_72_is_joined_last() {
    // The written order begins with pairs of sales and stock of the same item.
    let ordered = shop()
        .ordered(
            "SELECT s.item, d1.week, count(*) AS n
             FROM sales s
             JOIN stock i ON s.item = i.item
             JOIN households h ON s.household = h.household
             JOIN days d1 ON s.day = d1.day
             JOIN days d2 ON i.day = d2.day
             JOIN days d3 ON s.ship_day = d3.day
             LEFT JOIN returns r ON r.item = s.item AND r.number = s.number
             WHERE d1.week = d2.week AND i.quantity < s.quantity
               AND d3.day > d1.day + 5 AND h.kind = 3 AND d1.year = 1999
             GROUP BY s.item, d1.week",
        )
        .await;
    let joins = joins_of(&ordered);
    let with_stock = joins
        .iter()
        .find(|(left, right)| left == "i" || right == "i")
        .unwrap_or_else(|| panic!("{joins:?}"));
    for table in ["s", "d1", "d2", "h"] {
        let other = if with_stock.0 == "i" {
            &with_stock.1
        } else {
            &with_stock.0
        };
        assert!(
            other.split(' ').any(|name| name == table),
            "{table}: {joins:?}"
        );
    }
    let text = ordered.display_indent().to_string();
    let stock_join = text
        .lines()
        .find(|line| line.contains("Join") && line.contains("i.item"))
        .unwrap();
    assert!(stock_join.contains("i.day = d2.day") || stock_join.contains("d2.day = i.day"));
    assert!(stock_join.contains("s.quantity > i.quantity"), "{text}");
}

#[tokio::test]
async fn the_smaller_side_is_on_the_left() {
    let ordered = shop()
        .ordered(
            "SELECT s.quantity FROM stock i
             JOIN sales s ON s.item = i.item
             JOIN households h ON s.household = h.household AND h.kind = 1
             JOIN days d ON s.day = d.day AND d.year = 2000",
        )
        .await;
    for (left, right) in joins_of(&ordered) {
        assert!(
            !left.split(' ').any(|name| name == "i") || right.is_empty(),
            "{left} / {right}"
        );
    }
}

#[tokio::test]
async fn a_group_with_a_table_of_unknown_size_stays_as_written() {
    let sizes = shop().table("unknown", None, &[("item", 1)]);
    let sql = "SELECT s.item FROM stock i JOIN sales s ON s.item = i.item
               JOIN days d ON s.day = d.day AND d.year = 2000
               JOIN unknown u ON u.item = d.week";
    let plan = sizes.plan(sql).await;
    assert_eq!(sizes.ordered(sql).await, plan);
}

#[tokio::test]
async fn groups_below_an_aggregation_are_ordered_by_themselves() {
    let ordered = shop()
        .ordered(
            "SELECT x.item, count(*) FROM (
               SELECT s.item, max(d.week) AS week FROM stock i
               JOIN sales s ON s.item = i.item
               JOIN days d ON s.day = d.day AND i.day = d.day
               WHERE d.year = 2000 GROUP BY s.item
             ) x JOIN households h ON h.household = x.week GROUP BY x.item",
        )
        .await;
    let joins = joins_of(&ordered);
    assert!(joins.contains(&pair("d", "s")), "{joins:?}");
}

#[tokio::test]
async fn a_condition_that_can_fail_stays_above_what_may_guard_it() {
    let ordered = shop()
        .ordered(
            "SELECT s.item FROM stock i
             JOIN sales s ON s.item = i.item
             JOIN households h ON s.household = h.household
             JOIN days d ON s.day = d.day AND d.year = 2000 AND h.kind = d.week
             WHERE s.quantity / h.kind > 2",
        )
        .await;
    let text = ordered.display_indent().to_string();
    let lines: Vec<&str> = text.lines().collect();
    let division = lines.iter().position(|line| line.contains("quantity /"));
    let first_join = lines.iter().position(|line| line.contains("Join"));
    assert!(division.unwrap() <= first_join.unwrap(), "{text}");
}

#[tokio::test]
async fn equal_names_in_subqueries_stay_apart() {
    let part = |year: u32| {
        format!(
            "(SELECT s.item, s.number, d.week FROM stock i JOIN sales s ON s.item = i.item
              JOIN days d ON s.day = d.day AND d.year = {year})"
        )
    };
    let ordered = shop()
        .ordered(&format!(
            "SELECT a.week, b.week FROM {} a JOIN {} b ON a.item = b.item AND a.number = b.number",
            part(2000),
            part(2001)
        ))
        .await;
    assert_eq!(joins_of(&ordered).len(), 5);
}

#[tokio::test]
async fn a_semi_join_is_moved_to_the_relation_that_it_reduces() {
    let ordered = shop()
        .ordered(
            "SELECT s.item FROM stock i
             JOIN sales s ON s.item = i.item
             JOIN days d ON s.day = d.day
             WHERE s.number IN (SELECT number FROM returns WHERE item = 7)",
        )
        .await;
    let joins = joins_of(&ordered);
    assert_eq!(joins.last().unwrap().0, "s", "{joins:?}");
}
