//! File statistics for the Delta log from a Parquet footer.
//!
//! Readers skip files by these bounds, so a wrong bound loses rows. A bound that
//! the footer does not determine is left out.

use std::collections::HashMap;

use arrow::datatypes::{DataType, Field, Fields, Schema, TimeUnit};
use parquet::file::metadata::ParquetMetaData;
use parquet::file::statistics::Statistics;
use serde_json::{Map, Value};

use crate::files::data_file::FileStats;

/// The number of leaf columns that get statistics: Delta Lake's default for
/// `delta.dataSkippingNumIndexedCols`.
pub const INDEXED_COLUMNS: usize = 32;

/// The number of characters of a string that a bound keeps, as in Delta Lake.
const STRING_PREFIX: usize = 32;

/// Decimals with more digits lose precision in readers that parse them as
/// doubles.
const SAFE_DIGITS: u32 = 15;

/// Statistics of one file from its footer.
///
/// `schema` is that of the file or of its table; columns that the file does not
/// have (partition columns) are skipped. The first 32 leaf columns get
/// statistics. All of them get null counts except repeated columns (arrays,
/// maps). Bounds:
/// - integers, dates: exact;
/// - timestamps: milliseconds in UTC, rounded outwards, as the protocol requires;
/// - strings: 32 characters; a longer maximum gets one more character that makes
///   it greater than the value;
/// - decimals: exact up to 15 digits, else none;
/// - floats: the minimum only. Spark and DuckDB order NaN as the greatest value,
///   but footers ignore NaN, so their maximum may be wrong;
/// - booleans, binaries: none.
pub fn stats_from_parquet(metadata: &ParquetMetaData, schema: &Schema) -> FileStats {
    let descriptor = metadata.file_metadata().schema_descr();
    let columns: HashMap<&[String], usize> = (0..descriptor.num_columns())
        .map(|index| (index, descriptor.column(index)))
        .filter(|(_, column)| column.max_rep_level() == 0)
        .map(|(index, _)| (descriptor.columns()[index].path().parts(), index))
        .collect();
    let names = (0..descriptor.num_columns())
        .filter_map(|index| descriptor.columns()[index].path().parts().first())
        .map(String::as_str)
        .collect::<std::collections::HashSet<_>>();
    let mut collector = StatsCollector {
        metadata,
        columns,
        remaining_columns: INDEXED_COLUMNS,
        path: Vec::new(),
    };
    let mut stats = FileStats {
        num_records: count_rows(metadata),
        ..FileStats::default()
    };
    for field in schema.fields() {
        if names.contains(field.name().as_str()) {
            collector.collect_field(
                field,
                &mut stats.min_values,
                &mut stats.max_values,
                &mut stats.null_count,
            );
        }
    }
    stats
}

fn count_rows(metadata: &ParquetMetaData) -> u64 {
    let rows: i64 = metadata.row_groups().iter().map(|g| g.num_rows()).sum();
    rows.try_into().unwrap_or_default()
}

struct StatsCollector<'a> {
    metadata: &'a ParquetMetaData,
    /// Leaf columns that are not repeated, by path.
    columns: HashMap<&'a [String], usize>,
    /// The number of leaf columns that may still get statistics.
    remaining_columns: usize,
    path: Vec<String>,
}

impl StatsCollector<'_> {
    fn collect_field(
        &mut self,
        field: &Field,
        min: &mut Map<String, Value>,
        max: &mut Map<String, Value>,
        nulls: &mut Map<String, Value>,
    ) {
        if self.remaining_columns == 0 {
            return;
        }
        self.path.push(field.name().clone());
        if let DataType::Struct(fields) = field.data_type() {
            let (mut min_of, mut max_of, mut nulls_of) = Default::default();
            self.collect_fields(fields, &mut min_of, &mut max_of, &mut nulls_of);
            for (into, values) in [(min, min_of), (max, max_of), (nulls, nulls_of)] {
                if !values.is_empty() {
                    into.insert(field.name().clone(), Value::Object(values));
                }
            }
        } else {
            self.remaining_columns -= 1;
            if let Some(&index) = self.columns.get(self.path.as_slice()) {
                let column = ColumnStats::from_footer(self.metadata, index, field.data_type());
                for (into, value) in [
                    (min, column.min),
                    (max, column.max),
                    (nulls, column.nulls.map(Value::from)),
                ] {
                    if let Some(value) = value {
                        into.insert(field.name().clone(), value);
                    }
                }
            }
        }
        self.path.pop();
    }

    fn collect_fields(
        &mut self,
        fields: &Fields,
        min: &mut Map<String, Value>,
        max: &mut Map<String, Value>,
        nulls: &mut Map<String, Value>,
    ) {
        for field in fields {
            self.collect_field(field, min, max, nulls);
        }
    }
}

#[derive(Default)]
struct ColumnStats {
    min: Option<Value>,
    max: Option<Value>,
    nulls: Option<u64>,
}

impl ColumnStats {
    fn from_footer(metadata: &ParquetMetaData, index: usize, data_type: &DataType) -> Self {
        let mut nulls = Some(0);
        let mut bounds: Option<(Bound, Bound)> = None;
        let mut all_groups_bounded = true;
        for group in metadata.row_groups() {
            let statistics = group.column(index).statistics();
            let group_nulls = statistics.and_then(|s| s.null_count_opt());
            nulls = nulls.zip(group_nulls).map(|(a, b)| a + b);
            let all_null = group_nulls.is_some_and(|n| i64::try_from(n) == Ok(group.num_rows()));
            if all_null {
                continue;
            }
            match statistics.and_then(|s| group_bounds(s, data_type)) {
                Some((min, max)) => {
                    bounds = Some(match bounds {
                        None => (min, max),
                        Some((a, b)) => (a.lesser_of(min), b.greater_of(max)),
                    });
                }
                // If one group has no bounds, the file has none.
                None => all_groups_bounded = false,
            }
        }
        match bounds.filter(|_| all_groups_bounded) {
            Some((min, max)) => Self {
                min: min.into_lower_bound(data_type),
                max: max.into_upper_bound(data_type),
                nulls,
            },
            None => Self {
                nulls,
                ..Self::default()
            },
        }
    }
}

/// A bound in the order of its type.
#[derive(Debug, Clone, PartialEq)]
enum Bound {
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

    fn lesser_of(self, other: Self) -> Self {
        if other.is_less(&self) { other } else { self }
    }

    fn greater_of(self, other: Self) -> Self {
        if self.is_less(&other) { other } else { self }
    }

    fn into_lower_bound(self, data_type: &DataType) -> Option<Value> {
        match (self, data_type) {
            (Self::Integer(v), DataType::Timestamp(unit, _)) => {
                timestamp_value(v.div_euclid(units_per_milli(*unit)))
            }
            (Self::Text(text), _) => {
                Some(text.chars().take(STRING_PREFIX).collect::<String>().into())
            }
            (Self::Float(v), _) => serde_json::Number::from_f64(v).map(Value::Number),
            (bound, _) => bound.into_exact_value(data_type),
        }
    }

    fn into_upper_bound(self, data_type: &DataType) -> Option<Value> {
        match (self, data_type) {
            (Self::Integer(v), DataType::Timestamp(unit, _)) => {
                timestamp_value(-(-v).div_euclid(units_per_milli(*unit)))
            }
            (Self::Text(text), _) => upper_text(&text).map(Value::String),
            (Self::Float(_), _) => None,
            (bound, _) => bound.into_exact_value(data_type),
        }
    }

    fn into_exact_value(self, data_type: &DataType) -> Option<Value> {
        let Self::Integer(v) = self else {
            return None;
        };
        match data_type {
            DataType::Date32 => date_value(v),
            DataType::Decimal128(_, scale) => decimal_value(v, *scale),
            _ => i64::try_from(v).ok().map(Value::from),
        }
    }
}

/// The bounds of one row group, `None` when they are missing or not reliable.
fn group_bounds(statistics: &Statistics, data_type: &DataType) -> Option<(Bound, Bound)> {
    if statistics.is_min_max_deprecated() {
        return None;
    }
    let integers = |min: Option<i64>, max: Option<i64>| {
        Some((Bound::Integer(min?.into()), Bound::Integer(max?.into())))
    };
    match (statistics, data_type) {
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

/// The years that every reader can parse.
const READABLE_YEARS: std::ops::RangeInclusive<i32> = 1..=9999;

fn timestamp_value(millis: i128) -> Option<Value> {
    use chrono::Datelike as _;
    let time = chrono::DateTime::from_timestamp_millis(i64::try_from(millis).ok()?)?;
    READABLE_YEARS
        .contains(&time.year())
        .then(|| time.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string().into())
}

fn date_value(days: i128) -> Option<Value> {
    use chrono::Datelike as _;
    let days = chrono::TimeDelta::try_days(i64::try_from(days).ok()?)?;
    let date = chrono::NaiveDate::default().checked_add_signed(days)?;
    READABLE_YEARS
        .contains(&date.year())
        .then(|| date.format("%Y-%m-%d").to_string().into())
}

fn decimal_value(value: i128, scale: i8) -> Option<Value> {
    if value.unsigned_abs() >= 10_u128.pow(SAFE_DIGITS) {
        return None;
    }
    let scale = usize::try_from(scale).ok()?;
    if scale == 0 {
        return i64::try_from(value).ok().map(Value::from);
    }
    // Through text: the nearest double prints as exactly these digits.
    let digits = format!("{:0width$}", value.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let sign = if value < 0 { "-" } else { "" };
    let number: f64 = format!("{sign}{whole}.{fraction}").parse().ok()?;
    serde_json::Number::from_f64(number).map(Value::Number)
}

/// A string of at most 33 characters that is not less than `text` in byte order,
/// which in UTF-8 is also character order. `None` when no such string exists.
fn upper_text(text: &str) -> Option<String> {
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

#[cfg(test)]
mod tests;
