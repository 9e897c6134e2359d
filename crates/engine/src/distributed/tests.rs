//! What the rules do to plans. That the rows are right is shown by the cases.

use datafusion::execution::context::SessionContext;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::physical_plan::{ExecutionPlan, displayable};
use datafusion::prelude::SessionConfig;

use super::*;
use crate::session::{base_config, build_session_state};

async fn plan(sql: &str, partitions: usize) -> Arc<dyn ExecutionPlan> {
    let config = base_config().with_target_partitions(partitions);
    let state = build_session_state(config, Arc::new(RuntimeEnv::default())).unwrap();
    let context = SessionContext::new_with_state(state);
    for table in ["t", "u"] {
        let table = format!("CREATE TABLE {table} (k INT, v INT) AS VALUES (1, 10), (2, 20)");
        context.sql(&table).await.unwrap().collect().await.unwrap();
    }
    let frame = context.sql(sql).await.unwrap();
    frame.create_physical_plan().await.unwrap()
}

fn text(plan: &Arc<dyn ExecutionPlan>) -> String {
    displayable(plan.as_ref()).indent(false).to_string()
}

/// The lines of the plan, without indentation, that begin with `node`.
fn lines<'a>(text: &'a str, node: &str) -> Vec<&'a str> {
    let lines = text.lines().map(str::trim);
    lines.filter(|line| line.starts_with(node)).collect()
}

#[tokio::test]
async fn leaves_are_tables_or_scans() {
    for sql in [
        "SELECT 1",
        "SELECT k FROM t UNION ALL SELECT 0",
        "SELECT k FROM t WHERE false UNION ALL SELECT count(*) FROM u",
        "SELECT column1 FROM (VALUES (1), (2), (3)) LIMIT 2",
    ] {
        let plan = plan(sql, 3).await;
        let mut open = vec![&plan];
        while let Some(node) = open.pop() {
            if node.children().is_empty() {
                assert_eq!(node.name(), "DataSourceExec", "{sql}\n{}", text(&plan));
            }
            open.extend(node.children());
        }
        assert!(!text(&plan).contains("fetch="), "{}", text(&plan));
    }
}

#[tokio::test]
async fn no_join_reports_rows_of_a_side_that_every_task_collects() {
    for kind in ["LEFT", "FULL", "LEFT SEMI", "LEFT ANTI"] {
        let sql = format!("SELECT t.* FROM t {kind} JOIN u ON t.k < u.k");
        let text = text(&plan(&sql, 3).await);
        let joins = lines(&text, "NestedLoopJoinExec");
        let is_one_task = text.contains("OnePartitionExec");
        let swapped = joins.iter().all(|join| join.contains("join_type=Right"));
        assert!(!joins.is_empty() && (is_one_task || swapped), "{text}");
        let sql = format!("SELECT t.* FROM t {kind} JOIN u ON t.k = u.k");
        for partitions in [1, 3] {
            let text = self::text(&plan(&sql, partitions).await);
            for join in lines(&text, "HashJoinExec") {
                let collects = join.contains("mode=CollectLeft");
                assert!(!collects || join.contains("join_type=Right"), "{text}");
            }
        }
    }
}

/// Which side every task reads as a whole follows from what is known about its rows.
#[tokio::test]
async fn a_small_side_is_collected_and_a_large_one_is_not() {
    let large = "(SELECT value AS k, value AS v FROM generate_series(1, 3000000))";
    for (sides, collects) in [
        (format!("{large} AS l JOIN u ON l.k = u.k"), true),
        (format!("u JOIN {large} AS l ON l.k = u.k"), true),
        (
            format!("{large} AS l JOIN {large} AS u ON l.k = u.k"),
            false,
        ),
    ] {
        let text = text(&plan(&format!("SELECT l.v, u.v FROM {sides}"), 3).await);
        let joins = lines(&text, "HashJoinExec");
        let is_collected = joins.iter().any(|join| join.contains("mode=CollectLeft"));
        assert!(joins.len() == 1 && is_collected == collects, "{text}");
    }
}

/// DataFusion's own plan of NOT IN, which Ballista's rules avoid.
#[tokio::test]
async fn a_join_in_which_one_null_decides_runs_in_one_task() {
    let context = SessionContext::new_with_config(base_config().with_target_partitions(3));
    for table in ["t", "u"] {
        let table = format!("CREATE TABLE {table} (v INT) AS VALUES (1), (NULL)");
        context.sql(&table).await.unwrap().collect().await.unwrap();
    }
    let sql = "SELECT v FROM t WHERE v NOT IN (SELECT v FROM u)";
    let frame = context.sql(sql).await.unwrap();
    let plan = frame.create_physical_plan().await.unwrap();
    let config = context.copied_config();
    let plan = JoinModesRule.optimize(plan, config.options()).unwrap();
    assert!(text(&plan).contains("OnePartitionExec"), "{}", text(&plan));
}

#[tokio::test]
async fn joins_that_order_or_slices_depend_on_are_not_swapped_later() {
    let depends = [
        "SELECT t.k, row_number() OVER (PARTITION BY t.k ORDER BY t.v) FROM t JOIN u ON t.k = u.k",
        "SELECT t.k FROM t JOIN u ON t.k = u.k UNION ALL SELECT k FROM u",
        "SELECT t.k FROM t JOIN u ON t.k < u.k",
        "SELECT t.k FROM t CROSS JOIN u",
    ];
    for sql in depends {
        for partitions in [1, 3] {
            let text = text(&plan(sql, partitions).await);
            let joins: Vec<&str> = ["HashJoinExec", "NestedLoopJoinExec", "CrossJoinExec"]
                .iter()
                .flat_map(|name| lines(&text, name))
                .collect();
            assert!(!joins.is_empty(), "{text}");
            let keeps_order = text.contains("StatisticsBarrierExec") || !sorts_below_join(&text);
            assert!(keeps_order, "{sql}\n{text}");
        }
    }
}

/// Whether a sort stands below the first join.
fn sorts_below_join(text: &str) -> bool {
    let join = text.find("JoinExec").unwrap_or_default();
    text[join..].contains("SortExec")
}

/// In the stage of a window function, nothing shows that a column is constant, or
/// that it equals another one.
#[tokio::test]
async fn windows_are_sorted_by_all_of_their_partition() {
    for (sql, by) in [
        (
            "SELECT k, v, rank() OVER (PARTITION BY k, v ORDER BY n) AS r \
             FROM (SELECT k, v, count(*) AS n FROM t WHERE v = 10 GROUP BY k, v) AS q",
            ["k@", "v@", "n@"],
        ),
        (
            "SELECT k, v, sum(n) OVER (PARTITION BY v, k) AS r \
             FROM (SELECT k, v, count(*) AS n FROM t WHERE k = 1 GROUP BY k, v) AS q",
            ["k@", "v@", ""],
        ),
        // The order within the partition is one that the node asks for, too.
        (
            "SELECT k, n, max(n) OVER (PARTITION BY k ORDER BY n \
             RANGE BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS r \
             FROM (SELECT k, count(*) AS n FROM t WHERE k = 1 GROUP BY k, v) AS q",
            ["k@", "n@", ""],
        ),
    ] {
        let text = text(&plan(sql, 3).await);
        let sorts = lines(&text, "SortExec");
        let is_complete = |sort: &&str| by.iter().all(|column| sort.contains(column));
        assert!(sorts.iter().any(is_complete), "{text}");
    }
}

#[tokio::test]
async fn a_recursion_is_one_leaf() {
    let sql = "WITH RECURSIVE r AS (SELECT k, 0 AS n FROM t UNION ALL \
               SELECT u.k, r.n + 1 FROM r JOIN u ON r.k = u.k WHERE r.n < 3) \
               SELECT r.k, count(*) FROM r JOIN t ON r.k = t.k GROUP BY r.k";
    let plan = plan(sql, 3).await;
    let text = text(&plan);
    assert_eq!(lines(&text, "OneTaskExec").len(), 1, "{text}");
    assert!(!text.contains("WorkTableExec"), "{text}");
}

#[tokio::test]
async fn rules_run_in_their_places() {
    let names: Vec<String> = physical_optimizer_rules()
        .iter()
        .map(|rule| rule.name().to_owned())
        .collect();
    let at = |name: &str| names.iter().position(|other| other == name);
    assert!(at("join_selection") < at("join_modes"));
    assert!(at("join_modes") < at("EnsureRequirements").or(Some(names.len())));
    assert!(at("constant_leaves") < at("late_changes"));
    // Each rule that moves projections is followed by the one that moves some back.
    let moves: Vec<usize> = (0..names.len())
        .filter(|at| names[*at] == "ProjectionPushdown")
        .collect();
    assert!(!moves.is_empty());
    assert!(moves.iter().all(|at| names[at + 1] == "filters_first"));
    // What it repairs, no rule may change afterwards.
    assert_eq!(at("stage_knowledge"), Some(names.len() - 1));
    assert!(at("join_modes").is_some());
}

const EQUAL_COLUMNS: &str = "SELECT row_number() OVER (PARTITION BY a, b ORDER BY a) \
     FROM (SELECT k AS a, k AS b FROM t UNION ALL SELECT k, 0 FROM t)";

#[tokio::test]
async fn unions_with_equal_columns_are_sorted_above() {
    for partitions in [1, 3] {
        let text = text(&plan(EQUAL_COLUMNS, partitions).await);
        let sorted = lines(&text, "SortExec");
        assert!(!sorted.is_empty(), "{text}");
        let barrier = text.find("SortBarrierExec").unwrap();
        assert!(text.rfind("SortExec").unwrap() < barrier, "{text}");
    }
}

/// When this fails, `union_order` can go.
#[tokio::test]
async fn datafusion_still_refuses_unions_with_equal_columns() {
    let mut errors = Vec::new();
    for partitions in [1, 2, 3] {
        let config = base_config().with_target_partitions(partitions);
        let state = build_session_state(config, Arc::new(RuntimeEnv::default())).unwrap();
        let rules = state.physical_optimizers().iter().cloned();
        let rules = rules.filter(|rule| rule.name() != "union_order").collect();
        let state = SessionStateBuilder::new_from_existing(state)
            .with_physical_optimizer_rules(rules)
            .build();
        let context = SessionContext::new_with_state(state);
        let table = "CREATE TABLE t (k INT) AS VALUES (1), (2)";
        context.sql(table).await.unwrap().collect().await.unwrap();
        let frame = context.sql(EQUAL_COLUMNS).await.unwrap();
        if let Err(error) = frame.create_physical_plan().await {
            errors.push(error.to_string());
        }
    }
    assert!(!errors.is_empty());
    let are_expected = errors.iter().all(|error| error.contains("SanityCheckPlan"));
    assert!(are_expected, "{errors:?}");
}

/// DataFusion's own session, with one partition.
fn plain_session() -> SessionContext {
    SessionContext::new_with_config(SessionConfig::new().with_target_partitions(1))
}

/// A query whose projection has fewer columns than the table and computes one of them.
const GUARDED: &str =
    "SELECT a, b + c AS d FROM (VALUES (1, 2, 3), (2, 5, 6)) AS w(a, b, c) WHERE a <> 2";

/// Whether the plan of [`GUARDED`] adds in rows that its filter leaves out.
fn adds_first(text: &str) -> bool {
    let adds = text.find(" as d]").unwrap();
    let filters = text.find("FilterExec").unwrap();
    filters < adds
}

#[tokio::test]
async fn filters_come_before_what_is_computed() {
    let text = text(&plan(GUARDED, 1).await);
    assert!(!adds_first(&text), "{text}");
}

/// When DataFusion leaves such projections where they are, the rule can go.
#[tokio::test]
async fn datafusion_still_computes_before_it_filters() {
    let frame = plain_session().sql(GUARDED).await.unwrap();
    let text = text(&frame.create_physical_plan().await.unwrap());
    assert!(adds_first(&text), "{text}");
}
