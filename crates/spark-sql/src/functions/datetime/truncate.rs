//! The start of a unit of time.
//!
//! DataFusion's `date_trunc` computes in nanoseconds, which have no year 1 and
//! no year 9999 (datafusion #6653).

use super::super::kinds::{Kind, date_result, timestamp_result};
use super::super::udf::SparkFunction;
use super::calendar::{
    Civil, MICROS_PER_DAY, MICROS_PER_SECOND, civil_of_days, days_of_civil, join_micros,
    split_micros, weekday_of_days,
};

pub(super) static FUNCTIONS: &[SparkFunction] = &[
    SparkFunction::new("trunc", &[Kind::Date, Kind::Text], date_result, |args| {
        let (dates, units) = (args.date(0)?, args.text(1)?);
        args.dates(|row| {
            Ok((|| {
                let days = truncate_days(dates.get(row)?.into(), &units.get(row)?.to_uppercase())?;
                i32::try_from(days).ok()
            })())
        })
    }),
    SparkFunction::new(
        "date_trunc",
        &[Kind::Text, Kind::Timestamp],
        timestamp_result,
        |args| {
            let (units, times) = (args.text(0)?, args.timestamp(1)?);
            let zone = *args.zone();
            let mut last_unit: Option<(String, Option<Unit>)> = None;
            args.timestamps(|row| {
                let (Some(name), Some(time)) = (units.get(row), times.get(row)) else {
                    return Ok(None);
                };
                let unit = match &last_unit {
                    Some((known, unit)) if known == name => *unit,
                    _ => {
                        let unit = Unit::find(&name.to_uppercase());
                        last_unit = Some((name.to_owned(), unit));
                        unit
                    }
                };
                Ok(unit.and_then(|unit| {
                    // Short units do not depend on the clock.
                    if let Unit::Micros(size) = unit
                        && size <= 60 * MICROS_PER_SECOND
                    {
                        return time.checked_sub(time.rem_euclid(size));
                    }
                    let local = zone.to_local(time)?;
                    let start = unit.truncate(local)?;
                    // Of two hours that the clock shows alike, the one in which the time is.
                    let same_offset = time.checked_sub(local.checked_sub(start)?)?;
                    if matches!(unit, Unit::Micros(_)) && zone.to_local(same_offset) == Some(start)
                    {
                        return Some(same_offset);
                    }
                    zone.to_instant(start)
                }))
            })
        },
    ),
];

/// The first day of the unit, `None` for an unknown unit.
fn truncate_days(days: i64, unit: &str) -> Option<i64> {
    let Civil { year, month, .. } = civil_of_days(days);
    Some(match unit {
        "YEAR" | "YYYY" | "YY" => days_of_civil(year, 1, 1),
        "QUARTER" => days_of_civil(year, (month - 1) / 3 * 3 + 1, 1),
        "MONTH" | "MM" | "MON" => days_of_civil(year, month, 1),
        "WEEK" => days - weekday_of_days(days) + 1,
        _ => return None,
    })
}

#[derive(Debug, Clone, Copy)]
enum Unit {
    Days(&'static str),
    Micros(i64),
}

impl Unit {
    fn find(name: &str) -> Option<Self> {
        Some(match name {
            "YEAR" | "YYYY" | "YY" => Self::Days("YEAR"),
            "QUARTER" => Self::Days("QUARTER"),
            "MONTH" | "MM" | "MON" => Self::Days("MONTH"),
            "WEEK" => Self::Days("WEEK"),
            "DAY" | "DD" => Self::Micros(MICROS_PER_DAY),
            "HOUR" => Self::Micros(3600 * MICROS_PER_SECOND),
            "MINUTE" => Self::Micros(60 * MICROS_PER_SECOND),
            "SECOND" => Self::Micros(MICROS_PER_SECOND),
            "MILLISECOND" => Self::Micros(1000),
            "MICROSECOND" => Self::Micros(1),
            _ => return None,
        })
    }

    fn truncate(self, local: i64) -> Option<i64> {
        match self {
            Self::Days(unit) => join_micros(truncate_days(split_micros(local).0, unit)?, 0),
            Self::Micros(size) => local.checked_sub(local.rem_euclid(size)),
        }
    }
}
