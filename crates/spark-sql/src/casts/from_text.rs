//! Numbers, booleans, dates and timestamps from text.

use std::str::FromStr;

use datafusion::arrow::array::{
    ArrayRef, ArrowPrimitiveType, BooleanArray, PrimitiveArray, StringArray,
};
use datafusion::arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, TimeUnit, TimestampMicrosecondType,
};
use datafusion::common::{Result, internal_err};

use super::number_parts::parse_decimal;
use crate::arithmetic::DecimalType;
use crate::functions::{Zone, parse_date, parse_local_time, parse_timestamp};

/// The values in `texts`; NULL where a text is not one.
pub(super) fn parse_texts(texts: &StringArray, target: &DataType, zone: &Zone) -> Result<ArrayRef> {
    use std::sync::Arc;
    Ok(match target {
        DataType::Int8 => Arc::new(parse_all::<Int8Type>(texts, parse_integer)),
        DataType::Int16 => Arc::new(parse_all::<Int16Type>(texts, parse_integer)),
        DataType::Int32 => Arc::new(parse_all::<Int32Type>(texts, parse_integer)),
        DataType::Int64 => Arc::new(parse_all::<Int64Type>(texts, parse_integer)),
        DataType::Float32 => Arc::new(parse_all::<Float32Type>(texts, parse_float)),
        DataType::Float64 => Arc::new(parse_all::<Float64Type>(texts, parse_float)),
        DataType::Decimal128(precision, scale) => {
            let decimal = DecimalType::new(*precision, *scale);
            let values = parse_all::<Decimal128Type>(texts, |text| parse_decimal(text, decimal));
            Arc::new(values.with_precision_and_scale(*precision, *scale)?)
        }
        DataType::Boolean => Arc::new(
            texts
                .iter()
                .map(|text| text.and_then(|text| parse_boolean(trim_blanks(text))))
                .collect::<BooleanArray>(),
        ),
        DataType::Date32 => Arc::new(parse_all::<Date32Type>(texts, parse_date)),
        DataType::Timestamp(TimeUnit::Microsecond, None) => {
            // A zone after a local time is skipped.
            let parse = |text: &str| parse_local_time(text).map(|time| time.local);
            Arc::new(parse_all::<TimestampMicrosecondType>(texts, parse))
        }
        DataType::Timestamp(TimeUnit::Microsecond, instant) => {
            // The blanks before a time without a date count.
            let times: PrimitiveArray<TimestampMicrosecondType> = texts
                .iter()
                .map(|text| text.and_then(|text| parse_timestamp(text, *zone)))
                .collect();
            Arc::new(times.with_timezone_opt(instant.clone()))
        }
        other => return internal_err!("text is not read as {other} here"),
    })
}

fn parse_all<T: ArrowPrimitiveType>(
    texts: &StringArray,
    parse: impl Fn(&str) -> Option<T::Native>,
) -> PrimitiveArray<T> {
    texts
        .iter()
        .map(|text| text.and_then(|text| parse(trim_blanks(text))))
        .collect()
}

/// Without the blanks and control characters around it, which Spark ignores.
pub(super) fn trim_blanks(text: &str) -> &str {
    text.trim_matches(|c: char| c <= ' ' || c == '\u{7f}')
}

fn parse_integer<N: FromStr>(text: &str) -> Option<N> {
    text.parse().ok()
}

fn parse_float<F: FromStr>(text: &str) -> Option<F> {
    // Java reads a type's letter after the number.
    let number = match text.as_bytes() {
        [.., before, b'd' | b'D' | b'f' | b'F'] if before.is_ascii_digit() || *before == b'.' => {
            text.get(..text.len() - 1)?
        }
        _ => text,
    };
    number.parse().ok()
}

fn parse_boolean(text: &str) -> Option<bool> {
    let is_one_of = |names: &[&str]| names.iter().any(|name| text.eq_ignore_ascii_case(name));
    if is_one_of(&["t", "true", "y", "yes", "1"]) {
        Some(true)
    } else if is_one_of(&["f", "false", "n", "no", "0"]) {
        Some(false)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_may_have_blanks_around_them() {
        let integer = |text| parse_integer::<i32>(trim_blanks(text));
        assert_eq!(integer(" 13 "), Some(13));
        assert_eq!(integer("\t+5\n"), Some(5));
        assert_eq!(integer("-2147483648"), Some(i32::MIN));
        for text in ["", "3.99", "2147483648", "1e3", "1 2", "0x1"] {
            assert_eq!(integer(text), None, "{text}");
        }
    }

    #[test]
    fn floats_have_names_and_letters() {
        let float = |text| parse_float::<f64>(trim_blanks(text));
        assert_eq!(float(" 1e3 "), Some(1000.0));
        assert_eq!(float("1.5d"), Some(1.5));
        assert_eq!(float("-infinity"), Some(f64::NEG_INFINITY));
        assert_eq!(float("Inf"), Some(f64::INFINITY));
        assert!(float("NaN").is_some_and(f64::is_nan));
        for text in ["", "abc", "1,5", "d", "infd"] {
            assert_eq!(float(text), None, "{text}");
        }
    }

    #[test]
    fn booleans_have_several_names() {
        assert_eq!(parse_boolean("Yes"), Some(true));
        assert_eq!(parse_boolean("F"), Some(false));
        assert_eq!(parse_boolean("on"), None);
        assert_eq!(parse_boolean(""), None);
    }
}
