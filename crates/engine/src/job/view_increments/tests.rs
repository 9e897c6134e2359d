//! Which queries follow from what is new of `t`; `u` has nothing new.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use datafusion::datasource::MemTable;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::prelude::SessionContext;

use super::*;
use crate::job::repeatable::is_repeatable;
use crate::session::{base_config, build_session_state};

/// The plan of a query as the analysis of a job has it.
pub(in crate::job) async fn plan(sql: &str) -> LogicalPlan {
    let state = build_session_state(base_config(), Arc::new(RuntimeEnv::default())).unwrap();
    let context = SessionContext::new_with_state(state);
    let field = |name, data_type| Field::new(name, data_type, true);
    let schema = Arc::new(Schema::new(vec![
        field("k", DataType::Int32),
        field("v", DataType::Int64),
        field("d", DataType::Float64),
        field("s", DataType::Utf8),
        field("a", DataType::new_list(DataType::Int32, true)),
        field(
            "at",
            DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        ),
    ]));
    for name in ["t", "u", "w"] {
        let table = MemTable::try_new(Arc::clone(&schema), vec![Vec::new()]).unwrap();
        context.register_table(name, Arc::new(table)).unwrap();
    }
    let state = context.state();
    let plan = state.create_logical_plan(sql).await.unwrap();
    let options = state.config_options();
    state
        .analyzer()
        .execute_and_check(plan, options, |_, _| {})
        .unwrap()
}

async fn update(sql: &str) -> Option<ViewUpdate> {
    find_update(&plan(sql).await, &|table| table == "t")
}

#[tokio::test]
async fn rows_of_new_rows_are_added() {
    for sql in [
        "SELECT k + 1 AS k FROM t WHERE v > 0",
        "SELECT q.k FROM (SELECT k, v FROM t) AS q WHERE q.v > 1",
        "SELECT t.k, u.s FROM t LEFT JOIN u ON t.k = u.k",
        "SELECT t.k, u.s FROM u RIGHT JOIN t ON t.k = u.k",
        "SELECT k FROM t WHERE k IN (SELECT k FROM u)",
        "SELECT k FROM t UNION ALL SELECT v FROM t",
    ] {
        assert_eq!(update(sql).await, Some(ViewUpdate::Added), "{sql}");
    }
}

#[tokio::test]
async fn groups_of_new_rows_are_merged() {
    for sql in [
        "SELECT k, count(*) AS n FROM t GROUP BY k",
        "SELECT count(s) AS n, k, max(s) AS s, sum(v) AS v FROM t WHERE v > 0 GROUP BY k",
        "SELECT count(*) AS n FROM t",
        "SELECT n AS m, k FROM (SELECT k, count(*) AS n FROM t GROUP BY k) AS q",
        "SELECT DISTINCT k, s FROM t",
        "SELECT u.s, count(*) AS n FROM t JOIN u ON t.k = u.k GROUP BY u.s",
    ] {
        assert_eq!(update(sql).await, Some(ViewUpdate::Merged), "{sql}");
    }
}

#[tokio::test]
async fn all_others_are_computed_from_all_rows() {
    for sql in [
        "SELECT u.k FROM u LEFT JOIN t ON t.k = u.k",
        "SELECT a.k FROM t AS a JOIN t AS b ON a.k = b.k",
        "SELECT k FROM t WHERE v > (SELECT avg(v) FROM t)",
        "SELECT k FROM u WHERE k NOT IN (SELECT k FROM t)",
        "SELECT k FROM t UNION ALL SELECT k FROM u",
        "SELECT k, row_number() OVER (ORDER BY v) AS n FROM t",
        "SELECT k FROM t ORDER BY v LIMIT 3",
        // Groups whose key is not in the view, or is stored as another one.
        "SELECT count(*) AS n FROM t GROUP BY k",
        "SELECT d, count(*) AS n FROM t GROUP BY d",
        "SELECT a, count(*) AS n FROM t GROUP BY a",
        // What is computed from groups, or of what they do not say.
        "SELECT k, count(*) * 2 AS n FROM t GROUP BY k",
        "SELECT k, count(*) AS n FROM t GROUP BY k HAVING count(*) > 1",
        "SELECT k, avg(v) AS v FROM t GROUP BY k",
        "SELECT k, count(DISTINCT v) AS n FROM t GROUP BY k",
        "SELECT k, s, count(*) AS n FROM t GROUP BY ROLLUP (k, s)",
        "SELECT max(n) AS n FROM (SELECT count(*) AS n FROM t GROUP BY k) AS q",
        "SELECT count(*) AS n FROM u LEFT JOIN t ON t.k = u.k",
    ] {
        assert_eq!(update(sql).await, None, "{sql}");
    }
}

#[tokio::test]
async fn queries_whose_values_change_with_time_are_not_repeatable() {
    for sql in [
        "SELECT now() AS n FROM t",
        "SELECT k FROM t WHERE DATE'today' > DATE'2024-01-01'",
        "SELECT k FROM t WHERE k IN (SELECT k FROM u WHERE rand() > 0.5)",
        "SELECT uuid() AS id FROM t",
        "SELECT max(now()) AS n FROM t",
    ] {
        assert!(!is_repeatable(&plan(sql).await), "{sql}");
    }
    for sql in [
        "SELECT upper(s) AS s, date_trunc('DAY', TIMESTAMP'2024-01-01') AS d FROM t",
        "SELECT k FROM t WHERE k <> 0 AND v / k > 1",
        "SELECT to_date(s) AS d, date_format(TIMESTAMP'2024-01-01', 'yyyy') AS y FROM t",
    ] {
        assert!(is_repeatable(&plan(sql).await), "{sql}");
    }
}
