use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{ColumnStatistics, ScalarValue, Statistics};
use datafusion::datasource::empty::EmptyTable;
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::SessionContext;

use super::{TableStatistics, estimate_plan, number_of, values_between};

/// A table of 1,000 rows: `id` is unique, `day` has 100 days of which one in ten
/// is missing, `kind` has 5 values, nothing is known of `note`.
async fn estimated_rows(sql: &str) -> f64 {
    let context = SessionContext::new();
    let schema = Schema::new(vec![
        Field::new("id", DataType::Int64, false),
        Field::new("day", DataType::Date32, true),
        Field::new("kind", DataType::Utf8, true),
        Field::new("note", DataType::Utf8, true),
        Field::new("list", DataType::new_list(DataType::Int64, true), true),
    ]);
    let table = EmptyTable::new(Arc::new(schema));
    context.register_table("t", Arc::new(table)).unwrap();
    let unknown = ColumnStatistics::new_unknown;
    let statistics = Arc::new(Statistics {
        num_rows: Precision::Exact(1_000),
        total_byte_size: Precision::Absent,
        column_statistics: vec![
            ColumnStatistics {
                min_value: Precision::Exact(ScalarValue::Int64(Some(1))),
                max_value: Precision::Exact(ScalarValue::Int64(Some(1_000))),
                null_count: Precision::Exact(0),
                ..unknown()
            },
            ColumnStatistics {
                min_value: Precision::Exact(ScalarValue::Date32(Some(0))),
                max_value: Precision::Exact(ScalarValue::Date32(Some(99))),
                null_count: Precision::Exact(100),
                ..unknown()
            },
            ColumnStatistics {
                distinct_count: Precision::Inexact(5),
                ..unknown()
            },
            unknown(),
            unknown(),
        ],
    });
    let state = context.state();
    let plan = state.create_logical_plan(sql).await.unwrap();
    let plan = state.optimize(&plan).unwrap();
    let mut tables = TableStatistics::default();
    plan.apply(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            tables.insert(&scan.source, Arc::clone(&statistics));
        }
        Ok(TreeNodeRecursion::Continue)
    })
    .unwrap();
    estimate_plan(&plan, &tables).rows.unwrap()
}

#[tokio::test]
async fn rows_are_estimated_from_statistics() {
    let cases = [
        ("SELECT * FROM t", 1_000.0),
        ("SELECT * FROM t WHERE id = 7", 1.0),
        ("SELECT * FROM t WHERE id = 7000", 1.0),
        ("SELECT * FROM t WHERE id <> 7", 999.0),
        (
            "SELECT * FROM t WHERE id IN (1, 2, 3, 4, 5, 6, 7, 8, 9, 10)",
            10.0,
        ),
        ("SELECT * FROM t WHERE id > 500", 500.0),
        ("SELECT * FROM t WHERE id BETWEEN 101 AND 200", 99.0),
        ("SELECT * FROM t WHERE 900 < id", 100.0),
        ("SELECT * FROM t WHERE kind = 'a'", 200.0),
        ("SELECT * FROM t WHERE kind = 'a' OR kind = 'b'", 360.0),
        ("SELECT * FROM t WHERE note = 'a'", 100.0),
        ("SELECT * FROM t WHERE note LIKE 'a%b%'", 100.0),
        ("SELECT * FROM t WHERE day IS NULL", 100.0),
        ("SELECT * FROM t WHERE day IS NOT NULL", 900.0),
        ("SELECT * FROM t WHERE day >= DATE '1970-02-19'", 505.0),
        ("SELECT * FROM t WHERE day = DATE '1970-02-19'", 10.0),
        ("SELECT kind, count(*) FROM t GROUP BY kind", 5.0),
        (
            "SELECT kind, day, count(*) FROM t GROUP BY kind, day",
            500.0,
        ),
        ("SELECT count(*) FROM t", 1.0),
        ("SELECT DISTINCT kind FROM t", 5.0),
        ("SELECT DISTINCT note FROM t", 100.0),
        ("SELECT * FROM t ORDER BY id LIMIT 7", 7.0),
        ("SELECT id FROM t UNION ALL SELECT id FROM t", 2_000.0),
        ("SELECT id, unnest(list) FROM t", 4_000.0),
        ("SELECT a.id FROM t a JOIN t b ON a.id = b.id", 1_000.0),
        (
            "SELECT a.id FROM t a JOIN t b ON a.kind = b.kind",
            200_000.0,
        ),
        (
            "SELECT a.id FROM t a JOIN t b ON a.day = b.day AND a.kind = b.kind",
            2_000.0,
        ),
        (
            "SELECT a.id FROM t a LEFT JOIN t b ON a.id = b.id AND b.kind = 'x'",
            1_000.0,
        ),
        (
            "SELECT a.id FROM t a WHERE a.id IN (SELECT id FROM t WHERE kind = 'x')",
            200.0,
        ),
        ("SELECT a.id FROM t a CROSS JOIN t b", 1_000_000.0),
    ];
    for (sql, expected) in cases {
        let rows = estimated_rows(sql).await;
        assert!((rows - expected).abs() <= expected * 0.02, "{rows}: {sql}");
    }
}

#[test]
fn only_types_with_a_step_have_a_number_of_values() {
    assert_eq!(values_between(&DataType::Int32, (1.0, 5.0)), Some(5.0));
    assert_eq!(
        values_between(&DataType::Decimal128(5, 2), (1.0, 2.0)),
        Some(101.0)
    );
    assert_eq!(values_between(&DataType::Float64, (1.0, 5.0)), None);
    assert_eq!(values_between(&DataType::Utf8, (1.0, 5.0)), None);
}

#[test]
fn values_that_are_not_finite_are_no_bounds() {
    assert_eq!(number_of(&ScalarValue::Float64(Some(f64::NAN))), None);
    assert_eq!(number_of(&ScalarValue::Float64(Some(f64::INFINITY))), None);
    assert_eq!(number_of(&ScalarValue::Utf8(Some("1".to_owned()))), None);
    assert_eq!(
        number_of(&ScalarValue::Decimal128(Some(1_250), 10, 2)),
        Some(12.5)
    );
}
