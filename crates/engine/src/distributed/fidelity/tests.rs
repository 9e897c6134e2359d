use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::datasource::MemTable;
use datafusion::execution::context::{SessionContext, SessionState};
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{Expr, ExprFunctionExt, Signature};
use datafusion::physical_plan::collect;
use datafusion::prelude::{DataFrame, SessionConfig, col};

use super::*;
use crate::session::{base_config, build_session_state};

const TABLES: &[&str] = &[
    "CREATE TABLE t (k INT, id BIGINT, v INT, d DOUBLE, m DECIMAL(10,2), s STRING, day DATE, \
     at TIMESTAMP, ok BOOLEAN, list INT[], obj STRUCT<a INT, b STRING>) AS VALUES \
     (1, 1, 10, 1.5, 2.25, 'a', DATE '2024-01-01', TIMESTAMP '2024-01-01 00:00:00', true, [1, 2], NULL), \
     (1, 2, NULL, 2.5, 3.25, 'b', DATE '2024-01-03', TIMESTAMP '2024-01-03 00:00:00', false, [3], NULL), \
     (1, 3, 7, NULL, NULL, 'c', DATE '2024-01-04', NULL, NULL, [], NULL), \
     (2, 4, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
    "CREATE TABLE u (k INT, name STRING) AS VALUES (1, 'one'), (3, 'three')",
];

/// Queries that use every operator and kind of expression.
const QUERIES: &str = include_str!("queries.sql");
/// Only some dialects have lambdas.
const LAMBDAS: [&str; 2] = [
    "SET datafusion.sql_parser.dialect = 'databricks'",
    "SELECT array_transform(list, x -> x + 1) AS a, array_filter(list, x -> x > 1) AS b FROM t",
];

async fn create_tables(state: SessionState) -> SessionContext {
    let context = SessionContext::new_with_state(state);
    for table in TABLES {
        context.sql(table).await.unwrap().collect().await.unwrap();
    }
    context
}

async fn our_context(partitions: usize) -> SessionContext {
    let config = base_config().with_target_partitions(partitions);
    create_tables(build_session_state(config, Arc::new(RuntimeEnv::default())).unwrap()).await
}

/// Without our rules, as DataFusion plans.
async fn plain_context() -> SessionContext {
    let state = SessionStateBuilder::new()
        .with_default_features()
        .with_config(base_config().with_target_partitions(1))
        .build();
    create_tables(state).await
}

fn queries() -> impl Iterator<Item = &'static str> {
    QUERIES
        .split(";\n")
        .map(str::trim)
        .filter(|query| !query.is_empty())
}

async fn rows(plan: Arc<dyn ExecutionPlan>, context: &SessionContext) -> Vec<String> {
    let batches = collect(plan, context.task_ctx()).await.unwrap();
    let text = pretty_format_batches(&batches).unwrap().to_string();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

#[tokio::test]
async fn plans_are_the_same_after_they_were_sent_and_give_the_same_rows() {
    let mut problems = String::new();
    for partitions in [1, 3] {
        let context = our_context(partitions).await;
        for query in queries().chain(LAMBDAS) {
            let frame = context.sql(query).await.unwrap();
            if query.starts_with("SET ") {
                frame.collect().await.unwrap();
                continue;
            }
            let plan = frame.create_physical_plan().await.unwrap();
            if let Err(error) = check_fidelity(&plan, &context.task_ctx()) {
                problems.push_str(&format!("{query}\n  {error}\n"));
                continue;
            }
            let sent = send_plan(&plan, &context.task_ctx()).unwrap();
            let (expected, got) = (rows(plan, &context).await, rows(sent, &context).await);
            assert_eq!(expected, got, "{query}");
        }
    }
    assert!(problems.is_empty(), "{problems}");
}

/// When one of these is no longer found, DataFusion's encoding keeps the clause,
/// and its part of `windows` can go.
#[tokio::test]
async fn datafusion_still_loses_parts_of_window_functions() {
    let context = plain_context().await;
    for (query, part) in [
        (
            "SELECT sum(v) FILTER (WHERE v > 1) OVER (PARTITION BY k) FROM t",
            "filter",
        ),
        (
            "SELECT lag(v) IGNORE NULLS OVER (PARTITION BY k ORDER BY id) FROM t",
            "ignore_nulls",
        ),
        (
            "SELECT lag(v) OVER (PARTITION BY k ORDER BY id), \
             lag(v) OVER (PARTITION BY k ORDER BY id DESC) FROM t",
            "is_reversed",
        ),
    ] {
        let frame = context.sql(query).await.unwrap();
        let plan = frame.create_physical_plan().await.unwrap();
        let error = check_fidelity(&plan, &context.task_ctx()).unwrap_err();
        assert!(
            matches!(&error, FidelityError::Changed { path, .. } if path.ends_with(part)),
            "{query}: {error}"
        );
    }
}

#[tokio::test]
async fn a_plan_without_encoding_is_an_error() {
    let config = SessionConfig::new().with_information_schema(true);
    let context = SessionContext::new_with_config(config);
    let query = "SELECT table_name FROM information_schema.tables";
    let frame = context.sql(query).await.unwrap();
    let plan = frame.create_physical_plan().await.unwrap();
    let error = check_fidelity(&plan, &context.task_ctx()).unwrap_err();
    assert!(matches!(error, FidelityError::NotEncodable(_)), "{error}");
}

/// A table with columns `c0`, `c1`, … of the types.
fn table_of(context: &SessionContext, types: &[DataType]) -> (DataFrame, Vec<Expr>) {
    let name = |index: usize| format!("c{index}");
    let fields: Vec<Field> = types
        .iter()
        .enumerate()
        .map(|(index, data_type)| Field::new(name(index), data_type.clone(), true))
        .chain([Field::new("o", DataType::Int32, true)])
        .collect();
    let table = MemTable::try_new(Arc::new(Schema::new(fields)), vec![vec![]]).unwrap();
    let arguments = (0..types.len()).map(|index| col(name(index))).collect();
    (context.read_table(Arc::new(table)).unwrap(), arguments)
}

/// Some lists of argument types of a function.
fn example_types(signature: &Signature) -> Vec<Vec<DataType>> {
    let mut types = signature.type_signature.get_example_types();
    types.truncate(4);
    let list = DataType::new_list(DataType::Int64, true);
    let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let (int, text) = (DataType::Int64, DataType::Utf8);
    types.push(vec![]);
    types.extend(
        [
            int.clone(),
            text.clone(),
            list.clone(),
            time,
            DataType::Date32,
        ]
        .into_iter()
        .chain([DataType::Float64, DataType::Binary, DataType::Boolean])
        .map(|data_type| vec![data_type]),
    );
    types.extend([
        vec![int.clone(); 2],
        vec![text.clone(); 2],
        vec![list.clone(); 2],
        vec![text.clone(), int.clone()],
        vec![list.clone(), int.clone()],
        vec![list, int.clone(), int.clone()],
        vec![text.clone(), int.clone(), int.clone()],
        vec![DataType::Date32, int.clone()],
        vec![DataType::Date32, DataType::Date32],
        vec![int; 3],
        vec![text; 3],
    ]);
    types
}

/// The physical plan of the first example that can be planned.
async fn plan_first(
    context: &SessionContext,
    signature: &Signature,
    apply: impl Fn(DataFrame, Vec<Expr>) -> Option<DataFrame>,
) -> Option<Arc<dyn ExecutionPlan>> {
    for types in example_types(signature) {
        let (frame, arguments) = table_of(context, &types);
        let Some(frame) = apply(frame, arguments) else {
            continue;
        };
        if let Ok(plan) = frame.create_physical_plan().await {
            return Some(plan);
        }
    }
    None
}

#[tokio::test]
async fn every_function_is_the_same_after_it_was_sent() {
    let context = our_context(1).await;
    let state = context.state();
    let mut plans = Vec::new();
    for (name, function) in state.scalar_functions() {
        let planned = plan_first(&context, function.signature(), |frame, arguments| {
            let call = ScalarFunction::new_udf(Arc::clone(function), arguments);
            frame.select(vec![Expr::ScalarFunction(call)]).ok()
        });
        plans.push((name, planned.await));
    }
    for (name, function) in state.aggregate_functions() {
        let planned = plan_first(&context, function.signature(), |frame, arguments| {
            frame.aggregate(vec![], vec![function.call(arguments)]).ok()
        });
        plans.push((name, planned.await));
    }
    for (name, function) in state.window_functions() {
        let planned = plan_first(&context, function.signature(), |frame, arguments| {
            let call = function
                .call(arguments)
                .order_by(vec![col("o").sort(true, false)]);
            frame.window(vec![call.build().ok()?]).ok()
        });
        plans.push((name, planned.await));
    }
    let total = plans.len();
    let mut problems = String::new();
    let mut checked = 0;
    for (name, plan) in plans {
        let Some(plan) = plan else { continue };
        checked += 1;
        if let Err(error) = check_fidelity(&plan, &context.task_ctx()) {
            problems.push_str(&format!("{name}: {error}\n"));
        }
    }
    assert!(problems.is_empty(), "{problems}");
    assert!(
        checked * 10 >= total * 7,
        "only {checked} of {total} were planned"
    );
}

#[tokio::test]
async fn texts_with_quotes_and_brackets_are_the_same_after_they_were_sent() {
    let context = our_context(1).await;
    let (frame, columns) = table_of(&context, &[DataType::Utf8]);
    context
        .register_table("written", frame.into_view())
        .unwrap();
    assert_eq!(columns.len(), 1);
    for text in [
        "\"",
        "{\"a\":\"",
        "})]",
        "\\",
        "\"\\\"",
        ",\"_file_path.*",
        "a\")b",
        "it''s \"",
        "Utf8(\"",
    ] {
        let query =
            format!("SELECT concat(c0, '{text}', '}}') AS c, o FROM written WHERE c0 <> '{text}'");
        let plan = context
            .sql(&query)
            .await
            .unwrap()
            .create_physical_plan()
            .await
            .unwrap();
        if let Err(error) = check_fidelity(&plan, &context.task_ctx()) {
            panic!("{query}: {error}");
        }
    }
}
