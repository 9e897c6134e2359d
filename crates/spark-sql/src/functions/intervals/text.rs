//! Intervals as text and as numbers.

use std::fmt::Write as _;

use datafusion::error::DataFusionError;

use super::super::datetime::calendar::{MICROS_PER_DAY, MICROS_PER_SECOND};
use super::super::kinds::{Kind, long_result, text_result};
use super::super::udf::SparkFunction;
use super::{IntervalUnits, Parts, interval_parts};

const MICROS_PER_MINUTE: i64 = 60 * MICROS_PER_SECOND;
const MICROS_PER_HOUR: i64 = 60 * MICROS_PER_MINUTE;

/// `interval_text(interval, 'DAY TO HOUR')`.
pub(super) static INTERVAL_TEXT: SparkFunction = SparkFunction::new(
    "interval_text",
    &[Kind::Any, Kind::Text],
    text_result,
    |args| {
        let (parts, units) = (interval_parts(args, 0)?, args.text(1)?);
        args.texts(|row| {
            let units = units.get(row).and_then(IntervalUnits::parse);
            Ok(match (parts(row), units) {
                (Some(parts), Some(units)) => Some(write_interval(parts, units)),
                _ => None,
            })
        })
    },
);

/// `interval_number(interval, 'DAY')`: how many of the unit it has.
pub(super) static INTERVAL_NUMBER: SparkFunction = SparkFunction::new(
    "interval_number",
    &[Kind::Any, Kind::Text],
    long_result,
    |args| {
        let (parts, units) = (interval_parts(args, 0)?, args.text(1)?);
        args.longs(|row| {
            let (Some(parts), Some(units)) = (parts(row), units.get(row)) else {
                return Ok(None);
            };
            Ok(Some(match units {
                "YEAR" => parts.months / 12,
                "MONTH" => parts.months,
                "DAY" => parts.micros / MICROS_PER_DAY,
                "HOUR" => parts.micros / MICROS_PER_HOUR,
                "MINUTE" => parts.micros / MICROS_PER_MINUTE,
                _ => parts.micros / MICROS_PER_SECOND,
            }))
        })
    },
);

/// `interval_micros(interval)`: equal for equal intervals, greater for longer ones.
pub(super) static INTERVAL_MICROS: SparkFunction =
    SparkFunction::new("interval_micros", &[Kind::Any], long_result, |args| {
        let parts = interval_parts(args, 0)?;
        args.longs(|row| {
            let Some(Parts { months, micros }) = parts(row) else {
                return Ok(None);
            };
            if months != 0 && micros != 0 {
                return Err(DataFusionError::Execution(
                    "an interval of months and days cannot be compared; write its parts, such as \
                     extract(DAY FROM i)"
                        .to_owned(),
                ));
            }
            Ok(Some(months.saturating_mul(30 * MICROS_PER_DAY) + micros))
        })
    });

fn write_interval(parts: Parts, units: IntervalUnits) -> String {
    match units {
        IntervalUnits::YearMonth(first, last) => {
            let sign = if parts.months < 0 { "-" } else { "" };
            let months = parts.months.unsigned_abs();
            let number = match (first, last) {
                (0, 0) => format!("{sign}{}", months / 12),
                (0, _) => format!("{sign}{}-{}", months / 12, months % 12),
                _ => format!("{sign}{months}"),
            };
            format!("INTERVAL '{number}' {units}")
        }
        IntervalUnits::DayTime(first, last) => {
            let sign = if parts.micros < 0 { "-" } else { "" };
            let number = write_day_time(parts.micros.unsigned_abs(), first, last);
            format!("INTERVAL '{sign}{number}' {units}")
        }
        IntervalUnits::Calendar => write_calendar(parts),
    }
}

fn write_day_time(micros: u64, first: usize, last: usize) -> String {
    let sizes = [
        MICROS_PER_DAY,
        MICROS_PER_HOUR,
        MICROS_PER_MINUTE,
        MICROS_PER_SECOND,
    ]
    .map(i64::unsigned_abs);
    let mut rest = micros;
    let mut text = String::new();
    for (at, size) in sizes.iter().enumerate().take(last + 1).skip(first) {
        if at > first {
            text.push(if at == 1 { ' ' } else { ':' });
        }
        let number = rest / size;
        rest %= size;
        // Days are not padded.
        let width = if at == 0 { 0 } else { 2 };
        let _ = write!(text, "{number:0>width$}");
    }
    if last + 1 == sizes.len() {
        text.push_str(&fraction_of(rest));
    }
    text
}

/// `.5` of half a second; nothing of none.
fn fraction_of(micros: u64) -> String {
    match micros {
        0 => String::new(),
        micros => format!(".{micros:06}").trim_end_matches('0').to_owned(),
    }
}

fn write_calendar(Parts { months, micros }: Parts) -> String {
    let mut parts = Vec::new();
    let mut add = |number: i64, unit: &str| {
        if number != 0 {
            parts.push(format!("{number} {unit}"));
        }
    };
    add(months / 12, "years");
    add(months % 12, "months");
    add(micros / MICROS_PER_DAY, "days");
    let rest = micros % MICROS_PER_DAY;
    add(rest / MICROS_PER_HOUR, "hours");
    add(rest / MICROS_PER_MINUTE % 60, "minutes");
    let seconds = rest % MICROS_PER_MINUTE;
    if seconds != 0 {
        let sign = if seconds < 0 { "-" } else { "" };
        let second = MICROS_PER_SECOND.unsigned_abs();
        let (whole, fraction) = (
            seconds.unsigned_abs() / second,
            seconds.unsigned_abs() % second,
        );
        parts.push(format!("{sign}{whole}{} seconds", fraction_of(fraction)));
    }
    if parts.is_empty() {
        return "0 seconds".to_owned();
    }
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_have_the_units() {
        let time = |micros| Parts { months: 0, micros };
        let months = |months| Parts { months, micros: 0 };
        for (parts, units, text) in [
            (time(MICROS_PER_DAY), "DAY", "INTERVAL '1' DAY"),
            (time(-MICROS_PER_DAY), "DAY", "INTERVAL '-1' DAY"),
            (time(MICROS_PER_HOUR), "HOUR", "INTERVAL '01' HOUR"),
            (
                time(90 * MICROS_PER_MINUTE),
                "MINUTE",
                "INTERVAL '90' MINUTE",
            ),
            (time(500_000), "SECOND", "INTERVAL '00.5' SECOND"),
            (
                time(620 * MICROS_PER_MINUTE),
                "HOUR TO MINUTE",
                "INTERVAL '10:20' HOUR TO MINUTE",
            ),
            (
                time(26 * MICROS_PER_HOUR),
                "DAY TO HOUR",
                "INTERVAL '1 02' DAY TO HOUR",
            ),
            (
                time(90_500_000),
                "DAY TO SECOND",
                "INTERVAL '0 00:01:30.5' DAY TO SECOND",
            ),
            (months(14), "MONTH", "INTERVAL '14' MONTH"),
            (
                months(-27),
                "YEAR TO MONTH",
                "INTERVAL '-2-3' YEAR TO MONTH",
            ),
            (months(24), "YEAR", "INTERVAL '2' YEAR"),
            (time(-100_000), "CALENDAR", "-0.1 seconds"),
            (time(0), "CALENDAR", "0 seconds"),
            (
                Parts {
                    months: 14,
                    micros: 25 * MICROS_PER_DAY + 5 * MICROS_PER_HOUR + 7_500_000,
                },
                "CALENDAR",
                "1 years 2 months 25 days 5 hours 7.5 seconds",
            ),
        ] {
            let units = IntervalUnits::parse(units).unwrap();
            assert_eq!(write_interval(parts, units), text);
        }
    }
}
