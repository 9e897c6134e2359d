//! `DATE'epoch'`, `DATE'today'` and the others: texts of constants that name a time.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Expr, ScalarUDF, cast, lit};

use crate::functions::clock_functions;

static CLOCKS: LazyLock<[Arc<ScalarUDF>; 2]> = LazyLock::new(clock_functions);

/// The time that the constant `text` names, as a value of the type `target`. As in
/// Spark, only constants are read this way, not the texts of a column.
pub(super) fn special_time(text: &Expr, target: &DataType) -> Option<Expr> {
    let Expr::Literal(text, _) = text else {
        return None;
    };
    let name = text.try_as_str()??.trim().to_ascii_lowercase();
    let DataType::Date32 = target else {
        let DataType::Timestamp(TimeUnit::Microsecond, zone) = target else {
            return None;
        };
        if name == "epoch" {
            let epoch = ScalarValue::TimestampMicrosecond(Some(0), zone.clone());
            return Some(Expr::Literal(epoch, None));
        }
        let [now, local_now] = &*CLOCKS;
        let clock = if zone.is_some() { now } else { local_now };
        if name == "now" {
            return Some(clock.call(Vec::new()));
        }
        return special_time(&lit(name), &DataType::Date32).map(|day| cast(day, target.clone()));
    };
    let days = match name.as_str() {
        "epoch" => return Some(Expr::Literal(ScalarValue::Date32(Some(0)), None)),
        "now" | "today" => 0,
        "tomorrow" => 1,
        "yesterday" => -1,
        _ => return None,
    };
    let [_, local_now] = &*CLOCKS;
    let today = cast(local_now.call(Vec::new()), DataType::Date32);
    Some(match days {
        0 => today,
        days => today + lit(ScalarValue::new_interval_dt(days, 0)),
    })
}
