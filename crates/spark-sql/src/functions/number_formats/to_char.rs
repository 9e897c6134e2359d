//! `to_char(value, format)`: of numbers, times and bytes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use datafusion::arrow::array::{Array as _, ArrayRef, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::error::{DataFusionError, Result};

use super::super::arguments::Arguments;
use super::super::datetime::format_times;
use super::super::kinds::{Kind, text_result};
use super::super::strings::encode_hex;
use super::super::udf::SparkFunction;
use super::parse_pattern;
use super::pattern::NumberPattern;

pub(super) static FUNCTIONS: &[SparkFunction] = &[SparkFunction::new(
    "to_char",
    &[Kind::Any, Kind::Text],
    |types| match types.first() {
        Some(DataType::Date32 | DataType::Timestamp(..) | DataType::Binary | DataType::Null) => {
            text_result(types)
        }
        Some(data_type) if data_type.is_numeric() => text_result(types),
        _ => Err(DataFusionError::Plan(
            "to_char takes a number, a time or bytes; CAST a text to one of them".to_owned(),
        )),
    },
    |args| match args.data_type(0)? {
        DataType::Binary => write_bytes(args),
        data_type if data_type.is_numeric() => write_numbers(args),
        _ => format_times(args),
    },
)
.with_aliases(&["to_varchar"])];

fn write_numbers(args: &Arguments<'_>) -> Result<ArrayRef> {
    let numbers = args.any(0)?;
    // Floats without an exponent.
    let texts = match args.data_type(0)? {
        data_type if data_type.is_floating() => cast(
            &cast(numbers.array(), &DataType::Decimal128(38, 18))?,
            &DataType::Utf8,
        )?,
        _ => cast(numbers.array(), &DataType::Utf8)?,
    };
    let (texts, formats) = (texts.as_string::<i32>().clone(), args.text(1)?);
    let mut last: Option<(String, NumberPattern)> = None;
    args.texts(|row| {
        let at = numbers.position(row);
        let Some(format) = formats.get(row).filter(|_| texts.is_valid(at)) else {
            return Ok(None);
        };
        if last.as_ref().is_none_or(|(known, _)| known != format) {
            last = Some((format.to_owned(), parse_pattern(format)?));
        }
        let pattern = last.as_ref().map(|(_, pattern)| pattern);
        Ok(pattern.map(|pattern| pattern.write(texts.value(at))))
    })
}

fn write_bytes(args: &Arguments<'_>) -> Result<ArrayRef> {
    let (values, formats) = (args.binary(0)?, args.text(1)?);
    args.texts(|row| {
        let (Some(bytes), Some(format)) = (values.get(row), formats.get(row)) else {
            return Ok(None);
        };
        match format.to_ascii_lowercase().as_str() {
            "hex" => Ok(Some(encode_hex(bytes))),
            "base64" => Ok(Some(STANDARD.encode(bytes))),
            "utf-8" => Ok(Some(String::from_utf8_lossy(bytes).into_owned())),
            _ => Err(DataFusionError::Execution(format!(
                "'{format}' is not a form of binary; write 'hex', 'utf-8' or 'base64'"
            ))),
        }
    })
}
