//! Converts the text of a field as Spark's `UnivocityParser` does.

use arrow::datatypes::{DataType, TimeUnit};
use sluice_ndjson::text::{Zones, parse_date, parse_decimal, parse_timestamp};
use sluice_values::TimeZone;

/// A converted value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Value<'a> {
    Boolean(bool),
    Integer(i64),
    Float(f32),
    Double(f64),
    Decimal(i128),
    Text(&'a str),
}

/// The value of `text` in a column of `data_type`; `None` when it does not fit.
/// A time that names no zone is in `time_zone`.
pub(crate) fn convert<'a>(
    text: &'a [u8],
    data_type: &DataType,
    time_zone: TimeZone,
) -> Option<Value<'a>> {
    let text = std::str::from_utf8(text).ok()?;
    Some(match data_type {
        DataType::Boolean if text.eq_ignore_ascii_case("true") => Value::Boolean(true),
        DataType::Boolean if text.eq_ignore_ascii_case("false") => Value::Boolean(false),
        DataType::Boolean => return None,
        DataType::Int8 => Value::Integer(text.parse::<i8>().ok()?.into()),
        DataType::Int16 => Value::Integer(text.parse::<i16>().ok()?.into()),
        DataType::Int32 => Value::Integer(text.parse::<i32>().ok()?.into()),
        DataType::Int64 => Value::Integer(text.parse().ok()?),
        DataType::Float32 => Value::Float(match special_float(text) {
            // Rounding to a double first could round twice.
            None => float_digits(text)?.parse().ok()?,
            Some(special) => special as f32,
        }),
        DataType::Float64 => Value::Double(match special_float(text) {
            None => float_digits(text)?.parse().ok()?,
            Some(special) => special,
        }),
        DataType::Decimal128(precision, scale) => Value::Decimal(if text.contains(',') {
            parse_decimal(text.replace(',', "").as_bytes(), *precision, *scale)?
        } else {
            parse_decimal(text.as_bytes(), *precision, *scale)?
        }),
        DataType::Utf8 => Value::Text(text),
        DataType::Date32 => Value::Integer(parse_date(text.as_bytes())?.into()),
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            let zones = match zone {
                Some(_) => Zones::Allowed(time_zone),
                None => Zones::Refused,
            };
            Value::Integer(parse_timestamp(text.as_bytes(), zones)?)
        }
        _ => return None,
    })
}

fn special_float(text: &str) -> Option<f64> {
    Some(match text.trim() {
        "NaN" => f64::NAN,
        "Inf" | "Infinity" | "+Infinity" => f64::INFINITY,
        "-Inf" | "-Infinity" => f64::NEG_INFINITY,
        _ => return None,
    })
}

/// The digits of a number as Java writes one: white space around it and a type
/// letter at its end do not count.
fn float_digits(text: &str) -> Option<&str> {
    let text = text.trim();
    let text = text.strip_suffix(['d', 'D', 'f', 'F']).unwrap_or(text);
    let numeric = |b: u8| b.is_ascii_digit() || b"+-.eE".contains(&b);
    text.bytes().all(numeric).then_some(text)
}

/// A type as it is written in job files.
pub(crate) fn sql_type(data_type: &DataType) -> String {
    match data_type {
        DataType::Boolean => "BOOLEAN".to_owned(),
        DataType::Int8 => "TINYINT".to_owned(),
        DataType::Int16 => "SMALLINT".to_owned(),
        DataType::Int32 => "INT".to_owned(),
        DataType::Int64 => "BIGINT".to_owned(),
        DataType::Float32 => "FLOAT".to_owned(),
        DataType::Float64 => "DOUBLE".to_owned(),
        DataType::Decimal128(precision, scale) => format!("DECIMAL({precision}, {scale})"),
        DataType::Utf8 => "STRING".to_owned(),
        DataType::Date32 => "DATE".to_owned(),
        DataType::Timestamp(_, Some(_)) => "TIMESTAMP".to_owned(),
        DataType::Timestamp(_, None) => "TIMESTAMP_NTZ".to_owned(),
        other => other.to_string(),
    }
}

/// A value as messages show it: cut if it is long.
pub(crate) fn shorten_value(text: &[u8]) -> String {
    const CHARACTERS: usize = 60;
    let text = String::from_utf8_lossy(text);
    match text.char_indices().nth(CHARACTERS) {
        Some((end, _)) => format!("`{}…`", text.get(..end).unwrap_or_default()),
        None => format!("`{text}`"),
    }
}
