//! Dates and timestamps from their parts.

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, Decimal128Type, TimeUnit};
use datafusion::error::{DataFusionError, Result};

use super::super::arguments::Arguments;
use super::super::kinds::{Kind, date_result, timestamp_result};
use super::super::udf::SparkFunction;
use super::calendar::{MICROS_PER_SECOND, checked_days, join_micros};
use super::zone::{Zone, parse_zone};

const PARTS: &[Kind] = &[
    Kind::Int,
    Kind::Int,
    Kind::Int,
    Kind::Int,
    Kind::Int,
    Kind::Double,
    Kind::Text,
];

const LOCAL_PARTS: &[Kind] = &[
    Kind::Int,
    Kind::Int,
    Kind::Int,
    Kind::Int,
    Kind::Int,
    Kind::Double,
];

fn local_result(_: &[DataType]) -> Result<DataType> {
    Ok(DataType::Timestamp(TimeUnit::Microsecond, None))
}

pub(super) static FUNCTIONS: &[SparkFunction] = &[
    SparkFunction::new(
        "make_date",
        &[Kind::Int, Kind::Int, Kind::Int],
        date_result,
        |args| {
            let (years, months, days) = (args.int(0)?, args.int(1)?, args.int(2)?);
            args.dates(|row| {
                let (Some(year), Some(month), Some(day)) =
                    (years.get(row), months.get(row), days.get(row))
                else {
                    return Ok(None);
                };
                checked_days(year.into(), month.into(), day.into())
                    .and_then(|days| i32::try_from(days).ok())
                    .map(Some)
                    .ok_or_else(|| {
                        DataFusionError::Execution(format!(
                            "there is no date with year {year}, month {month} and day {day}"
                        ))
                    })
            })
        },
    ),
    SparkFunction::new("make_timestamp", PARTS, timestamp_result, |args| {
        make_timestamps(args, false)
    })
    .with_aliases(&["make_timestamp_ltz"])
    .with_optional(1),
    SparkFunction::new("try_make_timestamp", PARTS, timestamp_result, |args| {
        make_timestamps(args, true)
    })
    .with_aliases(&["try_make_timestamp_ltz"])
    .with_optional(1),
    SparkFunction::new("make_timestamp_ntz", LOCAL_PARTS, local_result, |args| {
        make_timestamps(args, false)
    }),
    SparkFunction::new(
        "try_make_timestamp_ntz",
        LOCAL_PARTS,
        local_result,
        |args| make_timestamps(args, true),
    ),
];

fn make_timestamps(args: &Arguments<'_>, safe: bool) -> Result<ArrayRef> {
    let parts = [
        args.int(0)?,
        args.int(1)?,
        args.int(2)?,
        args.int(3)?,
        args.int(4)?,
    ];
    let seconds = SecondColumn::new(args, 5)?;
    let zones = (args.count() > 6).then(|| args.text(6)).transpose()?;
    args.timestamps(|row| {
        let mut values = [0_i64; 5];
        for (value, part) in values.iter_mut().zip(&parts) {
            match part.get(row) {
                Some(part) => *value = part.into(),
                None => return Ok(None),
            }
        }
        let Some(second) = seconds.micros(row)? else {
            return Ok(None);
        };
        let zone = match &zones {
            None => *args.zone(),
            Some(zones) => match zones.get(row) {
                None => return Ok(None),
                Some(name) => match Zone::find(name) {
                    None if safe => return Ok(None),
                    _ => parse_zone(name)?,
                },
            },
        };
        match make_timestamp(values, second, zone) {
            None if !safe => Err(DataFusionError::Execution(format!(
                "there is no timestamp with year {}, month {}, day {}, hour {}, minute {} and \
                 second {}; use try_make_timestamp where such parts are to give NULL",
                values[0],
                values[1],
                values[2],
                values[3],
                values[4],
                second as f64 / MICROS_PER_SECOND as f64,
            ))),
            time => Ok(time),
        }
    })
}

fn make_timestamp(parts: [i64; 5], second: i64, zone: Zone) -> Option<i64> {
    let [year, month, day, hour, minute] = parts;
    let exact_minute = 60 * MICROS_PER_SECOND;
    // The second 60 is the next minute, but only without a fraction.
    let possible = (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..=exact_minute).contains(&second)
        && (1..=9999).contains(&year);
    if !possible {
        return None;
    }
    let days = checked_days(year, month, day)?;
    let micros = (hour * 60 + minute) * exact_minute + second;
    zone.to_instant(join_micros(days, micros)?)
}

/// Seconds with up to six digits of a fraction, in microseconds.
struct SecondColumn {
    array: ArrayRef,
    doubles: Option<super::super::arguments::Column<datafusion::arrow::array::Float64Array>>,
    positions: super::super::arguments::Column<ArrayRef>,
}

impl SecondColumn {
    fn new(args: &Arguments<'_>, at: usize) -> Result<Self> {
        let positions = args.any(at)?;
        let array = positions.array().clone();
        let doubles = match array.data_type() {
            DataType::Decimal128(..) => None,
            _ => Some(args.double(at)?),
        };
        Ok(Self {
            array,
            doubles,
            positions,
        })
    }

    fn micros(&self, row: usize) -> Result<Option<i64>> {
        if let Some(doubles) = &self.doubles {
            return Ok(doubles
                .get(row)
                .map(|seconds| (seconds * MICROS_PER_SECOND as f64).round() as i64));
        }
        let DataType::Decimal128(_, scale) = self.array.data_type() else {
            return Ok(None);
        };
        let values = self.array.as_primitive::<Decimal128Type>();
        let row = self.positions.position(row);
        if values.is_null(row) {
            return Ok(None);
        }
        let factor = 10_i128.pow(u32::try_from(*scale).unwrap_or(0));
        let micros = values
            .value(row)
            .checked_mul(MICROS_PER_SECOND.into())
            .map(|micros| (micros + factor / 2).div_euclid(factor));
        Ok(micros.and_then(|micros| i64::try_from(micros).ok()))
    }
}
