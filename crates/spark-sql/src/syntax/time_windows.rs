//! `window(time, '10 minutes')`: the rows of stretches of time.
//!
//! A row belongs to several windows if they overlap, and to none if its time is NULL. So
//! the windows become a relation of FROM with a column `window`, and the calls that
//! column.

use std::ops::ControlFlow;

use sluice_jobfile::{Diagnostic, visit_nodes_mut};
use sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, GroupByExpr, Ident, Interval,
    Query, Select, SelectItem, Spanned, Value, VisitorMut,
};

use super::generators::{take_from, without_joins};
use super::{call_function, error_at};
use crate::relations::TIME_WINDOWS;
use crate::relations::carrier::Generator;

const RELATION: &str = "__window";
const COLUMN: &str = "window";

/// Rewrites the windows of one SELECT.
pub(super) fn rewrite_time_windows(select: &mut Select) -> Vec<Diagnostic> {
    let mut replacer = WindowReplacer {
        call: None,
        depth: 0,
        problems: Vec::new(),
    };
    for item in &mut select.projection {
        // A window is called `window`, like its column.
        if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item {
            let _ = visit_nodes_mut(expr, &mut replacer);
        }
    }
    if let GroupByExpr::Expressions(exprs, _) = &mut select.group_by {
        let _ = visit_nodes_mut(exprs, &mut replacer);
    }
    let _ = visit_nodes_mut(&mut select.having, &mut replacer);
    let Some(call) = replacer.call else {
        return replacer.problems;
    };
    match window_arguments(&call) {
        Err(problem) => replacer.problems.push(*problem),
        Ok(arguments) => {
            if let Expr::Function(call) = call_function(TIME_WINDOWS, arguments) {
                let generator = Generator {
                    input: take_from(&mut select.from).map(Box::new),
                    call,
                    outer: false,
                    relation: Ident::new(RELATION),
                    columns: vec![Ident::new(COLUMN)],
                };
                select.from = vec![without_joins(generator.into_factor())];
            }
        }
    }
    replacer.problems
}

struct WindowReplacer {
    /// The call that was found first.
    call: Option<Function>,
    /// How many subqueries deep; their windows are their own.
    depth: usize,
    problems: Vec<Diagnostic>,
}

impl VisitorMut for WindowReplacer {
    type Break = ();

    fn pre_visit_query(&mut self, _query: &mut Query) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &mut Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let Expr::Function(call) = expr else {
            return ControlFlow::Continue(());
        };
        if self.depth > 0 || !is_window(call) {
            return ControlFlow::Continue(());
        }
        match &self.call {
            Some(first) if first.args != call.args => self.problems.push(
                error_at(
                    "a SELECT can have one kind of time window",
                    call.name.span(),
                )
                .with_help("compute the other one in a subquery"),
            ),
            Some(_) => {}
            None => self.call = Some(call.clone()),
        }
        *expr = Expr::CompoundIdentifier(vec![Ident::new(RELATION), Ident::new(COLUMN)]);
        ControlFlow::Continue(())
    }
}

fn is_window(call: &Function) -> bool {
    call.over.is_none() && call.name.to_string().eq_ignore_ascii_case("window")
}

/// The time, and the duration, slide and start in microseconds.
fn window_arguments(call: &Function) -> Result<Vec<Expr>, Box<Diagnostic>> {
    let place = call.name.span();
    let wrong = |message: &str| {
        Box::new(error_at(message, place).with_help(
            "write window(time, '10 minutes'[, '5 minutes'[, '1 minute']]): the duration, the \
             time between two windows, and the start of the first",
        ))
    };
    let arguments = plain_arguments(call);
    let [time, durations @ ..] = arguments.as_slice() else {
        return Err(wrong("window takes a time and a duration"));
    };
    let micros: Option<Vec<i64>> = durations.iter().map(constant_micros).collect();
    let (duration, slide, start) = match micros.as_deref() {
        Some([duration]) => (*duration, *duration, 0),
        Some([duration, slide]) => (*duration, *slide, 0),
        Some([duration, slide, start]) => (*duration, *slide, *start),
        _ => {
            return Err(wrong(
                "the durations of a window are constants of days, hours and smaller units",
            ));
        }
    };
    if duration <= 0 || slide <= 0 || slide > duration || start.abs() >= slide {
        return Err(wrong(
            "a window's slide is at most its duration, and its start is less than its slide",
        ));
    }
    let number = |value: i64| Expr::Value(Value::Number(value.to_string(), false).into());
    let start = if start < 0 { start + slide } else { start };
    Ok(vec![
        time.clone(),
        number(duration),
        number(slide),
        number(start),
    ])
}

/// The arguments by position.
pub(super) fn plain_arguments(call: &Function) -> Vec<Expr> {
    match &call.args {
        FunctionArguments::List(list) => list
            .args
            .iter()
            .filter_map(|argument| match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
                _ => None,
            })
            .collect(),
        FunctionArguments::None | FunctionArguments::Subquery(_) => Vec::new(),
    }
}

/// A constant duration in microseconds.
pub(super) fn constant_micros(expr: &Expr) -> Option<i64> {
    let text = match expr {
        Expr::Value(value) => &value.value,
        Expr::Interval(Interval {
            value,
            leading_field,
            ..
        }) => match value.as_ref() {
            Expr::Value(value) => match (&value.value, leading_field) {
                (Value::SingleQuotedString(text), Some(unit)) => {
                    return micros(&format!("{text} {unit}"));
                }
                (Value::Number(digits, _), Some(unit)) => {
                    return micros(&format!("{digits} {unit}"));
                }
                (text, _) => text,
            },
            _ => return None,
        },
        _ => return None,
    };
    match text {
        Value::SingleQuotedString(text) => micros(text),
        _ => None,
    }
}

/// `1 hour 30 minutes` in microseconds.
fn micros(text: &str) -> Option<i64> {
    let text = text.trim().to_lowercase();
    let text = text.strip_prefix("interval").unwrap_or(&text);
    let mut words = text.split_whitespace();
    let mut total: Option<i64> = None;
    while let Some(count) = words.next() {
        let count: i64 = count.parse().ok()?;
        let unit = words.next()?;
        let unit = match unit.strip_suffix('s').unwrap_or(unit) {
            "week" => 7 * 86_400_000_000,
            "day" => 86_400_000_000,
            "hour" => 3_600_000_000,
            "minute" => 60_000_000,
            "second" => 1_000_000,
            "millisecond" => 1000,
            "microsecond" => 1,
            _ => return None,
        };
        total = Some(total.unwrap_or(0).checked_add(count.checked_mul(unit)?)?);
    }
    total
}

#[cfg(test)]
mod tests {
    use super::micros;

    #[test]
    fn durations_are_microseconds() {
        for (text, expected) in [
            ("10 minutes", Some(600_000_000)),
            ("interval 1 hour 30 MINUTES", Some(5_400_000_000)),
            ("1 week", Some(604_800_000_000)),
            ("-5 seconds", Some(-5_000_000)),
            ("1 month", None),
            ("minutes", None),
            ("", None),
        ] {
            assert_eq!(micros(text), expected, "{text}");
        }
    }
}
