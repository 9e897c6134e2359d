//! Rewrites calls of functions under Spark's names.

use sluice_jobfile::Diagnostic;
use sqlparser::ast::helpers::attached_token::AttachedToken;
use sqlparser::ast::{
    BinaryOperator, CaseWhen, DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArgumentClause, FunctionArguments, Ident, ObjectName, Value,
};

use super::{call_function, places, sorted_aggregates};

/// Spark's name, and the engine's for the same function with the same
/// arguments.
const RENAMED: &[(&str, &str)] = &[
    ("every", "bool_and"),
    ("sign", "signum"),
    ("curdate", "current_date"),
    // Of years and months.
    ("make_ym_interval", "make_interval"),
];

/// Rewrites a call to the engine's name and arguments.
pub(super) fn rewrite_call(expr: &mut Expr) -> Result<(), Box<Diagnostic>> {
    let Expr::Function(function) = expr else {
        return Ok(());
    };
    let Some(name) = plain_name(function) else {
        return Ok(());
    };
    if let Some((_, ours)) = RENAMED.iter().find(|(theirs, _)| *theirs == name) {
        rename_function(function, ours);
        return Ok(());
    }
    if name == "listagg" || name == "string_agg" {
        rewrite_list_aggregate(function);
        let sorted =
            sorted_set_of_texts(function).or_else(|| sorted_aggregates::sorted_texts(function));
        if let Some(sorted) = sorted {
            *expr = sorted;
        }
        return Ok(());
    }
    if name == "mode" {
        rewrite_mode(function);
        return Ok(());
    }
    if ["round", "bround", "ceil", "ceiling", "floor"].contains(&name.as_str()) {
        places::fold_places(function);
        return Ok(());
    }
    // Without OVER both names are the same function.
    let over = match name.as_str() {
        "first" | "any_value" => Some("first_value"),
        "last" => Some("last_value"),
        _ => None,
    };
    if let Some(ours) = over.filter(|_| function.over.is_some()) {
        rename_function(function, ours);
        return Ok(());
    }
    if name == "count_if"
        && let Some([condition]) = plain_arguments(function).as_deref()
    {
        let condition = condition.clone();
        // Not as FILTER: the call may have one of its own.
        rename_function(function, "count");
        set_argument(function, 0, one_where(condition));
    }
    Ok(())
}

/// `listagg(text[, delimiter]) WITHIN GROUP (ORDER BY …)`, whose delimiter is
/// nothing when it is left out, as the engine writes it.
fn rewrite_list_aggregate(function: &mut Function) {
    rename_function(function, "string_agg");
    let order = std::mem::take(&mut function.within_group);
    let FunctionArguments::List(list) = &mut function.args else {
        return;
    };
    if list.args.len() == 1 {
        let nothing = Value::SingleQuotedString(String::new());
        list.args
            .push(unnamed_argument(Expr::Value(nothing.into())));
    }
    // NULL is no delimiter.
    if let Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(delimiter)))) =
        list.args.get_mut(1)
        && delimiter.value == Value::Null
    {
        delimiter.value = Value::SingleQuotedString(String::new());
    }
    if !order.is_empty() {
        list.clauses.push(FunctionArgumentClause::OrderBy(order));
    }
}

/// `listagg(DISTINCT x, ',') WITHIN GROUP (ORDER BY x)`, whose order the engine
/// leaves out: the sorted set of the values, joined; NULL if there are none.
fn sorted_set_of_texts(function: &Function) -> Option<Expr> {
    let FunctionArguments::List(list) = &function.args else {
        return None;
    };
    if list.duplicate_treatment != Some(DuplicateTreatment::Distinct) {
        return None;
    }
    let arguments = plain_arguments(function)?;
    let ([value, delimiter], [FunctionArgumentClause::OrderBy(order)]) =
        (arguments.as_slice(), list.clauses.as_slice())
    else {
        return None;
    };
    let by = order
        .first()
        .filter(|by| order.len() == 1 && by.expr == *value)?;
    let over_same_rows = |name: &str| {
        let mut call = function.clone();
        rename_function(&mut call, name);
        if let FunctionArguments::List(list) = &mut call.args {
            list.duplicate_treatment = None;
            list.clauses.clear();
            list.args.truncate(1);
        }
        Expr::Function(call)
    };
    let ascending = Value::Boolean(by.options.asc != Some(false));
    let sorted = call_function(
        "sort_array",
        vec![over_same_rows("collect_set"), Expr::Value(ascending.into())],
    );
    Some(Expr::Case {
        case_token: AttachedToken::empty(),
        end_token: AttachedToken::empty(),
        operand: None,
        conditions: vec![CaseWhen {
            condition: Expr::BinaryOp {
                left: Box::new(over_same_rows("count")),
                op: BinaryOperator::Gt,
                right: Box::new(Expr::Value(Value::Number("0".to_owned(), false).into())),
            },
            result: call_function("array_join", vec![sorted, delimiter.clone()]),
        }],
        else_result: None,
    })
}

/// `mode(x, true)` and `mode() WITHIN GROUP (ORDER BY x)` take the least of several
/// values, as `mode(x)` does here; with `DESC` the greatest. NULL is no value.
fn rewrite_mode(function: &mut Function) {
    let FunctionArguments::List(list) = &mut function.args else {
        return;
    };
    let is_flag = |argument: &FunctionArg| {
        matches!(argument, FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(value)))
            if matches!(value.value, Value::Boolean(_)))
    };
    match (list.args.as_slice(), function.within_group.as_slice()) {
        ([_, flag], []) if is_flag(flag) => list.args.truncate(1),
        ([], [by]) => {
            let descends = by.options.asc == Some(false);
            list.args.push(unnamed_argument(by.expr.clone()));
            function.within_group.clear();
            if descends {
                rename_function(function, "greatest_mode");
            }
        }
        _ => {}
    }
}

fn plain_name(function: &Function) -> Option<String> {
    match function.name.0.as_slice() {
        [part] => part
            .as_ident()
            .filter(|i| i.quote_style.is_none())
            .map(|i| i.value.to_lowercase()),
        _ => None,
    }
}

fn rename_function(function: &mut Function, name: &str) {
    let span = function
        .name
        .0
        .first()
        .and_then(|part| part.as_ident())
        .map(|ident| ident.span);
    let ident = match span {
        Some(span) => Ident::with_span(span, name),
        None => Ident::new(name),
    };
    function.name = ObjectName::from(vec![ident]);
}

/// The arguments, if all are unnamed expressions.
fn plain_arguments(function: &Function) -> Option<Vec<Expr>> {
    let FunctionArguments::List(list) = &function.args else {
        return None;
    };
    list.args
        .iter()
        .map(|argument| match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
            _ => None,
        })
        .collect()
}

fn unnamed_argument(expr: Expr) -> FunctionArg {
    FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))
}

fn set_argument(function: &mut Function, at: usize, expr: Expr) {
    if let FunctionArguments::List(list) = &mut function.args
        && let Some(argument) = list.args.get_mut(at)
    {
        *argument = unnamed_argument(expr);
    }
}

/// 1 where the condition is true, else NULL.
fn one_where(condition: Expr) -> Expr {
    Expr::Case {
        case_token: AttachedToken::empty(),
        end_token: AttachedToken::empty(),
        operand: None,
        conditions: vec![CaseWhen {
            condition,
            result: Expr::Value(Value::Number("1".to_owned(), false).into()),
        }],
        else_result: None,
    }
}
