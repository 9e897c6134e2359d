//! Dates plus days and months, and the time between two dates.

use datafusion::error::{DataFusionError, Result};

use super::super::arguments::Arguments;
use super::super::kinds::{
    Kind, date_result, double_result, int_result, long_result, timestamp_result,
};
use super::super::udf::SparkFunction;
use super::calendar::{
    MICROS_PER_DAY, MICROS_PER_SECOND, add_months, civil_of_days, join_micros, month_length,
    split_micros, weekday_of_days,
};

pub(super) static FUNCTIONS: &[SparkFunction] = &[
    SparkFunction::new("date_add", &[Kind::Date, Kind::Int], date_result, |args| {
        add_days(args, 1)
    })
    .with_aliases(&["dateadd"]),
    SparkFunction::new("date_sub", &[Kind::Date, Kind::Int], date_result, |args| {
        add_days(args, -1)
    }),
    SparkFunction::new("datediff", &[Kind::Date, Kind::Date], int_result, |args| {
        let (end, start) = (args.date(0)?, args.date(1)?);
        args.ints(|row| match (end.get(row), start.get(row)) {
            (Some(end), Some(start)) => end
                .checked_sub(start)
                .map(Some)
                .ok_or_else(|| outside("date")),
            _ => Ok(None),
        })
    })
    .with_aliases(&["date_diff"]),
    SparkFunction::new(
        "add_months",
        &[Kind::Date, Kind::Int],
        date_result,
        |args| {
            let (dates, months) = (args.date(0)?, args.int(1)?);
            args.dates(|row| match (dates.get(row), months.get(row)) {
                (Some(days), Some(months)) => to_date(add_months(days.into(), months.into())),
                _ => Ok(None),
            })
        },
    ),
    SparkFunction::new("last_day", &[Kind::Date], date_result, |args| {
        let dates = args.date(0)?;
        args.dates(|row| {
            Ok(dates.get(row).map(|days| {
                let civil = civil_of_days(days.into());
                days + i32::from(month_length(civil.year, civil.month) - civil.day)
            }))
        })
    }),
    SparkFunction::new("next_day", &[Kind::Date, Kind::Text], date_result, |args| {
        let (dates, names) = (args.date(0)?, args.text(1)?);
        args.dates(|row| {
            let (Some(days), Some(name)) = (dates.get(row), names.get(row)) else {
                return Ok(None);
            };
            let wanted = weekday_of_name(name).ok_or_else(|| {
                DataFusionError::Execution(format!(
                    "'{name}' is not a day of the week; write one such as 'Mon' or 'Monday'"
                ))
            })?;
            let ahead = (wanted - weekday_of_days(days.into()) - 1).rem_euclid(7) + 1;
            to_date(Some(i64::from(days) + ahead))
        })
    }),
    SparkFunction::new(
        "months_between",
        &[Kind::Timestamp, Kind::Timestamp, Kind::Boolean],
        double_result,
        |args| {
            let (ends, starts) = (args.timestamp(0)?, args.timestamp(1)?);
            let rounded = (args.count() > 2).then(|| args.boolean(2)).transpose()?;
            let zone = *args.zone();
            args.doubles(|row| {
                let round = match &rounded {
                    None => Some(true),
                    Some(rounded) => rounded.get(row),
                };
                Ok((|| {
                    let end = zone.to_local(ends.get(row)?)?;
                    let start = zone.to_local(starts.get(row)?)?;
                    Some(months_between(end, start, round?))
                })())
            })
        },
    )
    .with_optional(1),
    SparkFunction::new(
        "timestampadd",
        &[Kind::Text, Kind::Long, Kind::Timestamp],
        timestamp_result,
        |args| {
            let (units, numbers, times) = (args.text(0)?, args.long(1)?, args.timestamp(2)?);
            let zone = *args.zone();
            args.timestamps(|row| {
                let (Some(unit), Some(number), Some(time)) =
                    (units.get(row), numbers.get(row), times.get(row))
                else {
                    return Ok(None);
                };
                let unit = Unit::parse(unit)?;
                (|| {
                    let (factor, calendar) = unit.factor();
                    if !calendar {
                        return time.checked_add(number.checked_mul(factor)?);
                    }
                    // Days and months are counted on the clock.
                    let (days, rest) = split_micros(zone.to_local(time)?);
                    let number = number.checked_mul(factor)?;
                    let days = match unit {
                        Unit::Day | Unit::Week => days.checked_add(number)?,
                        _ => add_months(days, number)?,
                    };
                    zone.to_instant(join_micros(days, rest)?)
                })()
                .map(Some)
                .ok_or_else(|| outside("timestamp"))
            })
        },
    ),
    SparkFunction::new(
        "timestampdiff",
        &[Kind::Text, Kind::Timestamp, Kind::Timestamp],
        long_result,
        |args| {
            let (units, starts, ends) = (args.text(0)?, args.timestamp(1)?, args.timestamp(2)?);
            let zone = *args.zone();
            args.longs(|row| {
                let (Some(unit), Some(start), Some(end)) =
                    (units.get(row), starts.get(row), ends.get(row))
                else {
                    return Ok(None);
                };
                let unit = Unit::parse(unit)?;
                // All units are counted on the clock, as in Spark.
                let (Some(start), Some(end)) = (zone.to_local(start), zone.to_local(end)) else {
                    return Err(outside("timestamp"));
                };
                let (factor, calendar) = unit.factor();
                if !calendar {
                    return end
                        .checked_sub(start)
                        .map(|micros| Some(micros / factor))
                        .ok_or_else(|| outside("timestamp"));
                }
                Ok(Some(match unit {
                    Unit::Day | Unit::Week => (end - start) / MICROS_PER_DAY / factor,
                    _ => whole_months(start, end) / factor,
                }))
            })
        },
    ),
];

fn outside(what: &str) -> DataFusionError {
    DataFusionError::Execution(format!("the result is outside the range of a {what}"))
}

fn to_date(days: Option<i64>) -> Result<Option<i32>> {
    days.and_then(|days| i32::try_from(days).ok())
        .map(Some)
        .ok_or_else(|| outside("date"))
}

fn add_days(args: &Arguments<'_>, sign: i64) -> Result<datafusion::arrow::array::ArrayRef> {
    let (dates, numbers) = (args.date(0)?, args.int(1)?);
    args.dates(|row| match (dates.get(row), numbers.get(row)) {
        (Some(days), Some(number)) => to_date(Some(i64::from(days) + sign * i64::from(number))),
        _ => Ok(None),
    })
}

/// Monday is 1.
fn weekday_of_name(name: &str) -> Option<i64> {
    Some(match name.trim().to_ascii_uppercase().as_str() {
        "MO" | "MON" | "MONDAY" => 1,
        "TU" | "TUE" | "TUESDAY" => 2,
        "WE" | "WED" | "WEDNESDAY" => 3,
        "TH" | "THU" | "THURSDAY" => 4,
        "FR" | "FRI" | "FRIDAY" => 5,
        "SA" | "SAT" | "SATURDAY" => 6,
        "SU" | "SUN" | "SUNDAY" => 7,
        _ => return None,
    })
}

/// Months have 31 days, except that equal days, and two last days, are whole
/// months apart.
fn months_between(end: i64, start: i64, round: bool) -> f64 {
    let ((end_days, end_micros), (start_days, start_micros)) =
        (split_micros(end), split_micros(start));
    let (last, first) = (civil_of_days(end_days), civil_of_days(start_days));
    let months =
        ((last.year - first.year) * 12 + i64::from(last.month) - i64::from(first.month)) as f64;
    let is_last =
        |civil: super::calendar::Civil| civil.day == month_length(civil.year, civil.month);
    if last.day == first.day || (is_last(last) && is_last(first)) {
        return months;
    }
    let seconds = (i64::from(last.day) - i64::from(first.day)) * 86_400
        + end_micros / MICROS_PER_SECOND
        - start_micros / MICROS_PER_SECOND;
    let difference = months + seconds as f64 / (31.0 * 86_400.0);
    if round {
        // Half away from zero, as Java's BigDecimal.
        (difference * 1e8).round() / 1e8
    } else {
        difference
    }
}

/// Complete months from `start` to `end`, as java.time counts them.
fn whole_months(start: i64, end: i64) -> i64 {
    let position = |local: i64| {
        let (days, micros) = split_micros(local);
        let civil = civil_of_days(days);
        let months = civil.year * 12 + i64::from(civil.month) - 1;
        (months, (i64::from(civil.day), micros))
    };
    let ((first, first_rest), (last, last_rest)) = (position(start), position(end));
    let months = last - first;
    match months {
        months if months > 0 && last_rest < first_rest => months - 1,
        months if months < 0 && last_rest > first_rest => months + 1,
        months => months,
    }
}

/// A unit of `timestampadd` and `timestampdiff`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Microsecond,
    Millisecond,
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

impl Unit {
    fn parse(name: &str) -> Result<Self> {
        Ok(match name.to_ascii_uppercase().as_str() {
            "MICROSECOND" => Self::Microsecond,
            "MILLISECOND" => Self::Millisecond,
            "SECOND" => Self::Second,
            "MINUTE" => Self::Minute,
            "HOUR" => Self::Hour,
            "DAY" | "DAYOFYEAR" => Self::Day,
            "WEEK" => Self::Week,
            "MONTH" => Self::Month,
            "QUARTER" => Self::Quarter,
            "YEAR" => Self::Year,
            _ => {
                return Err(DataFusionError::Execution(format!(
                    "'{name}' is not a unit of time; write YEAR, QUARTER, MONTH, WEEK, DAY, \
                     HOUR, MINUTE, SECOND, MILLISECOND or MICROSECOND"
                )));
            }
        })
    }

    /// How many microseconds, or days or months, it has, and whether it is
    /// counted by the calendar.
    fn factor(self) -> (i64, bool) {
        match self {
            Self::Microsecond => (1, false),
            Self::Millisecond => (1000, false),
            Self::Second => (MICROS_PER_SECOND, false),
            Self::Minute => (60 * MICROS_PER_SECOND, false),
            Self::Hour => (3600 * MICROS_PER_SECOND, false),
            Self::Day => (1, true),
            Self::Week => (7, true),
            Self::Month => (1, true),
            Self::Quarter => (3, true),
            Self::Year => (12, true),
        }
    }
}
