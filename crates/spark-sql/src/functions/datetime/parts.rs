//! Parts of dates, timestamps and intervals.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, Int32Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, DurationMicrosecondType, IntervalDayTimeType, IntervalMonthDayNanoType, IntervalUnit,
    IntervalYearMonthType, TimeUnit,
};
use datafusion::error::Result;

use super::super::arguments::Arguments;
use super::super::kinds::{Kind, int_result, text_result};
use super::super::udf::SparkFunction;
use super::calendar::{
    MICROS_PER_DAY, MICROS_PER_SECOND, civil_of_days, day_of_year, iso_week, split_micros,
    weekday_of_days,
};

/// A value whose parts are asked for.
enum Moment {
    /// Microseconds on the clock.
    Time(i64),
    /// An interval: months, and microseconds.
    Interval(i64, i64),
}

macro_rules! part {
    ($name:literal, $kind:expr, $evaluate:expr) => {
        SparkFunction::new($name, &[$kind], int_result, |args| {
            int_parts(args, $evaluate)
        })
    };
}

pub(super) static FUNCTIONS: &[SparkFunction] = &[
    part!("year", Kind::DateOrInterval, |moment| match moment {
        Moment::Time(local) => civil_of_days(split_micros(local).0).year,
        Moment::Interval(months, _) => months / 12,
    }),
    part!("quarter", Kind::DateOrInterval, |moment| {
        (month_of(&moment) - 1) / 3 + 1
    }),
    part!("month", Kind::DateOrInterval, |moment| month_of(&moment)),
    part!("day", Kind::DateOrInterval, |moment| match moment {
        Moment::Time(local) => i64::from(civil_of_days(split_micros(local).0).day),
        Moment::Interval(_, micros) => micros / MICROS_PER_DAY,
    })
    .with_aliases(&["dayofmonth"]),
    part!("dayofyear", Kind::Date, |moment| day_of_year(day_of(
        &moment
    ))),
    // Sunday is 1.
    part!("dayofweek", Kind::Date, |moment| {
        weekday_of_days(day_of(&moment)) % 7 + 1
    }),
    part!("dayofweek_iso", Kind::Date, |moment| {
        weekday_of_days(day_of(&moment))
    }),
    // Monday is 0.
    part!("weekday", Kind::Date, |moment| {
        weekday_of_days(day_of(&moment)) - 1
    }),
    part!("weekofyear", Kind::Date, |moment| iso_week(day_of(&moment))
        .1),
    part!("yearofweek", Kind::Date, |moment| iso_week(day_of(&moment))
        .0),
    part!("hour", Kind::TimestampOrInterval, |moment| {
        micros_of_day(&moment) / (3600 * MICROS_PER_SECOND)
    }),
    part!("minute", Kind::TimestampOrInterval, |moment| {
        micros_of_day(&moment) / (60 * MICROS_PER_SECOND) % 60
    }),
    part!("second", Kind::TimestampOrInterval, |moment| {
        micros_of_day(&moment) / MICROS_PER_SECOND % 60
    }),
    // `extract(SECOND FROM ts)`, which has the fraction too.
    SparkFunction::new(
        "second_with_fraction",
        &[Kind::TimestampOrInterval],
        |_| Ok(DataType::Decimal128(8, 6)),
        |args| {
            let micros = moments(args)?.map(|moment| {
                moment.map(|moment| i128::from(micros_of_day(&moment) % (60 * MICROS_PER_SECOND)))
            });
            let seconds: Decimal128Array = micros.collect();
            Ok(Arc::new(seconds.with_precision_and_scale(8, 6)?))
        },
    ),
    SparkFunction::new("dayname", &[Kind::Date], text_result, |args| {
        const NAMES: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
        let dates = args.date(0)?;
        args.texts(|row| {
            Ok(dates.get(row).and_then(|days| {
                let weekday = weekday_of_days(days.into());
                NAMES.get(usize::try_from(weekday - 1).ok()?)
            }))
        })
    }),
    SparkFunction::new("monthname", &[Kind::Date], text_result, |args| {
        const NAMES: [&str; 12] = [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ];
        let dates = args.date(0)?;
        args.texts(|row| {
            Ok(dates
                .get(row)
                .and_then(|days| NAMES.get(usize::from(civil_of_days(days.into()).month) - 1)))
        })
    }),
];

fn day_of(moment: &Moment) -> i64 {
    match moment {
        Moment::Time(local) => split_micros(*local).0,
        Moment::Interval(_, micros) => micros / MICROS_PER_DAY,
    }
}

fn month_of(moment: &Moment) -> i64 {
    match moment {
        Moment::Time(local) => i64::from(civil_of_days(split_micros(*local).0).month),
        Moment::Interval(months, _) => months % 12,
    }
}

fn micros_of_day(moment: &Moment) -> i64 {
    match moment {
        Moment::Time(local) => split_micros(*local).1,
        Moment::Interval(_, micros) => micros % MICROS_PER_DAY,
    }
}

fn int_parts(args: &Arguments<'_>, part: impl Fn(Moment) -> i64) -> Result<ArrayRef> {
    let parts: Int32Array = moments(args)?
        .map(|moment| moment.and_then(|moment| i32::try_from(part(moment)).ok()))
        .collect();
    Ok(Arc::new(parts))
}

fn moments(args: &Arguments<'_>) -> Result<impl Iterator<Item = Option<Moment>>> {
    let array = args.any(0)?;
    let array = array.array();
    let moments: Vec<Option<Moment>> = match array.data_type() {
        DataType::Interval(unit) => interval_parts(array, *unit),
        DataType::Duration(_) => {
            let micros = cast(array, &DataType::Duration(TimeUnit::Microsecond))?;
            micros
                .as_primitive::<DurationMicrosecondType>()
                .iter()
                .map(|value| value.map(|micros| Moment::Interval(0, micros)))
                .collect()
        }
        DataType::Date32 => {
            let dates = args.date(0)?;
            (0..args.rows())
                .map(|row| {
                    dates
                        .get(row)
                        .map(|days| Moment::Time(i64::from(days).saturating_mul(MICROS_PER_DAY)))
                })
                .collect()
        }
        _ => {
            let times = args.timestamp(0)?;
            let zone = *args.zone();
            (0..args.rows())
                .map(|row| {
                    times
                        .get(row)
                        .and_then(|t| zone.to_local(t))
                        .map(Moment::Time)
                })
                .collect()
        }
    };
    Ok(moments.into_iter())
}

fn interval_parts(array: &ArrayRef, unit: IntervalUnit) -> Vec<Option<Moment>> {
    match unit {
        IntervalUnit::YearMonth => array
            .as_primitive::<IntervalYearMonthType>()
            .iter()
            .map(|value| value.map(|months| Moment::Interval(months.into(), 0)))
            .collect(),
        IntervalUnit::DayTime => array
            .as_primitive::<IntervalDayTimeType>()
            .iter()
            .map(|value| {
                value.map(|v| {
                    let micros =
                        i64::from(v.days) * MICROS_PER_DAY + i64::from(v.milliseconds) * 1000;
                    Moment::Interval(0, micros)
                })
            })
            .collect(),
        IntervalUnit::MonthDayNano => array
            .as_primitive::<IntervalMonthDayNanoType>()
            .iter()
            .map(|value| {
                value.map(|v| {
                    let micros = i64::from(v.days) * MICROS_PER_DAY + v.nanoseconds / 1000;
                    Moment::Interval(v.months.into(), micros)
                })
            })
            .collect(),
    }
}
