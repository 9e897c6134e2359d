//! Intervals that are added to dates.

use std::sync::Arc;

use datafusion::arrow::array::IntervalMonthDayNanoArray;
use datafusion::arrow::datatypes::{DataType, IntervalMonthDayNano, IntervalUnit};
use datafusion::error::{DataFusionError, Result};

use super::super::datetime::calendar::MICROS_PER_DAY;
use super::super::kinds::Kind;
use super::super::udf::SparkFunction;
use super::{Parts, interval_parts};

fn interval_result(_types: &[DataType]) -> Result<DataType> {
    Ok(DataType::Interval(IntervalUnit::MonthDayNano))
}

/// `interval_whole_days(interval)`: the interval in months and days; an error if it has
/// hours. A date plus hours is a timestamp, which the type of an interval does not say here.
pub(super) static INTERVAL_WHOLE_DAYS: SparkFunction = SparkFunction::new(
    "interval_whole_days",
    &[Kind::Any],
    interval_result,
    |args| {
        let parts = interval_parts(args, 0)?;
        let values: Result<IntervalMonthDayNanoArray> = (0..args.rows())
            .map(|row| parts(row).map(to_whole_days).transpose())
            .collect();
        Ok(Arc::new(values?))
    },
);

fn to_whole_days(Parts { months, micros }: Parts) -> Result<IntervalMonthDayNano> {
    let days = (micros % MICROS_PER_DAY == 0).then_some(micros / MICROS_PER_DAY);
    match (i32::try_from(months), days.map(i32::try_from)) {
        (Ok(months), Some(Ok(days))) => Ok(IntervalMonthDayNano::new(months, days, 0)),
        _ => Err(DataFusionError::Execution(
            "an interval with hours is added to a date; write CAST(day AS TIMESTAMP) + interval"
                .to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_an_error() {
        let whole = |months, micros| to_whole_days(Parts { months, micros });
        assert_eq!(
            whole(1, -2 * MICROS_PER_DAY).unwrap(),
            IntervalMonthDayNano::new(1, -2, 0)
        );
        assert!(whole(0, MICROS_PER_DAY + 1).is_err());
    }
}
