//! Texts of a given length.

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::DataType;
use datafusion::error::Result;

use super::super::arguments::Arguments;
use super::super::kinds::{Kind, text_or_binary_result, text_result};
use super::super::text_builder::check_text_bytes;
use super::super::udf::SparkFunction;
use super::slice::substring;

const PAD: &[Kind] = &[Kind::TextOrBinary, Kind::Int, Kind::TextOrBinary];

pub(super) static FUNCTIONS: &[SparkFunction] = &[
    SparkFunction::new("lpad", PAD, text_or_binary_result, |args| pad(args, true)).with_optional(1),
    SparkFunction::new("rpad", PAD, text_or_binary_result, |args| pad(args, false))
        .with_optional(1),
    SparkFunction::new("repeat", &[Kind::Text, Kind::Int], text_result, |args| {
        let (texts, counts) = (args.text(0)?, args.int(1)?);
        args.texts(|row| match (texts.get(row), counts.get(row)) {
            (Some(text), Some(count)) => repeat(args.name(), text, count).map(Some),
            _ => Ok(None),
        })
    }),
    SparkFunction::new("space", &[Kind::Int], text_result, |args| {
        let counts = args.int(0)?;
        args.texts(|row| {
            counts
                .get(row)
                .map(|count| repeat(args.name(), " ", count))
                .transpose()
        })
    }),
];

fn repeat(function: &str, text: &str, count: i32) -> Result<String> {
    let count = usize::try_from(count).unwrap_or(0);
    check_text_bytes(function, text.len().saturating_mul(count))?;
    Ok(text.repeat(count))
}

fn pad(args: &Arguments<'_>, left: bool) -> Result<ArrayRef> {
    let lengths = args.int(1)?;
    if *args.result_type() == DataType::Binary {
        let values = args.binary(0)?;
        let pads = (args.count() > 2).then(|| args.binary(2)).transpose()?;
        return args.binaries(|row| {
            let pad = match &pads {
                None => Some([0_u8].as_slice()),
                Some(pads) => pads.get(row),
            };
            let (Some(value), Some(length), Some(pad)) = (values.get(row), lengths.get(row), pad)
            else {
                return Ok(None);
            };
            let length = usize::try_from(length).unwrap_or(0);
            check_text_bytes(args.name(), length)?;
            let Some(missing) = length.checked_sub(value.len()) else {
                return Ok(value.get(..length).map(<[u8]>::to_vec));
            };
            let filler: Vec<u8> = pad.iter().copied().cycle().take(missing).collect();
            Ok(Some(match left {
                true => [filler.as_slice(), value].concat(),
                false => [value, filler.as_slice()].concat(),
            }))
        });
    }
    let texts = args.text(0)?;
    let pads = (args.count() > 2).then(|| args.text(2)).transpose()?;
    args.texts(|row| {
        let pad = match &pads {
            None => Some(" "),
            Some(pads) => pads.get(row),
        };
        let (Some(text), Some(length), Some(pad)) = (texts.get(row), lengths.get(row), pad) else {
            return Ok(None);
        };
        let wanted = usize::try_from(length).unwrap_or(0);
        let Some(missing) = wanted.checked_sub(text.chars().count()) else {
            return Ok(Some(substring(text, 1, length.max(0)).to_owned()));
        };
        check_text_bytes(args.name(), missing.saturating_add(text.len()))?;
        let filler: String = pad.chars().cycle().take(missing).collect();
        Ok(Some(match left {
            true => filler + text,
            false => format!("{text}{filler}"),
        }))
    })
}
