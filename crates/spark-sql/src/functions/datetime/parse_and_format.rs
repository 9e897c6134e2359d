//! Dates and timestamps from text, and their text.

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::error::{DataFusionError, Result};

use super::super::arguments::Arguments;
use super::super::kinds::{Kind, date_result, text_result, timestamp_result};
use super::super::udf::SparkFunction;
use super::calendar::split_micros;
use super::pattern_cache::PatternCache;
use super::text::{parse_date, parse_local_time, parse_timestamp};
use super::zone::Zone;

const DATE: &[Kind] = &[Kind::Date, Kind::Text];
const TIME: &[Kind] = &[Kind::TimestampOrNumber, Kind::Text];

pub(super) static FUNCTIONS: &[SparkFunction] = &[
    SparkFunction::new("to_date", DATE, date_result, |args| {
        parse_dates(args, false)
    })
    .with_optional(1),
    SparkFunction::new("try_to_date", DATE, date_result, |args| {
        parse_dates(args, true)
    })
    .with_optional(1),
    SparkFunction::new("to_timestamp", TIME, timestamp_result, |args| {
        parse_times(args, false)
    })
    .with_aliases(&["to_timestamp_ltz"])
    .with_optional(1),
    SparkFunction::new("try_to_timestamp", TIME, timestamp_result, |args| {
        parse_times(args, true)
    })
    .with_optional(1),
    SparkFunction::new(
        "to_timestamp_ntz",
        &[Kind::Timestamp, Kind::Text],
        |_| Ok(DataType::Timestamp(TimeUnit::Microsecond, None)),
        parse_local_times,
    )
    .with_optional(1),
    SparkFunction::new(
        "date_format",
        &[Kind::Timestamp, Kind::Text],
        text_result,
        format_times,
    ),
];

/// The texts of times in the pattern that is the second argument.
pub(crate) fn format_times(args: &Arguments<'_>) -> Result<ArrayRef> {
    let (times, patterns) = (args.timestamp(0)?, args.text(1)?);
    let mut cache = PatternCache::to_format();
    args.texts(|row| match (times.get(row), patterns.get(row)) {
        (Some(time), Some(pattern)) => cache
            .get(pattern)?
            .format(time, *args.zone())
            .map(Some)
            .map_err(DataFusionError::Execution),
        _ => Ok(None),
    })
}

/// Calls `use_value` with each text and its pattern, if there is one.
fn parse_each(
    args: &Arguments<'_>,
    safe: bool,
    what: &str,
    by_cast: fn(&str, Zone) -> Option<i64>,
    zone: Zone,
) -> Result<Vec<Option<i64>>> {
    let texts = args.text(0)?;
    let patterns = (args.count() > 1).then(|| args.text(1)).transpose()?;
    let mut cache = PatternCache::to_parse();
    (0..args.rows())
        .map(|row| {
            let Some(text) = texts.get(row) else {
                return Ok(None);
            };
            let (parsed, pattern) = match &patterns {
                None => (by_cast(text, zone), None),
                Some(patterns) => match patterns.get(row) {
                    None => return Ok(None),
                    Some(pattern) => (cache.get(pattern)?.parse(text, zone), Some(pattern)),
                },
            };
            match parsed {
                None if !safe => Err(not_parsed(args.name(), text, what, pattern)),
                parsed => Ok(parsed),
            }
        })
        .collect()
}

fn not_parsed(name: &str, text: &str, what: &str, pattern: Option<&str>) -> DataFusionError {
    let form = match pattern {
        Some(pattern) => format!("does not have the form '{pattern}' of a {what}"),
        None => format!("is not a {what}"),
    };
    let instead = match name {
        "to_date" => "try_to_date",
        _ => "try_to_timestamp",
    };
    DataFusionError::Execution(format!(
        "'{text}' {form}; use {instead} where such text is to give NULL"
    ))
}

fn parse_dates(args: &Arguments<'_>, safe: bool) -> Result<ArrayRef> {
    let is_text = *args.data_type(0)? == DataType::Utf8;
    if !is_text {
        let dates = args.date(0)?;
        return args.dates(|row| Ok(dates.get(row)));
    }
    if args.count() == 1 {
        let texts = args.text(0)?;
        return args.dates(|row| match texts.get(row) {
            None => Ok(None),
            Some(text) => match parse_date(text) {
                None if !safe => Err(not_parsed(args.name(), text, "date", None)),
                date => Ok(date),
            },
        });
    }
    let zone = *args.zone();
    let times = parse_each(args, safe, "date", parse_timestamp, zone)?;
    let mut times = times.into_iter();
    args.dates(|_| {
        let time = times.next().flatten();
        Ok(time
            .and_then(|time| zone.to_local(time))
            .and_then(|local| i32::try_from(split_micros(local).0).ok()))
    })
}

fn parse_times(args: &Arguments<'_>, safe: bool) -> Result<ArrayRef> {
    let given = args.data_type(0)?;
    if given.is_numeric() {
        return super::unix_time::seconds_to_timestamps(args);
    }
    if *given != DataType::Utf8 {
        let times = args.timestamp(0)?;
        return args.timestamps(|row| Ok(times.get(row)));
    }
    let times = parse_each(args, safe, "timestamp", parse_timestamp, *args.zone())?;
    let mut times = times.into_iter();
    args.timestamps(|_| Ok(times.next().flatten()))
}

/// Times on a clock without zone.
fn parse_local_times(args: &Arguments<'_>) -> Result<ArrayRef> {
    if *args.data_type(0)? != DataType::Utf8 {
        let times = args.timestamp(0)?;
        return args
            .timestamps(|row| Ok(times.get(row).and_then(|time| args.zone().to_local(time))));
    }
    let by_cast = |text: &str, _| parse_local_time(text).map(|time| time.local);
    let times = parse_each(args, false, "timestamp", by_cast, Zone::UTC)?;
    let mut times = times.into_iter();
    args.timestamps(|_| Ok(times.next().flatten()))
}
