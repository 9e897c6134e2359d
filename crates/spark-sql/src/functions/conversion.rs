//! Spark's implicit casts of arguments, on whole columns.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Float64Array, Int32Array, Int64Array,
    TimestampMicrosecondArray,
};
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::{
    DataType, Date32Type, Float64Type, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType,
};
use datafusion::arrow::util::display::FormatOptions;
use datafusion::error::{DataFusionError, Result};

use super::datetime::text::{parse_date, parse_timestamp, trim_value};
use super::datetime::zone::Zone;

/// Arrow's cast, where a value that does not fit is an error.
fn strict_cast(array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    let options = CastOptions {
        safe: false,
        format_options: FormatOptions::default(),
    };
    Ok(cast_with_options(array, to, &options)?)
}

fn invalid(text: &str, what: &str) -> DataFusionError {
    DataFusionError::Execution(format!(
        "'{text}' is not a {what}; use TRY_CAST where such text is to give NULL"
    ))
}

fn parse_texts<A, T>(array: &ArrayRef, what: &str, parse: impl Fn(&str) -> Option<T>) -> Result<A>
where
    A: FromIterator<Option<T>>,
{
    array
        .as_string::<i32>()
        .iter()
        .map(|value| match value {
            None => Ok(None),
            Some(text) => parse(text).map(Some).ok_or_else(|| invalid(text, what)),
        })
        .collect()
}

pub(crate) fn to_long(array: &ArrayRef) -> Result<Int64Array> {
    match array.data_type() {
        DataType::Utf8 => parse_texts(array, "whole number", |text| trim_value(text).parse().ok()),
        _ => Ok(strict_cast(array, &DataType::Int64)?
            .as_primitive::<Int64Type>()
            .clone()),
    }
}

pub(crate) fn to_int(array: &ArrayRef) -> Result<Int32Array> {
    match array.data_type() {
        DataType::Utf8 => parse_texts(array, "whole number", |text| trim_value(text).parse().ok()),
        _ => Ok(strict_cast(array, &DataType::Int32)?
            .as_primitive::<Int32Type>()
            .clone()),
    }
}

pub(crate) fn to_double(array: &ArrayRef) -> Result<Float64Array> {
    match array.data_type() {
        DataType::Utf8 => parse_texts(array, "number", parse_double),
        _ => Ok(strict_cast(array, &DataType::Float64)?
            .as_primitive::<Float64Type>()
            .clone()),
    }
}

/// A number as Spark reads it from text.
pub(crate) fn parse_double(text: &str) -> Option<f64> {
    let text = trim_value(text);
    match text.to_ascii_lowercase().as_str() {
        "nan" => Some(f64::NAN),
        "infinity" | "+infinity" | "inf" | "+inf" => Some(f64::INFINITY),
        "-infinity" | "-inf" => Some(f64::NEG_INFINITY),
        _ => text
            .trim_end_matches(['d', 'D', 'f', 'F'])
            .parse()
            .ok()
            .filter(|_| text.bytes().any(|b| b.is_ascii_digit())),
    }
}

pub(crate) fn to_boolean(array: &ArrayRef) -> Result<BooleanArray> {
    match array.data_type() {
        DataType::Utf8 => parse_texts(array, "boolean", |text| {
            match trim_value(text).to_ascii_lowercase().as_str() {
                "t" | "true" | "y" | "yes" | "1" => Some(true),
                "f" | "false" | "n" | "no" | "0" => Some(false),
                _ => None,
            }
        }),
        _ => Ok(strict_cast(array, &DataType::Boolean)?.as_boolean().clone()),
    }
}

/// The microseconds on the clock of the session's zone.
pub(crate) fn local_micros(array: &ArrayRef, zone: &Zone) -> Result<Int64Array> {
    let instant = matches!(array.data_type(), DataType::Timestamp(_, Some(_)));
    let micros = to_micros(array)?;
    if !instant || *zone == Zone::UTC {
        return Ok(micros);
    }
    Ok(micros
        .iter()
        .map(|value| value.and_then(|micros| zone.to_local(micros)))
        .collect())
}

/// The microseconds that a column of timestamps holds.
fn to_micros(array: &ArrayRef) -> Result<Int64Array> {
    let array = match array.data_type() {
        DataType::Timestamp(TimeUnit::Microsecond, _) => Arc::clone(array),
        DataType::Timestamp(_, zone) => strict_cast(
            array,
            &DataType::Timestamp(TimeUnit::Microsecond, zone.clone()),
        )?,
        other => {
            return Err(DataFusionError::Execution(format!(
                "a value of type {other} is not a timestamp"
            )));
        }
    };
    Ok(array
        .as_primitive::<TimestampMicrosecondType>()
        .reinterpret_cast::<Int64Type>())
}

pub(crate) fn to_date(array: &ArrayRef, zone: &Zone) -> Result<Date32Array> {
    match array.data_type() {
        DataType::Date32 => Ok(array.as_primitive::<Date32Type>().clone()),
        DataType::Utf8 => parse_texts(array, "date", parse_date),
        DataType::Timestamp(..) => {
            let local = local_micros(array, zone)?;
            Ok(local
                .unary::<_, Int32Type>(|micros| {
                    super::datetime::calendar::split_micros(micros).0 as i32
                })
                .reinterpret_cast::<Date32Type>())
        }
        _ => Ok(strict_cast(array, &DataType::Date32)?
            .as_primitive::<Date32Type>()
            .clone()),
    }
}

pub(crate) fn to_timestamp(array: &ArrayRef, zone: &Zone) -> Result<TimestampMicrosecondArray> {
    let micros = match array.data_type() {
        DataType::Utf8 => parse_texts(array, "timestamp", |text| parse_timestamp(text, *zone))?,
        DataType::Timestamp(_, Some(_)) => to_micros(array)?,
        DataType::Timestamp(_, None) => to_instants(&to_micros(array)?, zone),
        DataType::Null => Int64Array::new_null(array.len()),
        _ => {
            let dates = to_date(array, zone)?;
            let local = dates.unary::<_, Int64Type>(|days| {
                i64::from(days).saturating_mul(super::datetime::calendar::MICROS_PER_DAY)
            });
            to_instants(&local, zone)
        }
    };
    Ok(micros.reinterpret_cast::<TimestampMicrosecondType>())
}

fn to_instants(local: &Int64Array, zone: &Zone) -> Int64Array {
    if *zone == Zone::UTC {
        return local.clone();
    }
    local
        .iter()
        .map(|value| value.and_then(|micros| zone.to_instant(micros)))
        .collect()
}
