//! Bytes that must be UTF-8.

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::DataType;
use datafusion::error::{DataFusionError, Result};

use super::super::arguments::Arguments;
use super::super::kinds::{Kind, text_result};
use super::super::udf::SparkFunction;
use super::encode::encode_hex;

pub(super) static FUNCTIONS: &[SparkFunction] = &[
    SparkFunction::new(
        "validate_utf8",
        &[Kind::TextOrBinary],
        text_result,
        |args| read_utf8(args, true),
    ),
    SparkFunction::new(
        "try_validate_utf8",
        &[Kind::TextOrBinary],
        text_result,
        |args| read_utf8(args, false),
    ),
];

/// The bytes as text. A text is always UTF-8.
fn read_utf8(args: &Arguments<'_>, fails: bool) -> Result<ArrayRef> {
    if *args.data_type(0)? != DataType::Binary {
        let texts = args.text(0)?;
        return args.texts(|row| Ok(texts.get(row)));
    }
    let values = args.binary(0)?;
    args.texts(|row| {
        let Some(bytes) = values.get(row) else {
            return Ok(None);
        };
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Some(text)),
            Err(_) if !fails => Ok(None),
            Err(_) => Err(DataFusionError::Execution(format!(
                "[INVALID_UTF8_STRING] the bytes {} are not UTF-8; use try_validate_utf8 where \
                 that is to give NULL",
                encode_hex(bytes)
            ))),
        }
    })
}
