//! Intervals times numbers, and divided by them.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, DurationMicrosecondArray, IntervalMonthDayNanoArray,
};
use datafusion::arrow::datatypes::{
    DataType, Decimal128Type, Int64Type, IntervalMonthDayNano, IntervalUnit, TimeUnit,
};
use datafusion::error::{DataFusionError, Result};

use super::super::arguments::Arguments;
use super::super::kinds::Kind;
use super::super::udf::SparkFunction;
use super::{Parts, interval_parts};
use crate::arithmetic::{divide_half_up, power_of_ten};

pub(super) static INTERVAL_TIMES: SparkFunction = SparkFunction::new(
    "interval_times",
    &[Kind::Any, Kind::Any],
    result_type,
    |args| evaluate(args, |value, number| number.multiply(value)),
);

pub(super) static INTERVAL_DIVIDED: SparkFunction = SparkFunction::new(
    "interval_divided",
    &[Kind::Any, Kind::Any],
    result_type,
    |args| evaluate(args, |value, number| number.divide(value)),
);

/// The difference of two times stays one.
fn result_type(types: &[DataType]) -> Result<DataType> {
    Ok(match types.first() {
        Some(DataType::Duration(_)) => DataType::Duration(TimeUnit::Microsecond),
        _ => DataType::Interval(IntervalUnit::MonthDayNano),
    })
}

#[derive(Debug, Clone, Copy)]
enum Number {
    /// Digits, and how many of them are after the point.
    Exact(i128, i8),
    Float(f64),
}

impl Number {
    /// Rounded half up; `None` when it does not fit.
    fn multiply(self, value: i64) -> Option<i64> {
        match self {
            Self::Exact(digits, scale) => {
                let product = i128::from(value).checked_mul(digits)?;
                let divisor = power_of_ten(scale.unsigned_abs().into());
                i64::try_from(divide_half_up(product, divisor)).ok()
            }
            Self::Float(number) => to_long(value as f64 * number),
        }
    }

    fn divide(self, value: i64) -> Option<i64> {
        match self {
            Self::Exact(0, _) => None,
            Self::Exact(digits, scale) => {
                let power = power_of_ten(scale.unsigned_abs().into());
                let dividend = i128::from(value).checked_mul(power)?;
                i64::try_from(divide_half_up(dividend, digits)).ok()
            }
            Self::Float(number) => to_long(value as f64 / number),
        }
    }
}

fn to_long(value: f64) -> Option<i64> {
    let rounded = value.round();
    // Within the bounds of i64, as checked.
    #[allow(clippy::cast_possible_truncation)]
    (rounded.is_finite() && rounded.abs() < 9.2e18).then_some(rounded as i64)
}

fn numbers_of(args: &Arguments<'_>) -> Result<Box<dyn Fn(usize) -> Option<Number>>> {
    let given = args.any(1)?;
    Ok(match args.data_type(1)? {
        DataType::Decimal128(_, scale) => {
            let scale = *scale;
            let values = given.array().as_primitive::<Decimal128Type>().clone();
            Box::new(move |row| {
                let at = given.position(row);
                values
                    .is_valid(at)
                    .then(|| Number::Exact(values.value(at), scale))
            })
        }
        data_type if data_type.is_integer() => {
            let values = datafusion::arrow::compute::cast(given.array(), &DataType::Int64)?;
            let values = values.as_primitive::<Int64Type>().clone();
            Box::new(move |row| {
                let at = given.position(row);
                values
                    .is_valid(at)
                    .then(|| Number::Exact(values.value(at).into(), 0))
            })
        }
        _ => {
            let values = args.double(1)?;
            Box::new(move |row| values.get(row).map(Number::Float))
        }
    })
}

fn evaluate(args: &Arguments<'_>, compute: fn(i64, Number) -> Option<i64>) -> Result<ArrayRef> {
    let (parts, numbers) = (interval_parts(args, 0)?, numbers_of(args)?);
    let results = (0..args.rows()).map(|row| {
        let (Some(parts), Some(number)) = (parts(row), numbers(row)) else {
            return Ok(None);
        };
        let fit = || {
            Some(Parts {
                months: compute(parts.months, number)?,
                micros: compute(parts.micros, number)?,
            })
        };
        fit().map(Some).ok_or_else(|| {
            DataFusionError::Execution(
                "an interval is divided by zero, or does not fit; use try_divide, or nullif for the \
                 divisor"
                    .to_owned(),
            )
        })
    });
    if matches!(args.result_type(), DataType::Duration(_)) {
        let micros = results.map(|parts| Ok(parts?.map(|parts| parts.micros)));
        let micros = micros.collect::<Result<Vec<Option<i64>>>>()?;
        return Ok(Arc::new(DurationMicrosecondArray::from(micros)));
    }
    let intervals = results.map(|parts| parts?.map(to_interval).transpose());
    let intervals = intervals.collect::<Result<Vec<Option<IntervalMonthDayNano>>>>()?;
    Ok(Arc::new(IntervalMonthDayNanoArray::from(intervals)))
}

/// Whole days apart, so that many years of days fit.
fn to_interval(parts: Parts) -> Result<IntervalMonthDayNano> {
    let outside = || DataFusionError::Execution("the interval is too long".to_owned());
    let months = i32::try_from(parts.months).map_err(|_| outside())?;
    let day = super::MICROS_PER_DAY;
    let days = i32::try_from(parts.micros / day).map_err(|_| outside())?;
    Ok(IntervalMonthDayNano::new(
        months,
        days,
        parts.micros % day * 1000,
    ))
}
