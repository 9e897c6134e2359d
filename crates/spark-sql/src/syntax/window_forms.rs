//! Forms of window functions that the engine does not have.

use sqlparser::ast::helpers::attached_token::AttachedToken;
use sqlparser::ast::{
    CaseWhen, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, UnaryOperator, Value,
};

/// The call in the engine's form, if it has one of these.
pub(super) fn rewrite_call(function: &Function) -> Option<Expr> {
    match function.name.to_string().to_lowercase().as_str() {
        "lag" | "lead" => default_of_row(function),
        "percentile_cont" | "percentile_disc" => percentile_over_rows(function),
        _ => None,
    }
}

/// `lag(x, n, d)` whose default is no constant: `d` where there is no such row. The
/// engine takes constants only.
fn default_of_row(function: &Function) -> Option<Expr> {
    let [value, offset, default] = <[Expr; 3]>::try_from(plain_arguments(function)?).ok()?;
    if function.over.is_none() || function.null_treatment.is_some() || is_constant(&default) {
        return None;
    }
    let same_row = |value: Expr| {
        let mut call = function.clone();
        if let FunctionArguments::List(list) = &mut call.args {
            list.args = [value, offset.clone()]
                .map(|argument| FunctionArg::Unnamed(FunctionArgExpr::Expr(argument)))
                .into();
        }
        Expr::Function(call)
    };
    let exists = same_row(Expr::Value(Value::Boolean(true).into()));
    Some(Expr::Case {
        case_token: AttachedToken::empty(),
        end_token: AttachedToken::empty(),
        operand: None,
        conditions: vec![CaseWhen {
            condition: Expr::IsNull(Box::new(exists)),
            result: default,
        }],
        else_result: Some(Box::new(same_row(value))),
    })
}

/// `percentile_cont(p) WITHIN GROUP (ORDER BY x) OVER (…)` as a call with two arguments. The
/// engine has no aggregate with an order over a window.
fn percentile_over_rows(function: &Function) -> Option<Expr> {
    let ([order], Some(_)) = (function.within_group.as_slice(), &function.over) else {
        return None;
    };
    if order.options.asc == Some(false) || order.options.nulls_first.is_some() {
        return None;
    }
    let [percentage] = <[Expr; 1]>::try_from(plain_arguments(function)?).ok()?;
    let mut call = function.clone();
    call.within_group.clear();
    if let FunctionArguments::List(list) = &mut call.args {
        list.args = [order.expr.clone(), percentage]
            .map(|argument| FunctionArg::Unnamed(FunctionArgExpr::Expr(argument)))
            .into();
    }
    Some(Expr::Function(call))
}

fn plain_arguments(function: &Function) -> Option<Vec<Expr>> {
    let FunctionArguments::List(list) = &function.args else {
        return None;
    };
    if list.duplicate_treatment.is_some() || !list.clauses.is_empty() {
        return None;
    }
    let expr = |argument: &FunctionArg| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
        _ => None,
    };
    list.args.iter().map(expr).collect()
}

fn is_constant(expr: &Expr) -> bool {
    match expr {
        Expr::Value(_) => true,
        Expr::UnaryOp {
            op: UnaryOperator::Minus | UnaryOperator::Plus,
            expr,
        } => is_constant(expr),
        _ => false,
    }
}
