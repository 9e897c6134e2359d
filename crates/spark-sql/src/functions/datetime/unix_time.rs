//! Timestamps as numbers since 1970-01-01 00:00:00 UTC.

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, Decimal128Type};
use datafusion::error::{DataFusionError, Result};

use super::super::arguments::Arguments;
use super::super::kinds::{
    Kind, date_result, int_result, long_result, text_result, timestamp_result,
};
use super::super::udf::SparkFunction;
use super::calendar::MICROS_PER_SECOND;
use super::pattern_cache::PatternCache;

/// Spark's pattern where none is given.
const DEFAULT_PATTERN: &str = "yyyy-MM-dd HH:mm:ss";

const TIME: &[Kind] = &[Kind::Timestamp, Kind::Text];

pub(super) static FUNCTIONS: &[SparkFunction] = &[
    SparkFunction::new("unix_timestamp", TIME, long_result, to_seconds)
        .with_aliases(&["to_unix_timestamp"])
        .with_optional(1),
    SparkFunction::new(
        "from_unixtime",
        &[Kind::Long, Kind::Text],
        text_result,
        |args| {
            let seconds = args.long(0)?;
            let patterns = (args.count() > 1).then(|| args.text(1)).transpose()?;
            let mut cache = PatternCache::to_format();
            args.texts(|row| {
                let pattern = match &patterns {
                    None => Some(DEFAULT_PATTERN),
                    Some(patterns) => patterns.get(row),
                };
                let (Some(seconds), Some(pattern)) = (seconds.get(row), pattern) else {
                    return Ok(None);
                };
                let micros = scaled(seconds, MICROS_PER_SECOND)?;
                cache
                    .get(pattern)?
                    .format(micros, *args.zone())
                    .map(Some)
                    .map_err(DataFusionError::Execution)
            })
        },
    )
    .with_optional(1),
    SparkFunction::new("unix_seconds", &[Kind::Timestamp], long_result, |args| {
        divided(args, MICROS_PER_SECOND)
    }),
    SparkFunction::new("unix_millis", &[Kind::Timestamp], long_result, |args| {
        divided(args, 1000)
    }),
    SparkFunction::new("unix_micros", &[Kind::Timestamp], long_result, |args| {
        divided(args, 1)
    }),
    SparkFunction::new("unix_date", &[Kind::Date], int_result, |args| {
        let dates = args.date(0)?;
        args.ints(|row| Ok(dates.get(row)))
    }),
    SparkFunction::new("date_from_unix_date", &[Kind::Int], date_result, |args| {
        let days = args.int(0)?;
        args.dates(|row| Ok(days.get(row)))
    }),
    SparkFunction::new(
        "timestamp_seconds",
        &[Kind::Double],
        timestamp_result,
        seconds_to_timestamps,
    ),
    SparkFunction::new(
        "timestamp_millis",
        &[Kind::Long],
        timestamp_result,
        |args| multiplied(args, 1000),
    ),
    SparkFunction::new(
        "timestamp_micros",
        &[Kind::Long],
        timestamp_result,
        |args| multiplied(args, 1),
    ),
];

fn scaled(number: i64, factor: i64) -> Result<i64> {
    number.checked_mul(factor).ok_or_else(outside)
}

fn outside() -> DataFusionError {
    DataFusionError::Execution("the number is outside the range of a timestamp".to_owned())
}

fn divided(args: &Arguments<'_>, by: i64) -> Result<ArrayRef> {
    let times = args.timestamp(0)?;
    args.longs(|row| Ok(times.get(row).map(|time| time.div_euclid(by))))
}

fn multiplied(args: &Arguments<'_>, by: i64) -> Result<ArrayRef> {
    let numbers = args.long(0)?;
    args.timestamps(|row| numbers.get(row).map(|n| scaled(n, by)).transpose())
}

/// Timestamps of numbers of seconds, which may have a fraction.
pub(super) fn seconds_to_timestamps(args: &Arguments<'_>) -> Result<ArrayRef> {
    let given = args.any(0)?;
    match given.array().data_type() {
        DataType::Float32 | DataType::Float64 => {
            let seconds = args.double(0)?;
            args.timestamps(|row| {
                let Some(seconds) = seconds.get(row) else {
                    return Ok(None);
                };
                if !seconds.is_finite() {
                    return Ok(None);
                }
                let micros = seconds * MICROS_PER_SECOND as f64;
                if micros.abs() >= i64::MAX as f64 {
                    return Err(outside());
                }
                Ok(Some(micros as i64))
            })
        }
        DataType::Decimal128(_, scale) => {
            let scale = u32::try_from(*scale).unwrap_or(0);
            let values = given.array().as_primitive::<Decimal128Type>();
            args.timestamps(|row| {
                let row = given.position(row);
                if values.is_null(row) {
                    return Ok(None);
                }
                let micros = values
                    .value(row)
                    .checked_mul(MICROS_PER_SECOND.into())
                    .and_then(|micros| micros.checked_div(10_i128.checked_pow(scale)?))
                    .and_then(|micros| i64::try_from(micros).ok());
                micros.map(Some).ok_or_else(outside)
            })
        }
        _ => multiplied(args, MICROS_PER_SECOND),
    }
}

fn to_seconds(args: &Arguments<'_>) -> Result<ArrayRef> {
    // Towards zero, unlike `unix_seconds`.
    if *args.data_type(0)? != DataType::Utf8 {
        let times = args.timestamp(0)?;
        return args.longs(|row| Ok(times.get(row).map(|time| time / MICROS_PER_SECOND)));
    }
    let texts = args.text(0)?;
    let patterns = (args.count() > 1).then(|| args.text(1)).transpose()?;
    let mut cache = PatternCache::to_parse();
    args.longs(|row| {
        let pattern = match &patterns {
            None => Some(DEFAULT_PATTERN),
            Some(patterns) => patterns.get(row),
        };
        let (Some(text), Some(pattern)) = (texts.get(row), pattern) else {
            return Ok(None);
        };
        let time = cache
            .get(pattern)?
            .parse(text, *args.zone())
            .ok_or_else(|| {
                DataFusionError::Execution(format!(
                    "'{text}' does not have the form '{pattern}' of a timestamp; use \
                 unix_seconds(try_to_timestamp(…)) where such text is to give NULL"
                ))
            })?;
        Ok(Some(time / MICROS_PER_SECOND))
    })
}
