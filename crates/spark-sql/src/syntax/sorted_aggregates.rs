//! `listagg` with an order, as a sorted array.
//!
//! The engine has one order for all aggregates of a query. Arrays of structs are sorted
//! each by itself.

use sqlparser::ast::helpers::attached_token::AttachedToken;
use sqlparser::ast::{
    AccessExpr, BinaryOperator, CaseWhen, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArgumentClause, FunctionArguments, Ident, ObjectName, OrderByExpr, Subscript, Value,
};

use super::call_function;

/// The field of a struct that is the value; the others are what it is sorted by.
const VALUE: &str = "value";

/// `listagg(x, d) WITHIN GROUP (ORDER BY y)` in the engine's form; NULL if no `x` is
/// there.
pub(super) fn sorted_texts(function: &Function) -> Option<Expr> {
    let FunctionArguments::List(list) = &function.args else {
        return None;
    };
    let [FunctionArgumentClause::OrderBy(order)] = list.clauses.as_slice() else {
        return None;
    };
    let [value, delimiter] = <[Expr; 2]>::try_from(plain_arguments(function)?).ok()?;
    if function.over.is_some() || list.duplicate_treatment.is_some() {
        return None;
    }
    let descending = direction_of(order)?;
    let keys: Vec<Expr> = order.iter().map(|by| by.expr.clone()).collect();
    let sorted = sorted_values(function, &value, &keys, &value, descending);
    let joined = call_function("array_join", vec![field_of_each(sorted), delimiter]);
    Some(where_any(function, &value, joined))
}

/// Whether all keys descend; `None` where they differ, or NULLs have a place of their
/// own.
fn direction_of(order: &[OrderByExpr]) -> Option<bool> {
    let plain = order
        .iter()
        .all(|by| by.options.nulls_first.is_none() && by.with_fill.is_none());
    let descends = |by: &OrderByExpr| by.options.asc == Some(false);
    let first = descends(order.first()?);
    (plain && order.iter().all(|by| descends(by) == first)).then_some(first)
}

/// The structs of keys and value of the rows where `present` is not NULL, sorted.
fn sorted_values(
    function: &Function,
    present: &Expr,
    keys: &[Expr],
    value: &Expr,
    descending: bool,
) -> Expr {
    let mut parts = Vec::new();
    for (at, key) in keys.iter().enumerate() {
        parts.extend([text(&format!("key{at}")), key.clone()]);
    }
    parts.extend([text(VALUE), value.clone()]);
    let row = case(
        Expr::IsNotNull(Box::new(present.clone())),
        call_function("named_struct", parts),
    );
    let collected = over_same_rows(function, "collect_list", row);
    let ascending = Expr::Value(Value::Boolean(!descending).into());
    call_function("sort_array", vec![collected, ascending])
}

/// The values of an array of structs.
fn field_of_each(structs: Expr) -> Expr {
    Expr::CompoundFieldAccess {
        root: Box::new(structs),
        access_chain: vec![AccessExpr::Subscript(Subscript::Index {
            index: text(VALUE),
        })],
    }
}

/// `result` where a row has `present`, else NULL.
fn where_any(function: &Function, present: &Expr, result: Expr) -> Expr {
    let condition = Expr::BinaryOp {
        left: Box::new(over_same_rows(function, "count", present.clone())),
        op: BinaryOperator::Gt,
        right: Box::new(number(0)),
    };
    case(condition, result)
}

/// Another aggregate of the same rows.
fn over_same_rows(function: &Function, name: &str, argument: Expr) -> Expr {
    let mut call = function.clone();
    call.name = ObjectName::from(vec![Ident::new(name)]);
    if let FunctionArguments::List(list) = &mut call.args {
        list.clauses.clear();
        list.args = vec![FunctionArg::Unnamed(FunctionArgExpr::Expr(argument))];
    }
    Expr::Function(call)
}

fn plain_arguments(function: &Function) -> Option<Vec<Expr>> {
    let FunctionArguments::List(list) = &function.args else {
        return None;
    };
    let expr = |argument: &FunctionArg| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
        _ => None,
    };
    list.args.iter().map(expr).collect()
}

fn case(condition: Expr, result: Expr) -> Expr {
    Expr::Case {
        case_token: AttachedToken::empty(),
        end_token: AttachedToken::empty(),
        operand: None,
        conditions: vec![CaseWhen { condition, result }],
        else_result: None,
    }
}

fn text(text: &str) -> Expr {
    Expr::Value(Value::SingleQuotedString(text.to_owned()).into())
}

fn number(number: u32) -> Expr {
    Expr::Value(Value::Number(number.to_string(), false).into())
}
