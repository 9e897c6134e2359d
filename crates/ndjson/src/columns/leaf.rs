//! Reads scalars into columns, with the conversions of Spark's reader.
//!
//! Each function takes the index of the value's first byte, appends one value
//! and returns the index after it. If it fails, nothing is appended. The table
//! of conversions is in docs/ndjson.md.

use arrow::datatypes::{Date32Type, Decimal128Type, TimestampMicrosecondType};

use crate::columns::growing::{Ascii, Binaries, Booleans, Primitives, Strings};
use crate::simd;
use crate::values::base64;
use crate::values::datetime::{self, Zones};
use crate::values::field_label::FieldLabel;
use crate::values::lex::{self, Scalar, StringText, byte_at, bytes_in};
use crate::values::number::{self, Float, Integer};
use crate::values::read_error::{ReadContext, ReadError, ReadResult};

/// A column of scalars, and its name in messages.
#[derive(Debug)]
pub(crate) struct LeafDecoder<C> {
    pub(crate) column: C,
    pub(crate) label: FieldLabel,
}

impl<C> LeafDecoder<C> {
    pub(crate) fn new(column: C, label: FieldLabel) -> Self {
        Self { column, label }
    }
}

/// The error for a value that a column has no conversion for: null, broken
/// JSON, or a conflict.
#[cold]
pub(crate) fn misfit_error(
    buf: &[u8],
    pos: usize,
    label: &FieldLabel,
    cx: &mut ReadContext,
) -> ReadError {
    match byte_at(buf, pos) {
        b'"' | b'{' | b'[' | b'\n' => match lex::skip_value(buf, pos, cx) {
            Ok(end) => cx.record_conflict(buf, pos, end, label),
            Err(fault) => fault,
        },
        _ => match lex::read_scalar(buf, pos, cx) {
            Ok((Scalar::Null, end)) => {
                cx.value_end = end;
                ReadError::Null
            }
            Ok((_, end)) => cx.record_conflict(buf, pos, end, label),
            Err(fault) => fault,
        },
    }
}

pub(crate) fn read_boolean(
    leaf: &mut LeafDecoder<Booleans>,
    buf: &[u8],
    pos: usize,
    cx: &mut ReadContext,
) -> ReadResult {
    if !matches!(byte_at(buf, pos), b't' | b'f') {
        return Err(misfit_error(buf, pos, &leaf.label, cx));
    }
    let (scalar, end) = lex::read_scalar(buf, pos, cx)?;
    leaf.column.push(scalar == Scalar::True);
    Ok(end)
}

#[inline(always)]
pub(crate) fn read_integer<T: Integer>(
    leaf: &mut LeafDecoder<Primitives<T>>,
    buf: &[u8],
    pos: usize,
    cx: &mut ReadContext,
) -> ReadResult {
    if let Some((value, end)) = number::parse_integer(buf, pos)
        && let Some(value) = T::narrow(value)
    {
        leaf.column.push(value);
        return Ok(end);
    }
    read_odd_integer(leaf, buf, pos, cx)
}

#[cold]
fn read_odd_integer<T: Integer>(
    leaf: &mut LeafDecoder<Primitives<T>>,
    buf: &[u8],
    pos: usize,
    cx: &mut ReadContext,
) -> ReadResult {
    if !matches!(byte_at(buf, pos), b'"' | b'{' | b'[' | b'\n')
        && let (Scalar::Integer, end) = lex::read_scalar(buf, pos, cx)?
        && let Some(value) = number::parse_long_integer(bytes_in(buf, pos..end)).and_then(T::narrow)
    {
        leaf.column.push(value);
        return Ok(end);
    }
    Err(misfit_error(buf, pos, &leaf.label, cx))
}

#[inline(always)]
pub(crate) fn read_float<T: Float>(
    leaf: &mut LeafDecoder<Primitives<T>>,
    buf: &[u8],
    pos: usize,
    cx: &mut ReadContext,
) -> ReadResult {
    if let Some((value, end)) = number::parse_float::<T>(buf, pos) {
        leaf.column.push(value);
        return Ok(end);
    }
    read_odd_float(leaf, buf, pos, cx)
}

#[cold]
fn read_odd_float<T: Float>(
    leaf: &mut LeafDecoder<Primitives<T>>,
    buf: &[u8],
    pos: usize,
    cx: &mut ReadContext,
) -> ReadResult {
    let (value, end) = match byte_at(buf, pos) {
        b'"' => {
            let (text, end) = lex::read_text(buf, pos, cx)?;
            let text = match text {
                StringText::Plain(text) => text,
                StringText::Scratch => &cx.scratch,
            };
            (lex::special_float(text).map(T::from_f64), end)
        }
        b'{' | b'[' | b'\n' => return Err(misfit_error(buf, pos, &leaf.label, cx)),
        _ => {
            let (scalar, end) = lex::read_scalar(buf, pos, cx)?;
            let value = match scalar {
                Scalar::Integer | Scalar::Fraction => {
                    let text = std::str::from_utf8(bytes_in(buf, pos..end));
                    text.ok().and_then(T::parse_rounded)
                }
                Scalar::Special(value) => Some(T::from_f64(value)),
                Scalar::Null | Scalar::True | Scalar::False => None,
            };
            (value, end)
        }
    };
    match value {
        Some(value) => {
            leaf.column.push(value);
            Ok(end)
        }
        None => Err(misfit_error(buf, pos, &leaf.label, cx)),
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct DecimalShape {
    pub(crate) precision: u8,
    pub(crate) scale: i8,
}

pub(crate) fn read_decimal(
    leaf: &mut LeafDecoder<Primitives<Decimal128Type>>,
    shape: DecimalShape,
    buf: &[u8],
    pos: usize,
    cx: &mut ReadContext,
) -> ReadResult {
    let parse = |text: &[u8]| number::parse_decimal(text, shape.precision, shape.scale);
    let (value, end) = match byte_at(buf, pos) {
        b'"' => parse_string(buf, pos, cx, parse)?,
        b'{' | b'[' | b'\n' => (None, pos),
        _ => match lex::read_scalar(buf, pos, cx)? {
            (Scalar::Integer | Scalar::Fraction, end) => (parse(bytes_in(buf, pos..end)), end),
            (_, end) => (None, end),
        },
    };
    match value {
        Some(value) => {
            leaf.column.push(value);
            Ok(end)
        }
        None => Err(misfit_error(buf, pos, &leaf.label, cx)),
    }
}

/// Reads the string at `pos`, and parses its text.
#[inline(always)]
fn parse_string<T>(
    buf: &[u8],
    pos: usize,
    cx: &mut ReadContext,
    parse: impl Fn(&[u8]) -> Option<T>,
) -> Result<(Option<T>, usize), ReadError> {
    let (text, end) = lex::read_text(buf, pos, cx)?;
    let value = match text {
        StringText::Plain(text) => parse(text),
        StringText::Scratch => parse(&cx.scratch),
    };
    Ok((value, end))
}

#[inline(always)]
pub(crate) fn read_timestamp(
    leaf: &mut LeafDecoder<Primitives<TimestampMicrosecondType>>,
    zones: Zones,
    buf: &[u8],
    pos: usize,
    cx: &mut ReadContext,
) -> ReadResult {
    if byte_at(buf, pos) == b'"' {
        let parse = |text: &[u8]| datetime::parse_timestamp(text, zones);
        if let (Some(value), end) = parse_string(buf, pos, cx, parse)? {
            leaf.column.push(value);
            return Ok(end);
        }
    } else if matches!(zones, Zones::Allowed(_))
        && let Some((seconds, end)) = number::parse_integer(buf, pos)
        && let Some(micros) = i64::try_from(seconds)
            .ok()
            .and_then(|seconds| seconds.checked_mul(1_000_000))
    {
        leaf.column.push(micros);
        return Ok(end);
    }
    Err(misfit_error(buf, pos, &leaf.label, cx))
}

pub(crate) fn read_date(
    leaf: &mut LeafDecoder<Primitives<Date32Type>>,
    buf: &[u8],
    pos: usize,
    cx: &mut ReadContext,
) -> ReadResult {
    if byte_at(buf, pos) == b'"'
        && let (Some(value), end) = parse_string(buf, pos, cx, datetime::parse_date)?
    {
        leaf.column.push(value);
        return Ok(end);
    }
    Err(misfit_error(buf, pos, &leaf.label, cx))
}

pub(crate) fn read_binary(
    leaf: &mut LeafDecoder<Binaries>,
    buf: &[u8],
    pos: usize,
    cx: &mut ReadContext,
) -> ReadResult {
    if byte_at(buf, pos) == b'"' {
        let (text, end) = lex::read_text(buf, pos, cx)?;
        let text = match text {
            StringText::Plain(text) => text,
            StringText::Scratch => &cx.scratch,
        };
        if base64::decode_base64(text, &mut leaf.column.0.bytes).is_some() {
            leaf.column.0.close_value();
            return Ok(end);
        }
        leaf.column.0.abandon_value();
    }
    Err(misfit_error(buf, pos, &leaf.label, cx))
}

/// Reads a string; any other value becomes its JSON text.
#[inline(always)]
pub(crate) fn read_string(
    leaf: &mut LeafDecoder<Strings>,
    buf: &[u8],
    pos: usize,
    cx: &mut ReadContext,
) -> ReadResult {
    if byte_at(buf, pos) != b'"' {
        return read_json_text(leaf, buf, pos, cx);
    }
    append_string(&mut leaf.column, buf, pos, cx)
}

/// Appends the string whose opening quote is at `pos`.
#[inline(always)]
pub(crate) fn append_string(
    column: &mut Strings,
    buf: &[u8],
    pos: usize,
    cx: &mut ReadContext,
) -> ReadResult {
    let end = column.append_with(|dst| {
        let (end, ascii) = simd::copy_plain(buf, pos + 1, dst);
        if byte_at(buf, end) == b'"' {
            let ascii = if ascii { Ascii::Yes } else { Ascii::No };
            return Ok((end + 1, ascii));
        }
        let end = lex::unescape_rest(buf, end, dst, cx)?;
        Ok((end, Ascii::No))
    })?;
    match end {
        Some(end) => Ok(end),
        None => cx.fail_broken(pos, "the string is not UTF-8"),
    }
}

#[cold]
fn read_json_text(
    leaf: &mut LeafDecoder<Strings>,
    buf: &[u8],
    pos: usize,
    cx: &mut ReadContext,
) -> ReadResult {
    let end = match byte_at(buf, pos) {
        b'{' | b'[' | b'\n' => lex::skip_value(buf, pos, cx)?,
        _ => match lex::read_scalar(buf, pos, cx)? {
            (Scalar::Null, end) => {
                cx.value_end = end;
                return Err(ReadError::Null);
            }
            (_, end) => end,
        },
    };
    let end = leaf.column.append_with(|dst| {
        dst.extend_from_slice(bytes_in(buf, pos..end));
        Ok::<_, ReadError>((end, Ascii::No))
    })?;
    match end {
        Some(end) => Ok(end),
        None => cx.fail_broken(pos, "the value is not UTF-8"),
    }
}
