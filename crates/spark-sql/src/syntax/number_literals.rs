//! Number literals whose form gives them a type: `1L`, `1e3`.

use std::ops::ControlFlow;

use sluice_jobfile::visit_nodes_mut;
use sqlparser::ast::{
    CastKind, DataType, ExactNumberInfo, Expr, FunctionArg, FunctionArgExpr, FunctionArguments,
    SetExpr, UnaryOperator, Value, ValueWithSpan, VisitorMut,
};

/// Writes BIGINT and DOUBLE literals as casts.
pub(super) fn type_numbers(query: &mut sqlparser::ast::Query) {
    let _ = visit_nodes_mut(query, &mut NumberTyper);
}

/// Writes the small whole numbers in the values of a function that takes functions
/// as INT. Elsewhere the plan's literals are narrowed, but the parameters of a
/// lambda have the types that the values had when the query was planned.
pub(super) fn type_lambda_values(call: &mut sqlparser::ast::Function) {
    let FunctionArguments::List(list) = &mut call.args else {
        return;
    };
    let is_lambda = |argument: &FunctionArg| {
        matches!(
            argument,
            FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Lambda(_)))
        )
    };
    if list.args.iter().any(is_lambda) {
        for argument in &mut list.args {
            type_argument(argument);
            // Inside of other calls, too: `map_values(map('a', 1))`.
            if let FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) = argument {
                let _ = visit_nodes_mut(expr, &mut LambdaValues);
            }
        }
    }
}

/// Writes the small whole numbers in the arrays, maps and structs of `VALUES` as INT: the
/// types of its columns are decided when it is planned.
fn type_nested_values(body: &mut SetExpr) {
    let SetExpr::Values(values) = body else {
        return;
    };
    for row in &mut values.rows {
        for value in &mut row.content {
            if matches!(value, Expr::Function(_) | Expr::Array(_)) {
                type_value(value);
            }
        }
    }
}

fn type_argument(argument: &mut FunctionArg) {
    if let FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) = argument {
        type_value(expr);
    }
}

/// Functions whose numbers are values of the result.
const CONSTRUCTORS: &[&str] = &[
    "array",
    "array_repeat",
    "map",
    "map_from_arrays",
    "named_struct",
    "sequence",
    "spark_map",
    "struct",
];

/// The values in a lambda's body that decide its type.
struct LambdaValues;

impl VisitorMut for LambdaValues {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        match expr {
            Expr::Function(call) => {
                let name = call.name.to_string().to_lowercase();
                let decides =
                    CONSTRUCTORS.contains(&name.as_str()) || crate::arithmetic::chooses(&name);
                if decides && let FunctionArguments::List(list) = &mut call.args {
                    list.args.iter_mut().for_each(type_argument);
                }
            }
            Expr::Case {
                conditions,
                else_result,
                ..
            } => {
                conditions
                    .iter_mut()
                    .for_each(|when| type_value(&mut when.result));
                if let Some(value) = else_result {
                    type_value(value);
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

fn type_value(expr: &mut Expr) {
    match expr {
        Expr::Lambda(lambda) => {
            type_value(&mut lambda.body);
            let _ = visit_nodes_mut(&mut lambda.body, &mut LambdaValues);
        }
        Expr::Value(value) => {
            let is_int = matches!(&value.value, Value::Number(digits, false)
                if digits.parse::<i32>().is_ok());
            if is_int {
                *expr = Expr::Cast {
                    kind: CastKind::Cast,
                    expr: Box::new(Expr::Value(value.clone())),
                    data_type: DataType::Int(None),
                    array: false,
                    format: None,
                };
            }
        }
        Expr::UnaryOp { expr, .. } => type_value(expr),
        Expr::Array(array) => array.elem.iter_mut().for_each(type_value),
        Expr::Function(call) => {
            let name = call.name.to_string().to_lowercase();
            if CONSTRUCTORS.contains(&name.as_str())
                && let FunctionArguments::List(list) = &mut call.args
            {
                list.args.iter_mut().for_each(type_argument);
            }
        }
        _ => {}
    }
}

struct NumberTyper;

impl VisitorMut for NumberTyper {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut sqlparser::ast::Query) -> ControlFlow<()> {
        type_nested_values(&mut query.body);
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        // The minus belongs to the number: -9223372036854775808L fits.
        if let Expr::UnaryOp {
            op: UnaryOperator::Minus,
            expr: inner,
        } = expr
            && let Expr::Value(value) = inner.as_ref()
            && let Some(typed) = typed_number(value, "-")
        {
            *expr = typed;
        } else if let Expr::Value(value) = expr
            && let Some(typed) = typed_number(value, "")
        {
            *expr = typed;
        }
        ControlFlow::Continue(())
    }
}

fn typed_number(value: &ValueWithSpan, sign: &str) -> Option<Expr> {
    let Value::Number(digits, is_long) = &value.value else {
        return None;
    };
    let data_type = if *is_long {
        DataType::BigInt(None)
    } else if digits.contains(['e', 'E']) {
        DataType::Double(ExactNumberInfo::None)
    } else {
        return None;
    };
    let text = Value::SingleQuotedString(format!("{sign}{digits}"));
    Some(Expr::Cast {
        kind: CastKind::Cast,
        expr: Box::new(Expr::Value(text.with_span(value.span))),
        data_type,
        array: false,
        format: None,
    })
}
