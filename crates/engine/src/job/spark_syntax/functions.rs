//! Rewrites calls of functions under Spark's names.

use sluice_jobfile::Diagnostic;
use sqlparser::ast::{
    BinaryOperator, CastKind, DataType, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArguments, Ident, ObjectName, Spanned, Value,
};

use super::{date_pattern, error_at};

/// Spark's name, and the engine's for the same function with the same
/// arguments.
const RENAMED: &[(&str, &str)] = &[
    ("explode", "unnest"),
    ("transform", "array_transform"),
    ("filter", "array_filter"),
    ("exists", "array_any_match"),
    ("percentile", "percentile_cont"),
    ("percentile_approx", "approx_percentile_cont"),
    ("approx_percentile", "approx_percentile_cont"),
    ("approx_count_distinct", "approx_distinct"),
    ("every", "bool_and"),
    ("unix_timestamp", "to_unixtime"),
];

/// Spark's name, the engine's name of the same part of a date, and what is
/// added to it.
const DATE_PARTS: &[(&str, &str, u8)] = &[
    ("year", "year", 0),
    ("quarter", "quarter", 0),
    ("month", "month", 0),
    ("weekofyear", "week", 0),
    ("day", "day", 0),
    ("dayofmonth", "day", 0),
    ("dayofyear", "doy", 0),
    // Sunday is 1 in Spark and 0 in the engine.
    ("dayofweek", "dow", 1),
];

/// Units of Spark's `trunc` and the engine's names for them.
const TRUNC_UNITS: &[(&str, &str)] = &[
    ("year", "year"),
    ("yyyy", "year"),
    ("yy", "year"),
    ("quarter", "quarter"),
    ("month", "month"),
    ("mm", "month"),
    ("mon", "month"),
    ("week", "week"),
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
    if let Some((_, part, add)) = DATE_PARTS.iter().find(|(theirs, ..)| *theirs == name) {
        if let Some([_]) = plain_arguments(function).as_deref() {
            rename_function(function, "date_part");
            prepend_argument(function, string_literal(part));
            if *add > 0 {
                add_number(expr, *add);
            }
        }
        return Ok(());
    }
    match name.as_str() {
        "count_if" => {
            if let Some([condition]) = plain_arguments(function).as_deref() {
                let condition = condition.clone();
                rename_function(function, "count");
                function.filter = Some(Box::new(condition));
                set_argument(function, 0, string_literal("1"));
            }
        }
        "add_months" | "date_add" | "date_sub" => {
            if let Some([_, number]) = plain_arguments(function).as_deref() {
                let number = cast_to_int(number.clone());
                set_argument(function, 1, number);
            }
        }
        "trunc" => rewrite_trunc(expr),
        "date_format"
        | "to_char"
        | "to_date"
        | "to_timestamp"
        | "to_timestamp_seconds"
        | "to_timestamp_millis"
        | "to_timestamp_micros"
        | "to_timestamp_nanos" => rewrite_patterns(function)?,
        _ => {}
    }
    Ok(())
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

fn prepend_argument(function: &mut Function, expr: Expr) {
    if let FunctionArguments::List(list) = &mut function.args {
        list.args.insert(0, unnamed_argument(expr));
    }
}

fn set_argument(function: &mut Function, at: usize, expr: Expr) {
    if let FunctionArguments::List(list) = &mut function.args
        && let Some(argument) = list.args.get_mut(at)
    {
        *argument = unnamed_argument(expr);
    }
}

fn string_literal(text: &str) -> Expr {
    Expr::Value(Value::SingleQuotedString(text.to_owned()).into())
}

fn cast_to(expr: Expr, data_type: DataType) -> Expr {
    Expr::Cast {
        kind: CastKind::Cast,
        expr: Box::new(expr),
        data_type,
        array: false,
        format: None,
    }
}

fn cast_to_int(expr: Expr) -> Expr {
    cast_to(expr, DataType::Int(None))
}

fn add_number(expr: &mut Expr, add: u8) {
    let left = std::mem::replace(expr, string_literal(""));
    let right = Box::new(Expr::Value(Value::Number(add.to_string(), false).into()));
    *expr = cast_to_int(Expr::BinaryOp {
        left: Box::new(left),
        op: BinaryOperator::Plus,
        right,
    });
}

fn string_value(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

/// Rewrites Spark's `trunc(date, 'MONTH')`; `trunc` of numbers is the engine's
/// own function.
fn rewrite_trunc(expr: &mut Expr) {
    let Expr::Function(function) = expr else {
        return;
    };
    let Some([date, unit]) =
        plain_arguments(function).and_then(|list| <[Expr; 2]>::try_from(list).ok())
    else {
        return;
    };
    let Some(name) = string_value(&unit).map(str::to_lowercase) else {
        return;
    };
    let Some((_, ours)) = TRUNC_UNITS.iter().find(|(theirs, _)| *theirs == name) else {
        return;
    };
    rename_function(function, "date_trunc");
    set_argument(function, 0, string_literal(ours));
    set_argument(function, 1, date);
    let call = std::mem::replace(expr, string_literal(""));
    *expr = cast_to(call, DataType::Date);
}

/// Rewrites Spark's date patterns, which have no `%`, to those of `strftime`,
/// which the engine has.
fn rewrite_patterns(function: &mut Function) -> Result<(), Box<Diagnostic>> {
    let Some(list) = plain_arguments(function) else {
        return Ok(());
    };
    for (at, argument) in list.iter().enumerate().skip(1) {
        let Some(spark) = string_value(argument).filter(|text| !text.contains('%')) else {
            continue;
        };
        match date_pattern::to_strftime(spark) {
            Ok(ours) => set_argument(function, at, string_literal(&ours)),
            Err(letters) => {
                return Err(Box::new(
                    error_at(
                        format!("`{letters}` is not known in a date pattern"),
                        argument.span(),
                    )
                    .with_help("write a strftime pattern, such as '%Y-%m-%d %H:%M:%S'"),
                ));
            }
        }
    }
    Ok(())
}
