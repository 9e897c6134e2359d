//! For tests: what an expression gives.

use std::ops::ControlFlow;

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::execution::{SessionStateBuilder, context::SessionContext};
use datafusion::prelude::SessionConfig;
use datafusion::sql::parser::Statement;
use sluice_jobfile::visit_nodes_mut;
use sqlparser::ast::{Expr, VisitorMut};
use sqlparser::dialect::DatabricksDialect;
use sqlparser::parser::Parser;

use super::datetime::zone::Zone;
use crate::casts::write_texts;
use crate::syntax::special_forms::rewrite_special_form;

/// Checks that each expression gives the text, `NULL`, or an error that contains
/// the text after `error: `.
pub(crate) fn check_answers(answers: &[(&str, &str)]) {
    let session = session();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut wrong = Vec::new();
    for (expression, expected) in answers {
        let result = runtime.block_on(evaluate(&session, expression));
        let right = match (&result, expected.strip_prefix("error: ")) {
            (Err(message), Some(part)) => message.contains(part),
            (Ok(text), None) => text == expected,
            _ => false,
        };
        if !right {
            wrong.push(format!(
                "{expression}\n  gives {result:?}\n  not   {expected}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[derive(Default)]
struct SpecialForms {
    problem: Option<String>,
}

impl VisitorMut for SpecialForms {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Err(problem) = rewrite_special_form(expr) {
            self.problem = Some(problem.message);
        }
        ControlFlow::Continue(())
    }
}

fn session() -> SessionContext {
    let config = SessionConfig::new()
        .set_str("datafusion.sql_parser.dialect", "databricks")
        .set_bool("datafusion.sql_parser.parse_float_as_decimal", true)
        .set_str("datafusion.execution.time_zone", "UTC");
    let mut state = SessionStateBuilder::new()
        .with_default_features()
        .with_config(config)
        .with_type_planner(std::sync::Arc::new(crate::SparkTypePlanner))
        .with_analyzer_rules(crate::analyzer_rules())
        .build();
    crate::register_functions(&mut state).unwrap();
    SessionContext::new_with_state(state)
}

/// The value over a column, so that nothing is folded, and as a constant: both
/// must be the same.
async fn evaluate(session: &SessionContext, expression: &str) -> Result<String, String> {
    let constant = evaluate_query(session, &format!("SELECT {expression} AS x")).await;
    let over_rows = evaluate_query(
        session,
        &format!("SELECT {expression} AS x FROM (VALUES (1), (2)) AS t(n)"),
    )
    .await;
    match (&constant, &over_rows) {
        (Ok(one), Ok(other)) if one != other => Err(format!("{one} but over rows {other}")),
        _ => constant,
    }
}

async fn evaluate_query(session: &SessionContext, query: &str) -> Result<String, String> {
    let mut statements =
        Parser::parse_sql(&DatabricksDialect {}, query).map_err(|e| e.to_string())?;
    let mut forms = SpecialForms::default();
    let _ = visit_nodes_mut(&mut statements, &mut forms);
    if let Some(problem) = forms.problem {
        return Err(problem);
    }
    let statement = statements.pop().ok_or("no query")?;
    let plan = session
        .state()
        .statement_to_plan(Statement::Statement(Box::new(statement)))
        .await
        .map_err(|e| e.to_string())?;
    let frame = session
        .execute_logical_plan(plan)
        .await
        .map_err(|e| e.to_string())?;
    let batches = frame.collect().await.map_err(|e| e.to_string())?;
    let batch = batches.first().ok_or("no rows")?;
    Ok(show(batch.column(0), 0))
}

/// A value as text; elements in brackets, entries and fields in braces.
fn show(array: &ArrayRef, row: usize) -> String {
    if array.is_null(row) {
        return "NULL".to_owned();
    }
    let show_all = |values: &ArrayRef| {
        let texts: Vec<String> = (0..values.len()).map(|at| show(values, at)).collect();
        texts.join(", ")
    };
    match array.data_type() {
        DataType::List(_) => {
            let list = datafusion::arrow::array::AsArray::as_list::<i32>(array);
            format!("[{}]", show_all(&list.value(row)))
        }
        DataType::Map(..) => {
            let map = datafusion::arrow::array::AsArray::as_map(array);
            let entries = map.value(row);
            let texts: Vec<String> = (0..entries.len())
                .map(|at| {
                    format!(
                        "{}: {}",
                        show(entries.column(0), at),
                        show(entries.column(1), at)
                    )
                })
                .collect();
            format!("{{{}}}", texts.join(", "))
        }
        DataType::Struct(fields) => {
            let values = datafusion::arrow::array::AsArray::as_struct(array);
            let texts: Vec<String> = fields
                .iter()
                .zip(values.columns())
                .map(|(field, column)| format!("{}: {}", field.name(), show(column, row)))
                .collect();
            format!("{{{}}}", texts.join(", "))
        }
        DataType::Utf8View | DataType::LargeUtf8 => {
            show(&cast(array, &DataType::Utf8).unwrap(), row)
        }
        DataType::Binary => {
            let bytes = datafusion::arrow::array::AsArray::as_binary::<i32>(array).value(row);
            bytes.iter().map(|byte| format!("{byte:02X}")).collect()
        }
        DataType::Null => "NULL".to_owned(),
        _ => write_texts(array, &Zone::UTC)
            .unwrap()
            .value(row)
            .to_owned(),
    }
}
