//! Conversion of arrays from type to type.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray, StringArray,
};
use datafusion::arrow::compute::{CastOptions, cast, cast_with_options};
use datafusion::arrow::datatypes::{
    DataType, Decimal128Type, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType,
};
use datafusion::common::{Result, internal_err};

use super::float_text::write_float;
use super::from_text::parse_texts;
use super::number_parts::{change_scale, parse_decimal};
use super::to_text::write_text_array;
use crate::arithmetic::DecimalType;
use crate::functions::{Zone, local_micros, to_date, to_timestamp};

const MICROSECONDS: i64 = 1_000_000;

/// How values of one type become values of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Conversion {
    /// As Arrow converts them; what does not fit is NULL.
    Arrow,
    ParseText,
    WriteText,
    FloatToDecimal,
    DecimalToDecimal,
    /// Booleans and decimals by way of another type.
    BooleanToDecimal,
    DecimalToBoolean,
    SecondsToTimestamp,
    TimestampToSeconds,
    /// Days of the difference of two dates, seconds of that of two timestamps.
    CountDuration,
    /// Between instants and what clocks show, which depends on the zone.
    ByClock,
    /// The values inside of arrays, structs and maps.
    Elements,
}

impl Conversion {
    /// The conversion of a cast; `None` if it stays DataFusion's cast.
    pub(super) fn choose(from: &DataType, to: &DataType) -> Option<Self> {
        if from == to || from.is_null() {
            return None;
        }
        let number = |data_type: &DataType| data_type.is_integer() || data_type.is_floating();
        let decimal = |data_type: &DataType| matches!(data_type, DataType::Decimal128(..));
        let timestamp = |data_type: &DataType| matches!(data_type, DataType::Timestamp(..));
        match (from, to) {
            (from, to) if is_text(from) && (number(to) || decimal(to) || is_boolean(to)) => {
                Some(Self::ParseText)
            }
            (from, DataType::Date32 | DataType::Timestamp(TimeUnit::Microsecond, _))
                if is_text(from) =>
            {
                Some(Self::ParseText)
            }
            (DataType::Timestamp(TimeUnit::Microsecond, Some(_)), DataType::Date32)
            | (DataType::Date32, DataType::Timestamp(TimeUnit::Microsecond, Some(_))) => {
                Some(Self::ByClock)
            }
            (
                DataType::Timestamp(TimeUnit::Microsecond, from),
                DataType::Timestamp(TimeUnit::Microsecond, to),
            ) if from.is_some() != to.is_some() => Some(Self::ByClock),
            (DataType::List(from), DataType::List(to)) => {
                Self::choose(from.data_type(), to.data_type()).map(|_| Self::Elements)
            }
            (DataType::Map(from, _), DataType::Map(to, _)) => {
                Self::choose(from.data_type(), to.data_type()).map(|_| Self::Elements)
            }
            (DataType::Struct(from), DataType::Struct(to)) if from.len() == to.len() => from
                .iter()
                .zip(to)
                .any(|(from, to)| {
                    from.name() != to.name()
                        || Self::choose(from.data_type(), to.data_type()).is_some()
                })
                .then_some(Self::Elements),
            (
                DataType::Float32
                | DataType::Float64
                | DataType::Date32
                | DataType::Timestamp(..)
                | DataType::Duration(_)
                | DataType::Interval(_)
                | DataType::Binary
                | DataType::LargeBinary
                | DataType::BinaryView
                | DataType::FixedSizeBinary(_)
                | DataType::List(_)
                | DataType::Struct(_)
                | DataType::Map(..),
                to,
            ) if is_text(to) => Some(Self::WriteText),
            (from, to) if from.is_floating() && decimal(to) => Some(Self::FloatToDecimal),
            (DataType::Decimal128(p1, s1), DataType::Decimal128(p2, s2)) => {
                let holds_all =
                    i16::from(*p2) - i16::from(*s2) >= i16::from(*p1) - i16::from(*s1) && s2 >= s1;
                (!holds_all).then_some(Self::DecimalToDecimal)
            }
            (DataType::Boolean, to) if decimal(to) => Some(Self::BooleanToDecimal),
            (from, DataType::Boolean) if decimal(from) => Some(Self::DecimalToBoolean),
            (from, to) if (number(from) || decimal(from)) && timestamp(to) => {
                Some(Self::SecondsToTimestamp)
            }
            (from, to) if timestamp(from) && (number(to) || decimal(to)) => {
                Some(Self::TimestampToSeconds)
            }
            (DataType::Duration(_), to) if number(to) || decimal(to) => Some(Self::CountDuration),
            (from, to) if from.is_integer() && to.is_integer() => {
                (!integer_holds(from, to)).then_some(Self::Arrow)
            }
            (from, DataType::Decimal128(precision, scale)) if from.is_integer() => {
                let digits = DecimalType::of_integer(from)?.precision;
                let holds = i16::from(*precision) - i16::from(*scale) >= i16::from(digits);
                (!holds).then_some(Self::Arrow)
            }
            (from, to) if (from.is_floating() || decimal(from)) && to.is_integer() => {
                Some(Self::Arrow)
            }
            _ => None,
        }
    }

    /// Whether a value may not fit.
    pub(super) fn can_fail(self, from: &DataType) -> bool {
        match self {
            Self::WriteText | Self::ByClock | Self::DecimalToBoolean => false,
            Self::SecondsToTimestamp => {
                from.is_floating() || *from == DataType::Int64 || from.is_decimal()
            }
            Self::Arrow
            | Self::ParseText
            | Self::FloatToDecimal
            | Self::DecimalToDecimal
            | Self::BooleanToDecimal
            | Self::Elements
            | Self::CountDuration
            | Self::TimestampToSeconds => true,
        }
    }

    /// The values of `array` as `target`; NULL where one does not fit.
    /// Not for [`Self::Elements`], whose values are cast one by one.
    pub(super) fn convert(
        self,
        array: &ArrayRef,
        target: &DataType,
        zone: &Zone,
    ) -> Result<ArrayRef> {
        match self {
            Self::Elements => internal_err!("{target} has values inside"),
            Self::Arrow => cast_or_null(array, target),
            Self::ParseText => parse_texts(&as_strings(array)?, target, zone),
            Self::WriteText => Ok(cast(&write_text_array(array, zone)?, target)?),
            Self::ByClock => convert_by_clock(array, target, zone),
            Self::FloatToDecimal => {
                let DataType::Decimal128(precision, scale) = target else {
                    return cast_or_null(array, target);
                };
                let decimal = DecimalType::new(*precision, *scale);
                if *array.data_type() == DataType::Float32 {
                    // The digits of a FLOAT are those that are written.
                    let texts = write_text_array(array, zone)?;
                    return parse_texts(texts.as_string::<i32>(), target, zone);
                }
                let values = array.as_primitive::<Float64Type>();
                finish_decimal(
                    values
                        .iter()
                        .map(|value| value.and_then(|value| float_to_decimal(value, decimal)))
                        .collect(),
                    decimal,
                )
            }
            Self::DecimalToDecimal => {
                let (DataType::Decimal128(_, from), DataType::Decimal128(precision, scale)) =
                    (array.data_type(), target)
                else {
                    return cast_or_null(array, target);
                };
                let decimal = DecimalType::new(*precision, *scale);
                let values = array.as_primitive::<Decimal128Type>();
                finish_decimal(
                    values
                        .iter()
                        .map(|value| {
                            change_scale(value?, *from, *scale)
                                .filter(|value| crate::arithmetic::fits_digits(*value, *precision))
                        })
                        .collect(),
                    decimal,
                )
            }
            Self::BooleanToDecimal => cast_or_null(&cast(array, &DataType::Int32)?, target),
            Self::DecimalToBoolean => {
                let values = cast(array, &DataType::Float64)?;
                Ok(cast(&values, target)?)
            }
            Self::SecondsToTimestamp => seconds_to_timestamp(array, target),
            Self::TimestampToSeconds => timestamp_to_seconds(array, target, zone),
            Self::CountDuration => count_duration(array, target, zone),
        }
    }
}

fn is_text(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
    )
}

fn is_boolean(data_type: &DataType) -> bool {
    *data_type == DataType::Boolean
}

/// Whether every value of the integer type `from` is one of `to`.
fn integer_holds(from: &DataType, to: &DataType) -> bool {
    let bits = |data_type: &DataType| data_type.primitive_width().unwrap_or(0) * 8;
    match (from.is_unsigned_integer(), to.is_unsigned_integer()) {
        (true, false) => bits(to) > bits(from),
        (false, true) => false,
        _ => bits(to) >= bits(from),
    }
}

fn as_strings(array: &ArrayRef) -> Result<StringArray> {
    let text = cast(array, &DataType::Utf8)?;
    Ok(text.as_string::<i32>().clone())
}

fn cast_or_null(array: &ArrayRef, target: &DataType) -> Result<ArrayRef> {
    let options = CastOptions {
        safe: true,
        ..CastOptions::default()
    };
    Ok(cast_with_options(array, target, &options)?)
}

fn finish_decimal(
    values: PrimitiveArray<Decimal128Type>,
    decimal: DecimalType,
) -> Result<ArrayRef> {
    let values = values.with_precision_and_scale(decimal.precision, decimal.scale)?;
    Ok(Arc::new(values))
}

/// The digits that are written are those that count: 2.345 is 2.35, although the
/// float is a little less.
fn float_to_decimal(value: f64, decimal: DecimalType) -> Option<i128> {
    let mut text = String::new();
    write_float(value, &mut text).ok()?;
    parse_decimal(&text, decimal)
}

fn seconds_to_timestamp(array: &ArrayRef, target: &DataType) -> Result<ArrayRef> {
    let micros: PrimitiveArray<TimestampMicrosecondType> = if array.data_type().is_floating() {
        let seconds = cast(array, &DataType::Float64)?;
        let seconds = seconds.as_primitive::<Float64Type>();
        map_valid(seconds, |seconds| {
            let micros = seconds * 1e6;
            (micros.is_finite() && micros.abs() < 9.2e18).then_some({
                // Within the bounds of i64, as checked.
                #[allow(clippy::cast_possible_truncation)]
                let micros = micros as i64;
                micros
            })
        })
    } else if let DataType::Decimal128(_, scale) = array.data_type() {
        // Digits after the sixth are cut off.
        let values = array.as_primitive::<Decimal128Type>();
        let shift = 6 - i32::from(*scale);
        let power = 10_i128.pow(shift.unsigned_abs());
        map_valid(values, |value| {
            let micros = if shift < 0 {
                value.div_euclid(power)
            } else {
                value.checked_mul(power)?
            };
            i64::try_from(micros).ok()
        })
    } else {
        let seconds = cast(array, &DataType::Int64)?;
        let seconds = seconds.as_primitive::<Int64Type>();
        map_valid(seconds, |seconds| seconds.checked_mul(MICROSECONDS))
    };
    let zone = match target {
        DataType::Timestamp(_, zone) => zone.clone(),
        _ => None,
    };
    let micros: ArrayRef = Arc::new(micros.with_timezone_opt(zone));
    Ok(cast(&micros, target)?)
}

fn timestamp_to_seconds(array: &ArrayRef, target: &DataType, zone: &Zone) -> Result<ArrayRef> {
    let micros = cast(array, &DataType::Timestamp(TimeUnit::Microsecond, None))?;
    let micros = micros.as_primitive::<TimestampMicrosecondType>();
    if target.is_integer() {
        let seconds: PrimitiveArray<Int64Type> =
            map_valid(micros, |micros| Some(micros.div_euclid(MICROSECONDS)));
        return cast_or_null(&(Arc::new(seconds) as ArrayRef), target);
    }
    if target.is_floating() {
        // Spark divides, too, and keeps what a double can hold.
        #[allow(clippy::cast_precision_loss)]
        let seconds: PrimitiveArray<Float64Type> =
            map_valid(micros, |micros| Some(micros as f64 / 1e6));
        return Ok(cast(&seconds, target)?);
    }
    let seconds: PrimitiveArray<Decimal128Type> =
        map_valid(micros, |micros| Some(i128::from(micros)));
    let seconds = finish_decimal(seconds, DecimalType::new(20, 6))?;
    convert_any(&seconds, target, zone)
}

fn count_duration(array: &ArrayRef, target: &DataType, zone: &Zone) -> Result<ArrayRef> {
    // Only the difference of two dates counts in seconds.
    let unit = match array.data_type() {
        DataType::Duration(TimeUnit::Second) => 86_400 * MICROSECONDS,
        _ => MICROSECONDS,
    };
    let micros = cast(array, &DataType::Duration(TimeUnit::Microsecond))?;
    let micros = cast(&micros, &DataType::Int64)?;
    let micros = micros.as_primitive::<Int64Type>();
    let counts: PrimitiveArray<Int64Type> = map_valid(micros, |micros| Some(micros / unit));
    convert_any(&(Arc::new(counts) as ArrayRef), target, zone)
}

/// As any cast converts them.
fn convert_any(array: &ArrayRef, target: &DataType, zone: &Zone) -> Result<ArrayRef> {
    match Conversion::choose(array.data_type(), target) {
        Some(conversion) => conversion.convert(array, target, zone),
        None => Ok(cast(array, target)?),
    }
}

fn convert_by_clock(array: &ArrayRef, target: &DataType, zone: &Zone) -> Result<ArrayRef> {
    Ok(match target {
        DataType::Date32 => Arc::new(to_date(array, zone)?),
        DataType::Timestamp(_, None) => {
            let local = local_micros(array, zone)?;
            Arc::new(local.reinterpret_cast::<TimestampMicrosecondType>())
        }
        DataType::Timestamp(_, instant) => {
            Arc::new(to_timestamp(array, zone)?.with_timezone_opt(instant.clone()))
        }
        other => return internal_err!("{other} is shown by no clock"),
    })
}

/// What Spark has no cast for, and what to write instead.
pub(super) fn find_forbidden(from: &DataType, to: &DataType) -> Option<&'static str> {
    use DataType as T;
    let number = |data_type: &T| data_type.is_numeric();
    let binary = |data_type: &T| {
        matches!(
            data_type,
            T::Binary | T::LargeBinary | T::BinaryView | T::FixedSizeBinary(_)
        )
    };
    match (from, to) {
        (T::List(from), T::List(to)) => find_forbidden(from.data_type(), to.data_type()),
        (from, T::Date32) if number(from) => Some("write date_from_unix_date(days)"),
        (T::Date32, to) if number(to) => Some("write unix_date(day)"),
        (T::Boolean, T::Date32 | T::Timestamp(..)) | (T::Date32 | T::Timestamp(..), T::Boolean) => {
            Some("write a comparison, or CASE WHEN condition THEN time END")
        }
        (from, to) if binary(from) && (number(to) || is_boolean(to) || to.is_temporal()) => {
            Some("write CAST(CAST(bytes AS STRING) AS …), or conv(hex(bytes), 16, 10)")
        }
        (from, to) if binary(to) && (number(from) || is_boolean(from) || from.is_temporal()) => {
            Some("write CAST(CAST(value AS STRING) AS BINARY)")
        }
        _ => None,
    }
}

fn map_valid<F: ArrowPrimitiveType, T: ArrowPrimitiveType>(
    values: &PrimitiveArray<F>,
    convert: impl Fn(F::Native) -> Option<T::Native>,
) -> PrimitiveArray<T> {
    values
        .iter()
        .map(|value| value.and_then(&convert))
        .collect()
}
