use std::sync::mpsc;
use std::time::Duration;

use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::logical_expr::{ScalarUDF, Volatility, create_udf};
use datafusion::physical_plan::{collect, displayable};
use datafusion::prelude::{SessionConfig, SessionContext};
use parking_lot::Mutex;
use sluice_engine::task_failure::is_cancelled;

use super::*;

/// How long a plan may take to notice that it was cancelled. Undisturbed, each would
/// compute for hours, or for seconds longer than it takes to notice.
const DEADLINE: Duration = Duration::from_secs(60);
/// How long a plan may take until it evaluates `signal`, on a machine that is slow or
/// has other work.
const SIGNAL_DEADLINE: Duration = Duration::from_secs(600);

fn session(settings: &[(&str, &str)]) -> SessionContext {
    let mut config = SessionConfig::new()
        .with_target_partitions(1)
        .with_batch_size(1024);
    for (key, value) in settings {
        config = config.set_str(key, value);
    }
    SessionContext::new_with_state(
        SessionStateBuilder::new()
            .with_config(config)
            .with_default_features()
            .build(),
    )
}

/// A function that returns its argument and sends a message when it is evaluated.
fn signal_function(evaluated: mpsc::Sender<()>) -> ScalarUDF {
    let evaluated = Mutex::new(evaluated);
    create_udf(
        "signal",
        vec![DataType::Int64],
        DataType::Int64,
        Volatility::Immutable,
        Arc::new(move |arguments| {
            let _ = evaluated.lock().send(());
            Ok(arguments[0].clone())
        }),
    )
}

/// Runs a query on a thread of its own, cancels it when it evaluates `signal`, and
/// expects its end.
fn expect_end_after_cancel(settings: &'static [(&str, &str)], operator: &str, query: &'static str) {
    let operator = operator.to_owned();
    let cancel = CancellationToken::new();
    let (sender, ended) = mpsc::channel();
    let (evaluated, computes) = mpsc::channel();
    let cancelled = cancel.clone();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let session = session(settings);
            session.register_udf(signal_function(evaluated));
            let plan = session.sql(query).await.unwrap();
            let plan = plan.create_physical_plan().await.unwrap();
            let text = displayable(plan.as_ref()).indent(false).to_string();
            assert!(text.contains(&operator), "{text}");
            let plan = check_for_cancel(plan, &cancelled).unwrap();
            sender.send(collect(plan, session.task_ctx()).await)
        })
    });
    computes.recv_timeout(SIGNAL_DEADLINE).unwrap();
    cancel.cancel();
    let error = ended.recv_timeout(DEADLINE).unwrap().unwrap_err();
    assert!(is_cancelled(&error), "{error}");
}

#[test]
fn a_hash_join_whose_filter_rejects_every_pair_ends() {
    expect_end_after_cancel(
        &[],
        "HashJoinExec",
        "SELECT count(*) FROM (SELECT value % 2 AS k, value AS v FROM range(0, 1000000)) AS a \
         JOIN (SELECT value % 2 AS k, value AS v FROM range(0, 1000000)) AS b \
         ON a.k = b.k AND signal(a.v + b.v) < 0",
    );
}

#[test]
fn a_sort_merge_join_whose_filter_rejects_every_pair_ends() {
    expect_end_after_cancel(
        &[
            ("datafusion.optimizer.prefer_hash_join", "false"),
            ("datafusion.execution.target_partitions", "2"),
        ],
        "SortMergeJoinExec",
        "SELECT count(*) FROM (SELECT value % 2 AS k, value AS v FROM range(0, 1000000)) AS a \
         JOIN (SELECT value % 2 AS k, value AS v FROM range(0, 1000000)) AS b \
         ON a.k = b.k AND signal(a.v + b.v) < 0",
    );
}

#[test]
fn a_nested_loop_join_whose_filter_rejects_every_pair_ends() {
    expect_end_after_cancel(
        &[],
        "NestedLoopJoinExec",
        "SELECT count(*) FROM range(0, 1000000) AS a JOIN range(0, 1000000) AS b \
         ON signal(a.value + b.value) < 0",
    );
}

#[test]
fn an_aggregate_over_many_batches_ends() {
    expect_end_after_cancel(
        &[],
        "AggregateExec",
        "SELECT sum(signal(value) % 7) FROM range(0, 100000000000)",
    );
}

#[test]
fn a_sort_of_many_rows_ends_while_it_merges() {
    // All rows are read before the last row is made, and then merged.
    expect_end_after_cancel(
        &[],
        "SortExec",
        "SELECT max(r) FROM (SELECT row_number() OVER (ORDER BY (value * 7919) % 100003, value) AS r \
         FROM (SELECT * FROM range(0, 3000000) \
         UNION ALL SELECT signal(value) FROM range(0, 1)))",
    );
}

#[test]
fn a_product_without_a_condition_ends() {
    expect_end_after_cancel(
        &[],
        "CrossJoinExec",
        "SELECT sum(signal(a.value + b.value)) FROM range(0, 1000000) AS a \
         CROSS JOIN range(0, 1000000) AS b",
    );
}

#[tokio::test]
async fn a_plan_with_checks_gives_the_same_rows() {
    let session = session(&[("datafusion.execution.target_partitions", "3")]);
    let large = "(SELECT value % 5 AS k, value AS v FROM range(0, 10000))";
    for query in [
        "SELECT a.value, b.value FROM range(0, 100) AS a JOIN range(0, 100) AS b \
         ON a.value % 5 = b.value % 5 AND a.value < b.value ORDER BY 1, 2",
        "SELECT k, sum(v), count(*) OVER (ORDER BY k) FROM (SELECT * FROM {} ORDER BY k, v DESC) \
         GROUP BY k ORDER BY k",
        "SELECT k, v, row_number() OVER (PARTITION BY k ORDER BY v DESC) AS r, \
         sum(v) OVER (PARTITION BY k ORDER BY v ROWS BETWEEN 3 PRECEDING AND CURRENT ROW) AS s \
         FROM {} ORDER BY k, v",
        "SELECT k, v FROM {} ORDER BY v DESC LIMIT 7",
        "SELECT k, max(v) FROM (SELECT k, v FROM {} ORDER BY v LIMIT 100) GROUP BY k ORDER BY k",
    ] {
        let query = query.replace("{}", large);
        // Executions of one plan share its filters.
        let create_plan = async || {
            let plan = session.sql(&query).await.unwrap();
            plan.create_physical_plan().await.unwrap()
        };
        let checked = check_for_cancel(create_plan().await, &CancellationToken::new()).unwrap();
        let expected = collect(create_plan().await, session.task_ctx())
            .await
            .unwrap();
        let rows = collect(checked, session.task_ctx()).await.unwrap();
        assert_eq!(rows, expected, "{query}");
    }
}
