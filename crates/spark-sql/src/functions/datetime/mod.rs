//! Functions of dates and timestamps.

mod arithmetic;
pub(crate) mod calendar;
pub(crate) mod clock;
mod construct;
mod parse_and_format;
mod parts;
pub(crate) mod pattern;
mod pattern_cache;
pub(crate) mod plus_interval;
#[cfg(test)]
mod tests;
pub(crate) mod text;
mod truncate;
mod unix_time;
pub(crate) mod zone;
mod zones;

pub(super) use self::parse_and_format::format_times;
use super::udf::SparkFunction;

/// The functions of this folder.
pub(super) fn functions() -> Vec<&'static SparkFunction> {
    [
        arithmetic::FUNCTIONS,
        construct::FUNCTIONS,
        parse_and_format::FUNCTIONS,
        parts::FUNCTIONS,
        truncate::FUNCTIONS,
        unix_time::FUNCTIONS,
        zones::FUNCTIONS,
    ]
    .into_iter()
    .flatten()
    .chain([&plus_interval::PLUS_INTERVAL])
    .collect()
}
