//! Rewrites calls of functions under Spark's names.

use sluice_jobfile::Diagnostic;
use sqlparser::ast::{
    BinaryOperator, CastKind, DataType, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArguments, Ident, ObjectName, Spanned, Value,
};

use super::{pattern, problem};

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
const PARTS: &[(&str, &str, u8)] = &[
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
const UNITS: &[(&str, &str)] = &[
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
pub(super) fn respell(expr: &mut Expr) -> Result<(), Box<Diagnostic>> {
    let Expr::Function(function) = expr else {
        return Ok(());
    };
    let Some(name) = plain_name(function) else {
        return Ok(());
    };
    if let Some((_, ours)) = RENAMED.iter().find(|(theirs, _)| *theirs == name) {
        rename(function, ours);
        return Ok(());
    }
    if let Some((_, part, add)) = PARTS.iter().find(|(theirs, ..)| *theirs == name) {
        if let Some([_]) = arguments(function).as_deref() {
            rename(function, "date_part");
            prepend(function, literal(part));
            if *add > 0 {
                plus(expr, *add);
            }
        }
        return Ok(());
    }
    match name.as_str() {
        "count_if" => {
            if let Some([condition]) = arguments(function).as_deref() {
                let condition = condition.clone();
                rename(function, "count");
                function.filter = Some(Box::new(condition));
                set(function, 0, literal("1"));
            }
        }
        "add_months" | "date_add" | "date_sub" => {
            if let Some([_, number]) = arguments(function).as_deref() {
                let number = int(number.clone());
                set(function, 1, number);
            }
        }
        "trunc" => truncated(expr),
        "date_format"
        | "to_char"
        | "to_date"
        | "to_timestamp"
        | "to_timestamp_seconds"
        | "to_timestamp_millis"
        | "to_timestamp_micros"
        | "to_timestamp_nanos" => spark_pattern(function)?,
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

fn rename(function: &mut Function, name: &str) {
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
fn arguments(function: &Function) -> Option<Vec<Expr>> {
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

fn unnamed(expr: Expr) -> FunctionArg {
    FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))
}

fn prepend(function: &mut Function, expr: Expr) {
    if let FunctionArguments::List(list) = &mut function.args {
        list.args.insert(0, unnamed(expr));
    }
}

fn set(function: &mut Function, at: usize, expr: Expr) {
    if let FunctionArguments::List(list) = &mut function.args
        && let Some(argument) = list.args.get_mut(at)
    {
        *argument = unnamed(expr);
    }
}

fn literal(text: &str) -> Expr {
    Expr::Value(Value::SingleQuotedString(text.to_owned()).into())
}

fn cast(expr: Expr, data_type: DataType) -> Expr {
    Expr::Cast {
        kind: CastKind::Cast,
        expr: Box::new(expr),
        data_type,
        array: false,
        format: None,
    }
}

fn int(expr: Expr) -> Expr {
    cast(expr, DataType::Int(None))
}

fn plus(expr: &mut Expr, add: u8) {
    let left = std::mem::replace(expr, literal(""));
    let right = Box::new(Expr::Value(Value::Number(add.to_string(), false).into()));
    *expr = int(Expr::BinaryOp {
        left: Box::new(left),
        op: BinaryOperator::Plus,
        right,
    });
}

fn text(expr: &Expr) -> Option<&str> {
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
fn truncated(expr: &mut Expr) {
    let Expr::Function(function) = expr else {
        return;
    };
    let Some([date, unit]) = arguments(function).and_then(|list| <[Expr; 2]>::try_from(list).ok())
    else {
        return;
    };
    let Some(name) = text(&unit).map(str::to_lowercase) else {
        return;
    };
    let Some((_, ours)) = UNITS.iter().find(|(theirs, _)| *theirs == name) else {
        return;
    };
    rename(function, "date_trunc");
    set(function, 0, literal(ours));
    set(function, 1, date);
    let call = std::mem::replace(expr, literal(""));
    *expr = cast(call, DataType::Date);
}

/// Rewrites Spark's date patterns, which have no `%`, to those of `strftime`,
/// which the engine has.
fn spark_pattern(function: &mut Function) -> Result<(), Box<Diagnostic>> {
    let Some(list) = arguments(function) else {
        return Ok(());
    };
    for (at, argument) in list.iter().enumerate().skip(1) {
        let Some(spark) = text(argument).filter(|text| !text.contains('%')) else {
            continue;
        };
        match pattern::strftime(spark) {
            Ok(ours) => set(function, at, literal(&ours)),
            Err(letters) => {
                return Err(Box::new(
                    problem(
                        format!("`{letters}` is not known in a date pattern"),
                        argument.span(),
                    )
                    .help("write a strftime pattern, such as '%Y-%m-%d %H:%M:%S'"),
                ));
            }
        }
    }
    Ok(())
}
