//! Bytes as text and text as bytes.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::DataType;
use datafusion::error::{DataFusionError, Result};

use super::super::arguments::Arguments;
use super::super::kinds::{Kind, binary_result, text_result};
use super::super::udf::SparkFunction;

pub(super) static FUNCTIONS: &[SparkFunction] = &[
    SparkFunction::new("base64", &[Kind::Binary], text_result, |args| {
        let values = args.binary(0)?;
        args.texts(|row| Ok(values.get(row).map(|bytes| BASE64.encode(bytes))))
    }),
    SparkFunction::new("unbase64", &[Kind::Text], binary_result, |args| {
        let texts = args.text(0)?;
        args.binaries(|row| match texts.get(row) {
            None => Ok(None),
            Some(text) => decode_base64(text)
                .map(Some)
                .ok_or_else(|| malformed(text, "base64")),
        })
    }),
    SparkFunction::new("hex", &[Kind::Any], text_result, |args| {
        if args.data_type(0)?.is_integer() {
            let numbers = args.long(0)?;
            return args.texts(|row| Ok(numbers.get(row).map(|n| format!("{n:X}"))));
        }
        let values = args.binary(0)?;
        args.texts(|row| Ok(values.get(row).map(encode_hex)))
    }),
    SparkFunction::new("unhex", &[Kind::Text], binary_result, |args| {
        let texts = args.text(0)?;
        args.binaries(|row| Ok(texts.get(row).and_then(decode_hex)))
    }),
    SparkFunction::new(
        "to_binary",
        &[Kind::Text, Kind::Text],
        binary_result,
        |args| to_binary(args, false),
    )
    .with_optional(1),
    SparkFunction::new(
        "try_to_binary",
        &[Kind::Text, Kind::Text],
        binary_result,
        |args| to_binary(args, true),
    )
    .with_optional(1),
    SparkFunction::new("encode", &[Kind::Text, Kind::Text], binary_result, |args| {
        let (texts, charsets) = (args.text(0)?, args.text(1)?);
        args.binaries(|row| match (texts.get(row), charsets.get(row)) {
            (Some(text), Some(charset)) => Charset::parse(charset)?.encode(text).map(Some),
            _ => Ok(None),
        })
    }),
    // `decode` with more arguments is rewritten to CASE.
    SparkFunction::new("decode", &[Kind::Binary, Kind::Text], text_result, |args| {
        let (values, charsets) = (args.binary(0)?, args.text(1)?);
        args.texts(|row| match (values.get(row), charsets.get(row)) {
            (Some(bytes), Some(charset)) => Charset::parse(charset)?.decode(bytes).map(Some),
            _ => Ok(None),
        })
    }),
];

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

fn malformed(text: &str, what: &str) -> DataFusionError {
    DataFusionError::Execution(format!(
        "'{text}' is not {what}; use try_to_binary where such text is to give NULL"
    ))
}

/// Line ends and spaces between the characters are skipped.
fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let characters: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    BASE64.decode(characters).ok()
}

pub(in super::super) fn encode_hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F',
    ];
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| DIGITS.get(usize::from(digit)))
        .collect()
}

/// An odd number of digits has a zero before them.
fn decode_hex(text: &str) -> Option<Vec<u8>> {
    let mut digits = Vec::with_capacity(text.len() + 1);
    if text.len() % 2 == 1 {
        digits.push(0);
    }
    for letter in text.chars() {
        digits.push(u8::try_from(letter.to_digit(16)?).ok()?);
    }
    Some(
        digits
            .chunks(2)
            .map(|pair| pair.iter().fold(0, |n, d| n << 4 | d))
            .collect(),
    )
}

fn to_binary(args: &Arguments<'_>, safe: bool) -> Result<ArrayRef> {
    let texts = args.text(0)?;
    let formats = (args.count() > 1).then(|| args.text(1)).transpose()?;
    if args.data_type(0)? == &DataType::Null {
        return args.binaries(|_| Ok(None::<Vec<u8>>));
    }
    args.binaries(|row| {
        let format = match &formats {
            None => Some("hex"),
            Some(formats) => formats.get(row),
        };
        let (Some(text), Some(format)) = (texts.get(row), format) else {
            return Ok(None);
        };
        let decoded = match format.to_ascii_lowercase().as_str() {
            "hex" => decode_hex(text),
            "utf-8" | "utf8" => Some(text.as_bytes().to_vec()),
            "base64" => decode_base64(text),
            _ => {
                return Err(DataFusionError::Execution(format!(
                    "'{format}' is not a form of binary; write 'hex', 'utf-8' or 'base64'"
                )));
            }
        };
        match decoded {
            None if !safe => Err(malformed(text, format)),
            decoded => Ok(decoded),
        }
    })
}

#[derive(Debug, Clone, Copy)]
enum Charset {
    Ascii,
    Latin1,
    Utf8,
    /// With a byte-order mark.
    Utf16,
    Utf16Be,
    Utf16Le,
    Utf32,
}

impl Charset {
    fn parse(name: &str) -> Result<Self> {
        Ok(match name.to_ascii_uppercase().as_str() {
            "US-ASCII" => Self::Ascii,
            "ISO-8859-1" => Self::Latin1,
            "UTF-8" => Self::Utf8,
            "UTF-16" => Self::Utf16,
            "UTF-16BE" => Self::Utf16Be,
            "UTF-16LE" => Self::Utf16Le,
            "UTF-32" => Self::Utf32,
            _ => {
                return Err(DataFusionError::Execution(format!(
                    "'{name}' is not a charset; write UTF-8, UTF-16, UTF-16BE, UTF-16LE, UTF-32, \
                     ISO-8859-1 or US-ASCII"
                )));
            }
        })
    }

    fn encode(self, text: &str) -> Result<Vec<u8>> {
        let narrow = |limit: u32| -> Result<Vec<u8>> {
            text.chars()
                .map(|letter| {
                    u8::try_from(letter as u32)
                        .ok()
                        .filter(|_| (letter as u32) < limit)
                        .ok_or_else(|| {
                            DataFusionError::Execution(format!(
                                "'{letter}' cannot be written in the charset; use UTF-8"
                            ))
                        })
                })
                .collect()
        };
        Ok(match self {
            Self::Ascii => narrow(128)?,
            Self::Latin1 => narrow(256)?,
            Self::Utf8 => text.as_bytes().to_vec(),
            Self::Utf16 => std::iter::once(0xfeff)
                .chain(text.encode_utf16())
                .flat_map(u16::to_be_bytes)
                .collect(),
            Self::Utf16Be => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
            Self::Utf16Le => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            Self::Utf32 => text
                .chars()
                .flat_map(|letter| (letter as u32).to_be_bytes())
                .collect(),
        })
    }

    fn decode(self, bytes: &[u8]) -> Result<String> {
        let wide = |big_endian: bool, bytes: &[u8]| -> Option<String> {
            if bytes.len() % 2 == 1 {
                return None;
            }
            let units = bytes.chunks(2).map(|pair| {
                let pair = [
                    pair.first().copied().unwrap_or(0),
                    pair.get(1).copied().unwrap_or(0),
                ];
                if big_endian {
                    u16::from_be_bytes(pair)
                } else {
                    u16::from_le_bytes(pair)
                }
            });
            char::decode_utf16(units)
                .collect::<Result<String, _>>()
                .ok()
        };
        let decoded = match self {
            Self::Ascii => bytes
                .is_ascii()
                .then(|| bytes.iter().map(|b| char::from(*b)).collect()),
            Self::Latin1 => Some(bytes.iter().map(|b| char::from(*b)).collect()),
            Self::Utf8 => std::str::from_utf8(bytes).ok().map(str::to_owned),
            Self::Utf16 => match bytes {
                [0xff, 0xfe, rest @ ..] => wide(false, rest),
                [0xfe, 0xff, rest @ ..] => wide(true, rest),
                bytes => wide(true, bytes),
            },
            Self::Utf16Be => wide(true, bytes),
            Self::Utf16Le => wide(false, bytes),
            Self::Utf32 => bytes
                .chunks(4)
                .map(|unit| {
                    let unit = <[u8; 4]>::try_from(unit).ok()?;
                    char::from_u32(u32::from_be_bytes(unit))
                })
                .collect(),
        };
        decoded.ok_or_else(|| {
            DataFusionError::Execution(
                "the bytes of `decode` are no text in the charset".to_owned(),
            )
        })
    }
}
