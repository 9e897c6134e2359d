//! A session, and the rows of a query in it.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, Decimal128Array, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::execution::SessionStateBuilder;
use datafusion::prelude::{DataFrame, SessionConfig, SessionContext};
use sluice_spark_sql::{SparkRelationPlanner, SparkTypePlanner};

/// A session with the table `t`: `s` text, `i` INT, `j` INT, `b` BIGINT, `d`
/// DOUBLE, `m` DECIMAL(10,2).
pub(crate) fn session() -> SessionContext {
    let config = SessionConfig::new()
        .with_target_partitions(2)
        .set_str("datafusion.sql_parser.default_null_ordering", "nulls_min")
        .set_bool("datafusion.sql_parser.parse_float_as_decimal", true)
        .set_str("datafusion.sql_parser.dialect", "databricks");
    let optimizer = datafusion::optimizer::Optimizer::default().rules;
    let mut state = SessionStateBuilder::new()
        .with_config(config)
        .with_default_features()
        .with_analyzer_rules(sluice_spark_sql::analyzer_rules())
        .with_optimizer_rules(sluice_spark_sql::optimizer_rules(optimizer))
        .build();
    sluice_spark_sql::register_functions(&mut state).unwrap();
    with_table(SessionContext::new_with_state(state))
}

/// A session as job files have it, in a time zone.
pub(crate) fn job_session(time_zone: &str) -> SessionContext {
    let config = SessionConfig::new()
        .with_target_partitions(2)
        .set_str("datafusion.sql_parser.default_null_ordering", "nulls_min")
        .set_bool("datafusion.sql_parser.parse_float_as_decimal", true)
        .set_str("datafusion.execution.time_zone", time_zone);
    let optimizer = datafusion::optimizer::Optimizer::default().rules;
    let mut state = SessionStateBuilder::new()
        .with_default_features()
        .with_expr_planners(sluice_spark_sql::expr_planners())
        .with_config(config)
        .with_type_planner(Arc::new(SparkTypePlanner))
        .with_relation_planners(vec![Arc::new(SparkRelationPlanner)])
        .with_analyzer_rules(sluice_spark_sql::analyzer_rules())
        .with_optimizer_rules(sluice_spark_sql::optimizer_rules(optimizer))
        .build();
    sluice_spark_sql::register_functions(&mut state).unwrap();
    SessionContext::new_with_state(state)
}

/// `session` with the table `t`.
pub(crate) fn with_table(session: SessionContext) -> SessionContext {
    let columns: Vec<(&str, ArrayRef)> = vec![
        (
            "s",
            Arc::new(StringArray::from(vec![
                Some("5"),
                Some("x"),
                Some(" 7 "),
                None,
            ])),
        ),
        (
            "i",
            Arc::new(Int32Array::from(vec![
                Some(7),
                Some(2_147_483_647),
                Some(-7),
                None,
            ])),
        ),
        (
            "j",
            Arc::new(Int32Array::from(vec![Some(2), Some(0), Some(3), Some(0)])),
        ),
        (
            "b",
            Arc::new(Int64Array::from(vec![
                Some(i64::MAX),
                Some(1),
                Some(-1),
                None,
            ])),
        ),
        (
            "d",
            Arc::new(Float64Array::from(vec![
                Some(0.0),
                Some(-0.0),
                Some(f64::NAN),
                Some(-f64::NAN),
            ])),
        ),
        (
            "m",
            Arc::new(
                Decimal128Array::from(vec![Some(200), Some(-1), Some(9_999_999_999), None])
                    .with_precision_and_scale(10, 2)
                    .unwrap(),
            ),
        ),
    ];
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns
            .into_iter()
            .map(|(name, column)| (name, column, true)),
    )
    .unwrap();
    session.register_batch("t", batch).unwrap();
    session
}

/// The rows of `query` in a session with Spark's rules.
pub(crate) async fn run(query: &str) -> Result<Vec<String>, String> {
    run_in(&session(), query).await
}

/// The rows of `query`, each with its values between `|`, sorted; or the error.
pub(crate) async fn run_in(session: &SessionContext, query: &str) -> Result<Vec<String>, String> {
    let frame = session
        .sql(query)
        .await
        .map_err(|error| error.to_string())?;
    rows_of(frame).await
}

/// The rows of a query, each with its values between `|`, sorted.
pub(crate) async fn rows_of(frame: DataFrame) -> Result<Vec<String>, String> {
    let batches = frame.collect().await.map_err(|error| error.to_string())?;
    let mut rows = Vec::new();
    for batch in batches {
        let options = FormatOptions::default().with_null("NULL");
        let columns: Vec<ArrayFormatter<'_>> = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column, &options).unwrap())
            .collect();
        for row in 0..batch.num_rows() {
            let values: Vec<String> = columns
                .iter()
                .map(|column| column.value(row).to_string())
                .collect();
            rows.push(values.join("|"));
        }
    }
    rows.sort();
    Ok(rows)
}

/// Checks the rows of queries, each line of the expected text one row.
pub(crate) async fn check(cases: &[(&str, &str)]) {
    let mut wrong = Vec::new();
    for (query, expected) in cases {
        let rows = run(query).await;
        let mut lines: Vec<String> = expected.lines().map(str::to_owned).collect();
        lines.sort();
        if rows.as_ref() != Ok(&lines) {
            wrong.push(format!(
                "{query}\n  expected {lines:?}\n  got      {rows:?}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Checks that queries fail with messages that hold the texts.
pub(crate) async fn check_errors(cases: &[(&str, &str)]) {
    let mut wrong = Vec::new();
    for (query, expected) in cases {
        match run(query).await {
            Err(message) if message.contains(expected) => {}
            other => wrong.push(format!(
                "{query}\n  expected {expected}\n  got      {other:?}"
            )),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
