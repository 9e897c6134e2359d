//! Values of variables: checks their text against a type and converts it to SQL
//! literals.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, SecondsFormat, Utc};
use sqlparser::ast::{CastKind, DataType as SqlType, ExactNumberInfo, Expr, TimezoneInfo, Value};

use super::nested_value::{nested_sql_type, normalize_constructor, read_constructor};
use crate::diagnostics::{Diagnostic, codes};
use crate::job::types::DataType;
use crate::job::variable::Variable;
use crate::span::Span;

/// A variable's value: text in the normal form of its type; `None` is NULL.
pub(crate) type ValueText = Option<String>;

/// Converts `text` to the normal form of `ty`.
///
/// # Errors
/// The error describes what a value of the type looks like.
pub(crate) fn normalize_value(ty: &DataType, text: &str) -> Result<String, String> {
    let trimmed = text.trim();
    match ty {
        DataType::String => Ok(text.to_owned()),
        DataType::Boolean => match trimmed.to_ascii_lowercase().as_str() {
            "true" => Ok("true".to_owned()),
            "false" => Ok("false".to_owned()),
            _ => Err("`true` or `false`".to_owned()),
        },
        DataType::TinyInt => normalize_integer(trimmed, i8::MIN.into(), i8::MAX.into()),
        DataType::SmallInt => normalize_integer(trimmed, i16::MIN.into(), i16::MAX.into()),
        DataType::Int => normalize_integer(trimmed, i32::MIN.into(), i32::MAX.into()),
        DataType::BigInt => normalize_integer(trimmed, i64::MIN, i64::MAX),
        DataType::Float | DataType::Double => match trimmed.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(trimmed.to_owned()),
            _ => Err("a number such as `0.25` or `1e6`".to_owned()),
        },
        DataType::Decimal(precision, scale) => normalize_decimal(trimmed, *precision, *scale),
        DataType::Date => NaiveDate::parse_from_str(trimmed, "%Y-%m-%d")
            .map(|date| date.format("%Y-%m-%d").to_string())
            .map_err(|_| "a date such as `2024-05-31`".to_owned()),
        DataType::Timestamp => parse_instant(trimmed)
            .map(|instant| instant.to_rfc3339_opts(SecondsFormat::AutoSi, true))
            // In the session's zone.
            .or_else(|| parse_local_time(trimmed).map(write_local_time))
            .ok_or_else(|| {
                "a time such as `2024-05-31T12:00:00Z` (in the session's time zone unless it names \
                 an offset)"
                    .to_owned()
            }),
        DataType::TimestampNtz => parse_local_time(trimmed)
            .map(write_local_time)
            .ok_or_else(|| "a time without zone such as `2024-05-31T12:00:00`".to_owned()),
        DataType::Struct(_) | DataType::Array(_) | DataType::Map(..) => {
            normalize_constructor(trimmed).ok_or_else(|| {
                "constants in array(…), map(…) or named_struct(…), such as `array(1, 2)`".to_owned()
            })
        }
        DataType::Binary => Err("a value of another type".to_owned()),
    }
}

fn normalize_integer(text: &str, min: i64, max: i64) -> Result<String, String> {
    match text.parse::<i64>() {
        Ok(number) if (min..=max).contains(&number) => Ok(number.to_string()),
        _ => Err(format!("a whole number from {min} to {max}")),
    }
}

fn normalize_decimal(text: &str, precision: u8, scale: i8) -> Result<String, String> {
    let scale = usize::try_from(scale).unwrap_or(0);
    let whole = usize::from(precision).saturating_sub(scale);
    let error =
        || format!("a number with at most {whole} digits before and {scale} after the point");
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (before, fraction_digits) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let digits = |s: &str| s.chars().all(|c| c.is_ascii_digit());
    let fits = !(before.is_empty() && fraction_digits.is_empty())
        && digits(before)
        && digits(fraction_digits)
        && before.trim_start_matches('0').len() <= whole
        && fraction_digits.trim_end_matches('0').len() <= scale;
    if fits {
        Ok(text.strip_prefix('+').unwrap_or(text).to_owned())
    } else {
        Err(error())
    }
}

fn parse_local_time(text: &str) -> Option<NaiveDateTime> {
    const FORMATS: [&str; 4] = [
        "%Y-%m-%dT%H:%M:%S%.f",
        "%Y-%m-%d %H:%M:%S%.f",
        "%Y-%m-%dT%H:%M",
        "%Y-%m-%d %H:%M",
    ];
    FORMATS
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
        .or_else(|| {
            let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
            Some(date.and_time(NaiveTime::MIN))
        })
}

fn write_local_time(time: NaiveDateTime) -> String {
    time.format("%Y-%m-%dT%H:%M:%S%.f").to_string()
}

/// A time that names its zone.
fn parse_instant(text: &str) -> Option<DateTime<Utc>> {
    const FORMATS: [&str; 3] = [
        "%Y-%m-%dT%H:%M:%S%.f%#z",
        "%Y-%m-%d %H:%M:%S%.f%#z",
        "%Y-%m-%d %H:%M:%S%.f %#z",
    ];
    let zoned = text.strip_suffix(['Z', 'z']).and_then(parse_local_time);
    zoned.map(|time| time.and_utc()).or_else(|| {
        FORMATS
            .iter()
            .find_map(|format| DateTime::parse_from_str(text, format).ok())
            .map(|time| time.with_timezone(&Utc))
    })
}

/// The value as a literal of its type, with the span of the replaced name.
pub(crate) fn to_expr(ty: &DataType, value: Option<&str>, span: Span) -> Expr {
    let at = span.to_sqlparser();
    let literal = |value: Value| Expr::Value(value.with_span(at));
    let Some(text) = value else {
        return cast_expr(literal(Value::Null), ty);
    };
    match ty {
        DataType::String => literal(Value::SingleQuotedString(text.to_owned())),
        DataType::Boolean => literal(Value::Boolean(text == "true")),
        DataType::Struct(_) | DataType::Array(_) | DataType::Map(..) => {
            // Texts that are no constructor are refused before.
            let value = read_constructor(text).unwrap_or_else(|| literal(Value::Null));
            cast_expr(value, ty)
        }
        // Never a plain number: that would be a position in GROUP BY and
        // ORDER BY. As text, so that no digit is lost by conversion to a float
        // and the smallest integer needs no sign.
        _ => cast_expr(literal(Value::SingleQuotedString(text.to_owned())), ty),
    }
}

/// The value as a plain number for LIMIT and OFFSET, which accept nothing else.
pub(crate) fn to_count(ty: &DataType, value: Option<&str>, span: Span) -> Option<Expr> {
    let whole = matches!(
        ty,
        DataType::TinyInt | DataType::SmallInt | DataType::Int | DataType::BigInt
    );
    let text = value.filter(|text| whole && !text.starts_with('-'))?;
    let number = Value::Number(text.to_owned(), false);
    Some(Expr::Value(number.with_span(span.to_sqlparser())))
}

fn cast_expr(expr: Expr, ty: &DataType) -> Expr {
    Expr::Cast {
        kind: CastKind::Cast,
        expr: Box::new(expr),
        data_type: sql_type(ty),
        array: false,
        format: None,
    }
}

pub(super) fn sql_type(ty: &DataType) -> SqlType {
    match ty {
        DataType::Boolean => SqlType::Boolean,
        DataType::TinyInt => SqlType::TinyInt(None),
        DataType::SmallInt => SqlType::SmallInt(None),
        DataType::Int => SqlType::Int(None),
        DataType::BigInt => SqlType::BigInt(None),
        DataType::Float => SqlType::Real,
        DataType::Double => SqlType::Double(ExactNumberInfo::None),
        DataType::Decimal(precision, scale) => SqlType::Decimal(
            ExactNumberInfo::PrecisionAndScale(u64::from(*precision), i64::from(*scale)),
        ),
        DataType::Date => SqlType::Date,
        DataType::Timestamp => SqlType::Timestamp(Some(6), TimezoneInfo::WithTimeZone),
        DataType::TimestampNtz => SqlType::Timestamp(Some(6), TimezoneInfo::None),
        DataType::Binary => SqlType::Binary(None),
        DataType::String => SqlType::String(None),
        DataType::Struct(_) | DataType::Array(_) | DataType::Map(..) => nested_sql_type(ty),
    }
}

/// The error for a default that does not fit its variable's type. `expected` is the
/// error of [`normalize_value`].
pub(crate) fn bad_default_error(variable: &Variable, expected: &str, span: Span) -> Diagnostic {
    let Variable { name, ty, .. } = variable;
    Diagnostic::error(
        codes::BAD_DEFAULT,
        format!("the default of `{name}` is not a value of type {ty}"),
    )
    .with_span(span)
    .with_label(format!("expected {expected}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::span::Position;

    fn ok(ty: DataType, text: &str) -> String {
        normalize_value(&ty, text).unwrap()
    }

    #[test]
    fn values_are_brought_into_one_form() {
        assert_eq!(ok(DataType::Boolean, "TRUE"), "true");
        assert_eq!(ok(DataType::Int, " +7 "), "7");
        assert_eq!(ok(DataType::Date, "2024-02-29"), "2024-02-29");
        assert_eq!(
            ok(DataType::String, " a "),
            " a ",
            "strings are not changed"
        );
        assert_eq!(ok(DataType::Decimal(5, 2), "-123.450"), "-123.450");
        for text in [
            "2024-05-31T12:00:00Z",
            "2024-05-31T14:00:00+02:00",
            "2024-05-31 14:00:00 +0200",
            "2024-05-31T12:00Z",
        ] {
            assert_eq!(
                ok(DataType::Timestamp, text),
                "2024-05-31T12:00:00Z",
                "{text}"
            );
        }
        // Without a zone it is a time of the session's.
        assert_eq!(
            ok(DataType::Timestamp, "2024-05-31 12:00:00"),
            "2024-05-31T12:00:00"
        );
        assert_eq!(
            ok(DataType::Timestamp, "2024-05-31T12:00:00.250Z"),
            "2024-05-31T12:00:00.250Z"
        );
        assert_eq!(
            ok(DataType::TimestampNtz, "2024-05-31"),
            "2024-05-31T00:00:00"
        );
    }

    #[test]
    fn values_that_do_not_fit_are_refused() {
        for (ty, text) in [
            (DataType::TinyInt, "128"),
            (DataType::Int, "1.5"),
            (DataType::BigInt, "9223372036854775808"),
            (DataType::Date, "2023-02-29"),
            (DataType::Date, "31.05.2024"),
            (DataType::Boolean, "yes"),
            (DataType::Double, "NaN"),
            (DataType::Decimal(5, 2), "1234.5"),
            (DataType::Decimal(5, 2), "1.234"),
            (DataType::Decimal(5, 2), "."),
            (DataType::Timestamp, "yesterday"),
            (DataType::TimestampNtz, "2024-05-31T12:00:00Z"),
        ] {
            assert!(normalize_value(&ty, text).is_err(), "{ty} {text}");
        }
    }

    #[test]
    fn literals_are_typed() {
        let span = Span::empty_at(Position::new(1, 1));
        let sql = |ty: DataType, text: Option<&str>| to_expr(&ty, text, span).to_string();
        assert_eq!(sql(DataType::Int, Some("5")), "CAST('5' AS INT)");
        let count = |text| to_count(&DataType::Int, Some(text), span).map(|e| e.to_string());
        assert_eq!(count("5").as_deref(), Some("5"));
        assert_eq!(count("-5"), None);
        assert_eq!(
            sql(DataType::BigInt, Some("-9223372036854775808")),
            "CAST('-9223372036854775808' AS BIGINT)"
        );
        assert_eq!(sql(DataType::String, Some("it's")), "'it''s'");
        assert_eq!(sql(DataType::Date, None), "CAST(NULL AS DATE)");
        assert_eq!(
            sql(DataType::Timestamp, Some("2024-05-31T12:00:00Z")),
            "CAST('2024-05-31T12:00:00Z' AS TIMESTAMP(6) WITH TIME ZONE)"
        );
    }
}
