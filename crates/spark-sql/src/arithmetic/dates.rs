//! Dates plus and minus intervals.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::{BinaryExpr, Expr, ScalarUDF, cast};

use super::function::type_of;
use super::operation::Operation;
use super::planner::MULTIPLES;
use crate::functions::interval_whole_days_udf;

static WHOLE_DAYS: LazyLock<Arc<ScalarUDF>> = LazyLock::new(interval_whole_days_udf);

/// Whether an interval has hours or smaller units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Hours {
    Absent,
    /// The query does not say it here, such as of a column.
    Unknown,
    Present,
}

/// A date plus or minus an interval: with hours it is a timestamp, otherwise a date. The
/// engine's result is a date, and hours are lost; of an interval that may have them, they
/// are an error.
pub(super) fn plan_date_and_interval(
    left: &Expr,
    right: &Expr,
    operation: Operation,
    schema: &DFSchema,
) -> Option<Expr> {
    let type_of = |expr: &Expr| type_of(expr, schema).ok();
    let is_date = |expr: &Expr| type_of(expr) == Some(DataType::Date32);
    let (date, interval, is_sum) = match operation {
        Operation::Add if is_date(left) => (left, right, true),
        Operation::Add if is_date(right) => (right, left, true),
        Operation::Subtract if is_date(left) => (left, right, false),
        _ => return None,
    };
    let hours = match type_of(interval)? {
        // The difference of two dates is the only one in seconds.
        DataType::Duration(TimeUnit::Second) => Hours::Unknown,
        DataType::Duration(_) => Hours::Present,
        DataType::Interval(_) => hours_of(interval),
        _ => return None,
    };
    let (date, interval) = match hours {
        Hours::Absent => return None,
        Hours::Unknown => (date.clone(), WHOLE_DAYS.call(vec![interval.clone()])),
        Hours::Present => {
            let instant = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
            (cast(date.clone(), instant), interval.clone())
        }
    };
    Some(if is_sum {
        date + interval
    } else {
        date - interval
    })
}

fn hours_of(interval: &Expr) -> Hours {
    let most = |exprs: &[Expr]| exprs.iter().map(hours_of).max();
    let known = match interval {
        Expr::Literal(ScalarValue::IntervalMonthDayNano(Some(interval)), _) => {
            Some(if interval.nanoseconds == 0 {
                Hours::Absent
            } else {
                Hours::Present
            })
        }
        Expr::Literal(value, _) if value.is_null() => Some(Hours::Absent),
        Expr::Alias(alias) => Some(hours_of(&alias.expr)),
        Expr::Negative(value) => Some(hours_of(value)),
        Expr::BinaryExpr(BinaryExpr { left, right, .. }) => {
            Some(hours_of(left).max(hours_of(right)))
        }
        Expr::ScalarFunction(call) => match call.name() {
            name if MULTIPLES.iter().any(|multiple| multiple.name() == name) => {
                call.args.first().map(hours_of_multiple)
            }
            "if" | "nvl2" => call.args.get(1..).and_then(most),
            "abs" | "coalesce" | "greatest" | "ifnull" | "least" | "nullif" | "nvl" => {
                most(&call.args)
            }
            _ => None,
        },
        Expr::Case(case) => {
            let values = case.when_then_expr.iter().map(|(_, then)| then);
            values
                .chain(&case.else_expr)
                .map(|value| hours_of(value))
                .max()
        }
        Expr::AggregateFunction(aggregate) => match aggregate.func.name() {
            "sum" | "try_sum" | "min" | "max" => aggregate.params.args.first().map(hours_of),
            "avg" => aggregate.params.args.first().map(hours_of_multiple),
            _ => None,
        },
        _ => None,
    };
    known.unwrap_or(Hours::Unknown)
}

/// A multiple of days has hours, whatever the number is; one of months has none.
fn hours_of_multiple(interval: &Expr) -> Hours {
    match interval {
        Expr::Literal(ScalarValue::IntervalMonthDayNano(Some(interval)), _) => {
            if interval.months == 0 {
                Hours::Present
            } else {
                Hours::Absent
            }
        }
        Expr::Alias(alias) => hours_of_multiple(&alias.expr),
        Expr::Negative(value) => hours_of_multiple(value),
        Expr::ScalarFunction(call)
            if MULTIPLES
                .iter()
                .any(|multiple| multiple.name() == call.name()) =>
        {
            call.args.first().map_or(Hours::Unknown, hours_of_multiple)
        }
        _ => Hours::Unknown,
    }
}
