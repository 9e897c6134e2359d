//! The bounds of a column: from the statistics of Parquet row groups to values of
//! the Delta log.

use arrow::datatypes::{DataType, TimeUnit};
use chrono::{DateTime, Datelike as _, NaiveDate, TimeDelta, Utc};
use parquet::file::statistics::Statistics;
use serde_json::Value;

/// The number of characters of a string that a bound keeps, as in Delta Lake.
const STRING_PREFIX: usize = 32;

/// The years that every reader can parse.
const READABLE_YEARS: std::ops::RangeInclusive<i32> = 1..=9999;

/// Whether readers expect bounds of a column of this type.
pub(super) fn has_bounds(data_type: &DataType) -> bool {
    data_type.is_integer()
        || data_type.is_floating()
        || matches!(
            data_type,
            DataType::Boolean
                | DataType::Date32
                | DataType::Timestamp(_, _)
                | DataType::Decimal128(_, _)
                | DataType::Utf8
                | DataType::LargeUtf8
                | DataType::Utf8View
        )
}

/// A bound in the order of its type.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Bound {
    Integer(i128),
    Float(f64),
    Text(String),
}

impl Bound {
    fn is_less(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Integer(a), Self::Integer(b)) => a < b,
            (Self::Float(a), Self::Float(b)) => a < b,
            (Self::Text(a), Self::Text(b)) => a < b,
            _ => false,
        }
    }

    pub(super) fn lesser_of(self, other: Self) -> Self {
        if other.is_less(&self) { other } else { self }
    }

    pub(super) fn greater_of(self, other: Self) -> Self {
        if self.is_less(&other) { other } else { self }
    }

    pub(super) fn into_lower_bound(self, data_type: &DataType) -> Option<Value> {
        match (self, data_type) {
            (Self::Integer(v), DataType::Timestamp(unit, _)) => {
                timestamp_value(v.div_euclid(units_per_milli(*unit)) * 1_000)
            }
            (Self::Text(text), _) => {
                Some(text.chars().take(STRING_PREFIX).collect::<String>().into())
            }
            (Self::Float(v), _) => float_value(v, -0.0),
            (bound, _) => bound.into_exact_value(data_type),
        }
    }

    pub(super) fn into_upper_bound(self, data_type: &DataType) -> Option<Value> {
        match (self, data_type) {
            (Self::Integer(v), DataType::Timestamp(unit, _)) => {
                let millis = -(-v).div_euclid(units_per_milli(*unit));
                // The last millisecond of the year 9999 cannot be rounded up, so
                // its microseconds stay.
                timestamp_value(millis * 1_000)
                    .or_else(|| timestamp_value(v * 1_000 / units_per_milli(*unit)))
            }
            (Self::Text(text), _) => upper_text(&text).map(Value::String),
            (Self::Float(v), _) => float_value(v, 0.0),
            (bound, _) => bound.into_exact_value(data_type),
        }
    }

    fn into_exact_value(self, data_type: &DataType) -> Option<Value> {
        let Self::Integer(v) = self else {
            return None;
        };
        match data_type {
            DataType::Boolean => Some(Value::Bool(v != 0)),
            DataType::Date32 => date_value(v),
            DataType::Decimal128(_, scale) => decimal_value(v, *scale),
            _ => i64::try_from(v).ok().map(Value::from),
        }
    }
}

/// The bounds of one row group, `None` when they are missing or not reliable.
pub(super) fn group_bounds(
    statistics: &Statistics,
    data_type: &DataType,
) -> Option<(Bound, Bound)> {
    if statistics.is_min_max_deprecated() {
        return None;
    }
    let integers = |min: Option<i64>, max: Option<i64>| {
        Some((Bound::Integer(min?.into()), Bound::Integer(max?.into())))
    };
    match (statistics, data_type) {
        (Statistics::Boolean(s), DataType::Boolean) => integers(
            s.min_opt().copied().map(i64::from),
            s.max_opt().copied().map(i64::from),
        ),
        (
            Statistics::Int32(s),
            DataType::Int8
            | DataType::Int16
            | DataType::Int32
            | DataType::Date32
            | DataType::Decimal128(_, _),
        ) => integers(
            s.min_opt().copied().map(i64::from),
            s.max_opt().copied().map(i64::from),
        ),
        (
            Statistics::Int64(s),
            DataType::Int64 | DataType::Timestamp(_, _) | DataType::Decimal128(_, _),
        ) => integers(s.min_opt().copied(), s.max_opt().copied()),
        (Statistics::Float(s), DataType::Float32) => Some((
            Bound::Float(f64::from(*s.min_opt()?)),
            Bound::Float(f64::from(*s.max_opt()?)),
        )),
        (Statistics::Double(s), DataType::Float64) => {
            Some((Bound::Float(*s.min_opt()?), Bound::Float(*s.max_opt()?)))
        }
        (Statistics::FixedLenByteArray(s), DataType::Decimal128(_, _)) => Some((
            Bound::Integer(decode_big_endian(s.min_bytes_opt()?)?),
            Bound::Integer(decode_big_endian(s.max_bytes_opt()?)?),
        )),
        // Footers may hold truncated bounds; they are still valid bounds.
        (Statistics::ByteArray(s), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) => {
            let text = |bytes: &[u8]| std::str::from_utf8(bytes).ok().map(str::to_owned);
            Some((
                Bound::Text(text(s.min_bytes_opt()?)?),
                Bound::Text(text(s.max_bytes_opt()?)?),
            ))
        }
        _ => None,
    }
}

fn decode_big_endian(bytes: &[u8]) -> Option<i128> {
    let first = *bytes.first()?;
    if bytes.len() > 16 {
        return None;
    }
    let sign = if first & 0x80 == 0 { 0 } else { -1 };
    Some(
        bytes
            .iter()
            .fold(sign, |value, byte| (value << 8) | i128::from(*byte)),
    )
}

fn units_per_milli(unit: TimeUnit) -> i128 {
    match unit {
        // Parquet has no unit of seconds: the writer stores milliseconds.
        TimeUnit::Second | TimeUnit::Millisecond => 1,
        TimeUnit::Microsecond => 1_000,
        TimeUnit::Nanosecond => 1_000_000,
    }
}

fn float_value(value: f64, zero: f64) -> Option<Value> {
    // Readers compare in different ways: for some, -0.0 is less than 0.0.
    let value = if value == 0.0 { zero } else { value };
    serde_json::Number::from_f64(value).map(Value::Number)
}

/// A time as text, with milliseconds where they are enough.
fn timestamp_value(micros: i128) -> Option<Value> {
    let time = DateTime::<Utc>::from_timestamp_micros(i64::try_from(micros).ok()?)?;
    let format = if micros.rem_euclid(1_000) == 0 {
        "%Y-%m-%dT%H:%M:%S%.3fZ"
    } else {
        "%Y-%m-%dT%H:%M:%S%.6fZ"
    };
    READABLE_YEARS
        .contains(&time.year())
        .then(|| time.format(format).to_string().into())
}

fn date_value(days: i128) -> Option<Value> {
    let days = TimeDelta::try_days(i64::try_from(days).ok()?)?;
    let date = NaiveDate::default().checked_add_signed(days)?;
    READABLE_YEARS
        .contains(&date.year())
        .then(|| date.format("%Y-%m-%d").to_string().into())
}

/// The digits of a decimal, as text: a JSON number of `serde_json` is a double.
/// [`FileStats::to_log_text`](crate::FileStats::to_log_text) writes the number.
fn decimal_value(value: i128, scale: i8) -> Option<Value> {
    let scale = usize::try_from(scale).ok()?;
    let digits = format!("{:0width$}", value.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let sign = if value < 0 { "-" } else { "" };
    let point = if scale == 0 { "" } else { "." };
    Some(format!("{sign}{whole}{point}{fraction}").into())
}

/// A string of at most 33 characters that is not less than `text` in byte order,
/// which in UTF-8 is also character order. `None` when no such string exists.
pub(super) fn upper_text(text: &str) -> Option<String> {
    let mut kept: String = text.chars().take(STRING_PREFIX).collect();
    let mut rest = text.chars().skip(STRING_PREFIX);
    // As in Delta Lake: append the last ASCII character if that is enough, else
    // the last character of Unicode.
    match rest.next() {
        None => {}
        Some(next) if next < '\u{7f}' => kept.push('\u{7f}'),
        Some(next) if next < char::MAX => kept.push(char::MAX),
        Some(_) => return None,
    }
    Some(kept)
}
