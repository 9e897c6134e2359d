//! Timestamps plus intervals on the clock of the session's zone.

use std::sync::Arc;

use datafusion::arrow::array::{Array as _, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, IntervalMonthDayNanoType, IntervalUnit};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::ScalarUDF;

use super::super::kinds::{Kind, timestamp_result};
use super::super::udf::SparkFunction;
use super::calendar::{MICROS_PER_DAY, add_months, join_micros, split_micros};
use super::zone::Zone;

/// The function that [`crate::session_clock`] plans: of a timestamp, an interval, and
/// 1 or -1.
pub(crate) fn plus_interval_udf() -> Arc<ScalarUDF> {
    Arc::new(PLUS_INTERVAL.to_udf())
}

pub(super) static PLUS_INTERVAL: SparkFunction = SparkFunction::new(
    "timestamp_plus_interval",
    &[Kind::Timestamp, Kind::Any, Kind::Long],
    timestamp_result,
    |args| {
        let (times, signs) = (args.timestamp(0)?, args.long(2)?);
        let column = args.any(1)?;
        let intervals = cast(
            column.array(),
            &DataType::Interval(IntervalUnit::MonthDayNano),
        )?;
        let intervals = intervals.as_primitive::<IntervalMonthDayNanoType>();
        let zone = *args.zone();
        args.timestamps(|row| {
            let at = column.position(row);
            let (Some(time), Some(sign)) = (times.get(row), signs.get(row)) else {
                return Ok(None);
            };
            if intervals.is_null(at) {
                return Ok(None);
            }
            let interval = intervals.value(at);
            let micros = i64::from(interval.days)
                .checked_mul(MICROS_PER_DAY)
                .and_then(|days| days.checked_add(interval.nanoseconds / 1000));
            micros
                .and_then(|micros| {
                    let months = i64::from(interval.months).checked_mul(sign)?;
                    plus(time, months, micros.checked_mul(sign)?, zone)
                })
                .map(Some)
                .ok_or_else(|| {
                    DataFusionError::Execution(
                        "the result is outside the range of a timestamp".to_owned(),
                    )
                })
        })
    },
);

/// Months and whole days are counted on the clock, the rest is time that passes.
fn plus(time: i64, months: i64, micros: i64, zone: Zone) -> Option<i64> {
    let (days, rest) = split_micros(zone.to_local(time)?);
    // Not rounded down: a day less an hour is 23 hours.
    let days = add_months(days, months)?.checked_add(micros / MICROS_PER_DAY)?;
    let on_clock = zone.to_instant(join_micros(days, rest)?)?;
    on_clock.checked_add(micros % MICROS_PER_DAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_on_the_clock_and_hours_pass() {
        let hour = MICROS_PER_DAY / 24;
        let rome = Zone::find("Europe/Rome").unwrap();
        // 2024-03-30 12:00 in Rome, a day before the clocks skip an hour.
        let noon = 1_711_796_400_000_000;
        assert_eq!(plus(noon, 0, 24 * hour, rome), Some(noon + 23 * hour));
        assert_eq!(plus(noon, 0, 23 * hour, rome), Some(noon + 23 * hour));
        assert_eq!(plus(noon, 0, 25 * hour, rome), Some(noon + 24 * hour));
        assert_eq!(plus(noon, 1, 0, rome), Some(noon + (31 * 24 - 1) * hour));
        assert_eq!(plus(noon, 0, 24 * hour, Zone::UTC), Some(noon + 24 * hour));
    }
}
