//! Functions that the planner calls for intervals: their text, their numbers, and
//! their multiples.
//!
//! Spark's intervals have units (`DAY TO SECOND`), which the engine's types do not.
//! The syntax says them ([`crate::syntax`]), so they are an argument here.

mod multiply;
mod text;
mod units;
mod whole_days;

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, IntervalMonthDayNanoType, IntervalUnit};
use datafusion::error::Result;
use datafusion::logical_expr::ScalarUDF;

pub(crate) use self::units::IntervalUnits;
use super::arguments::Arguments;
use super::datetime::calendar::MICROS_PER_DAY;
use super::udf::SparkFunction;

/// The functions of this folder.
pub(super) fn functions() -> Vec<&'static SparkFunction> {
    vec![
        &text::INTERVAL_TEXT,
        &text::INTERVAL_NUMBER,
        &text::INTERVAL_MICROS,
        &multiply::INTERVAL_TIMES,
        &multiply::INTERVAL_DIVIDED,
        &whole_days::INTERVAL_WHOLE_DAYS,
    ]
}

/// An interval without hours, to add to a date.
pub(crate) fn interval_whole_days_udf() -> Arc<ScalarUDF> {
    Arc::new(whole_days::INTERVAL_WHOLE_DAYS.to_udf())
}

/// A number that orders intervals of one kind.
pub(crate) fn interval_micros_udf() -> Arc<ScalarUDF> {
    Arc::new(text::INTERVAL_MICROS.to_udf())
}

/// `interval * number`, and `interval / number`.
pub(crate) fn interval_multiple_udfs() -> [Arc<ScalarUDF>; 2] {
    [&multiply::INTERVAL_TIMES, &multiply::INTERVAL_DIVIDED].map(|f| Arc::new(f.to_udf()))
}

pub(crate) fn is_interval(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Interval(_) | DataType::Duration(_))
}

/// Months, and microseconds with days of 24 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Parts {
    months: i64,
    micros: i64,
}

/// The intervals of an argument, by row.
fn interval_parts(
    args: &Arguments<'_>,
    at: usize,
) -> Result<impl Fn(usize) -> Option<Parts> + use<>> {
    let column = args.any(at)?;
    let months_days: ArrayRef = cast(
        column.array(),
        &DataType::Interval(IntervalUnit::MonthDayNano),
    )?;
    Ok(move |row: usize| {
        let values = months_days.as_primitive::<IntervalMonthDayNanoType>();
        let row = column.position(row);
        values.is_valid(row).then(|| {
            let value = values.value(row);
            Parts {
                months: value.months.into(),
                micros: i64::from(value.days) * MICROS_PER_DAY + value.nanoseconds / 1000,
            }
        })
    })
}
