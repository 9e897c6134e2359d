//! Texts and numbers of intervals, whose units only the syntax says.

use sqlparser::ast::helpers::attached_token::AttachedToken;
use sqlparser::ast::{
    BinaryOperator, CastKind, DataType, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArguments, Interval, UnaryOperator, Value, ValueWithSpan,
};

use super::call_function;
use crate::functions::IntervalUnits;

/// Writes `CAST(INTERVAL '1' DAY AS STRING)`, and casts to whole numbers, as calls that
/// know the units.
pub(super) fn cast_interval(expr: &mut Expr) {
    if let Expr::Function(call) = expr
        && call.name.to_string().eq_ignore_ascii_case("string")
        && let FunctionArguments::List(list) = &call.args
        && let [FunctionArg::Unnamed(FunctionArgExpr::Expr(value))] = list.args.as_slice()
        && let Some(units) = units_of(value)
    {
        let arguments = vec![value.clone(), text_literal(units.to_string())];
        *expr = call_function("interval_text", arguments);
        return;
    }
    let Expr::Cast {
        kind: CastKind::Cast | CastKind::DoubleColon | CastKind::TryCast,
        expr: value,
        data_type,
        ..
    } = expr
    else {
        return;
    };
    let Some(units) = units_of(value) else { return };
    match data_type {
        DataType::String(_) | DataType::Varchar(_) | DataType::Text => {
            let arguments = vec![value.as_ref().clone(), text_literal(units.to_string())];
            *expr = call_function("interval_text", arguments);
        }
        DataType::TinyInt(_)
        | DataType::SmallInt(_)
        | DataType::Int(_)
        | DataType::Integer(_)
        | DataType::BigInt(_)
            if units.is_single() =>
        {
            let arguments = vec![value.as_ref().clone(), text_literal(units.to_string())];
            **value = call_function("interval_number", arguments);
        }
        _ => {}
    }
}

fn text_literal(text: String) -> Expr {
    Expr::Value(Value::SingleQuotedString(text).into())
}

/// Writes the minus before an interval of several units into each of them; the engine
/// would put it before the first only.
pub(super) fn negate_literal(expr: &mut Expr) {
    let Expr::UnaryOp {
        op: UnaryOperator::Minus,
        expr: inner,
    } = expr
    else {
        return;
    };
    let Expr::Interval(interval) = inner.as_mut() else {
        return;
    };
    let Expr::Value(ValueWithSpan {
        value: Value::SingleQuotedString(text),
        ..
    }) = interval.value.as_mut()
    else {
        return;
    };
    let negated = text.split_whitespace().map(|word| {
        match (
            word.strip_prefix('-'),
            word.starts_with(|c: char| c.is_ascii_digit() || c == '.'),
        ) {
            (Some(positive), _) => positive.to_owned(),
            (None, true) => format!("-{word}"),
            (None, false) => word.to_owned(),
        }
    });
    *text = negated.collect::<Vec<_>>().join(" ");
    *expr = std::mem::replace(inner.as_mut(), Expr::Wildcard(AttachedToken::empty()));
}

/// The units of an expression that is an interval for sure.
fn units_of(expr: &Expr) -> Option<IntervalUnits> {
    match expr {
        Expr::Nested(expr) => units_of(expr),
        Expr::Interval(interval) => units_of_literal(interval),
        Expr::UnaryOp {
            op: UnaryOperator::Minus | UnaryOperator::Plus,
            expr,
        } => units_of(expr),
        Expr::BinaryOp { left, op, right } => match (op, units_of(left), units_of(right)) {
            (BinaryOperator::Plus | BinaryOperator::Minus, Some(left), Some(right)) => {
                Some(left.with(right))
            }
            (BinaryOperator::Multiply | BinaryOperator::Divide, Some(units), None)
            | (BinaryOperator::Multiply, None, Some(units)) => Some(units.of_multiples()),
            _ => None,
        },
        Expr::Function(call) => {
            let name = call.name.0.last()?.as_ident()?;
            match name.value.to_lowercase().as_str() {
                "make_dt_interval" => Some(IntervalUnits::DAY_TO_SECOND),
                "make_ym_interval" => Some(IntervalUnits::YEAR_TO_MONTH),
                "make_interval" | "try_make_interval" => Some(IntervalUnits::Calendar),
                "sum" | "try_sum" | "min" | "max" | "abs" => units_of(first_argument(call)?),
                "avg" | "mean" | "try_avg" => Some(units_of(first_argument(call)?)?.of_multiples()),
                _ => None,
            }
        }
        _ => None,
    }
}

fn first_argument(call: &Function) -> Option<&Expr> {
    let FunctionArguments::List(list) = &call.args else {
        return None;
    };
    match list.args.first()? {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
        _ => None,
    }
}

/// `1 DAY 2 HOUR`: the job file's parser writes the units into the text.
fn units_of_literal(interval: &Interval) -> Option<IntervalUnits> {
    let Expr::Value(ValueWithSpan {
        value: Value::SingleQuotedString(text),
        ..
    }) = interval.value.as_ref()
    else {
        return None;
    };
    let leading = interval.leading_field.as_ref().map(ToString::to_string);
    let words = text
        .split(|c: char| !c.is_ascii_alphabetic())
        .filter(|word| !word.is_empty())
        .chain(leading.as_deref());
    let mut units: Option<IntervalUnits> = None;
    for word in words {
        let unit = IntervalUnits::of_unit(word)?;
        units = Some(units.map_or(unit, |units| units.with(unit)));
    }
    units
}
