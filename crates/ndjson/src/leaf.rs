//! Reads scalars into columns, with the conversions of Spark's reader.
//!
//! Each function takes the index of the value's first byte, appends one value
//! and returns the index after it. If it fails, nothing is appended. The table
//! of conversions is in docs/ndjson.md.

use arrow::datatypes::{Date32Type, Decimal128Type, TimestampMicrosecondType};

use crate::base64;
use crate::column::{Ascii, Binaries, Booleans, Primitives, Strings};
use crate::datetime::{self, Zones};
use crate::fault::{Cx, Fault, Step};
use crate::lex::{self, Scalar, Text, byte, slice};
use crate::number::{self, Float, Integer};
use crate::place::Place;
use crate::simd;

/// A column of scalars, and its name in messages.
#[derive(Debug)]
pub(crate) struct Leaf<C> {
    pub(crate) column: C,
    pub(crate) place: Place,
}

impl<C> Leaf<C> {
    pub(crate) fn new(column: C, place: Place) -> Self {
        Self { column, place }
    }
}

/// The error for a value that a column has no conversion for: null, broken
/// JSON, or a conflict.
#[cold]
pub(crate) fn misfit(buf: &[u8], pos: usize, place: &Place, cx: &mut Cx) -> Fault {
    match byte(buf, pos) {
        b'"' | b'{' | b'[' | b'\n' => match lex::skip_value(buf, pos, cx) {
            Ok(end) => cx.conflict(buf, pos, end, place),
            Err(fault) => fault,
        },
        _ => match lex::scalar(buf, pos, cx) {
            Ok((Scalar::Null, end)) => {
                cx.next = end;
                Fault::Null
            }
            Ok((_, end)) => cx.conflict(buf, pos, end, place),
            Err(fault) => fault,
        },
    }
}

pub(crate) fn boolean(leaf: &mut Leaf<Booleans>, buf: &[u8], pos: usize, cx: &mut Cx) -> Step {
    if !matches!(byte(buf, pos), b't' | b'f') {
        return Err(misfit(buf, pos, &leaf.place, cx));
    }
    let (scalar, end) = lex::scalar(buf, pos, cx)?;
    leaf.column.push(scalar == Scalar::True);
    Ok(end)
}

#[inline(always)]
pub(crate) fn integer<T: Integer>(
    leaf: &mut Leaf<Primitives<T>>,
    buf: &[u8],
    pos: usize,
    cx: &mut Cx,
) -> Step {
    if let Some((value, end)) = number::integer(buf, pos)
        && let Some(value) = T::narrow(value)
    {
        leaf.column.push(value);
        return Ok(end);
    }
    odd_integer(leaf, buf, pos, cx)
}

#[cold]
fn odd_integer<T: Integer>(
    leaf: &mut Leaf<Primitives<T>>,
    buf: &[u8],
    pos: usize,
    cx: &mut Cx,
) -> Step {
    if !matches!(byte(buf, pos), b'"' | b'{' | b'[' | b'\n')
        && let (Scalar::Integer, end) = lex::scalar(buf, pos, cx)?
        && let Some(value) = number::long_integer(slice(buf, pos..end)).and_then(T::narrow)
    {
        leaf.column.push(value);
        return Ok(end);
    }
    Err(misfit(buf, pos, &leaf.place, cx))
}

#[inline(always)]
pub(crate) fn float<T: Float>(
    leaf: &mut Leaf<Primitives<T>>,
    buf: &[u8],
    pos: usize,
    cx: &mut Cx,
) -> Step {
    if let Some((value, end)) = number::float::<T>(buf, pos) {
        leaf.column.push(value);
        return Ok(end);
    }
    odd_float(leaf, buf, pos, cx)
}

#[cold]
fn odd_float<T: Float>(
    leaf: &mut Leaf<Primitives<T>>,
    buf: &[u8],
    pos: usize,
    cx: &mut Cx,
) -> Step {
    let (value, end) = match byte(buf, pos) {
        b'"' => {
            let (text, end) = lex::text(buf, pos, cx)?;
            let text = match text {
                Text::Plain(text) => text,
                Text::Scratch => &cx.scratch,
            };
            (lex::special(text).map(T::from_f64), end)
        }
        b'{' | b'[' | b'\n' => return Err(misfit(buf, pos, &leaf.place, cx)),
        _ => {
            let (scalar, end) = lex::scalar(buf, pos, cx)?;
            let value = match scalar {
                Scalar::Integer | Scalar::Fraction => {
                    let text = std::str::from_utf8(slice(buf, pos..end));
                    text.ok().and_then(T::parse)
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
        None => Err(misfit(buf, pos, &leaf.place, cx)),
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct DecimalShape {
    pub(crate) precision: u8,
    pub(crate) scale: i8,
}

pub(crate) fn decimal(
    leaf: &mut Leaf<Primitives<Decimal128Type>>,
    shape: DecimalShape,
    buf: &[u8],
    pos: usize,
    cx: &mut Cx,
) -> Step {
    let parse = |text: &[u8]| number::decimal(text, shape.precision, shape.scale);
    let (value, end) = match byte(buf, pos) {
        b'"' => from_text(buf, pos, cx, parse)?,
        b'{' | b'[' | b'\n' => (None, pos),
        _ => match lex::scalar(buf, pos, cx)? {
            (Scalar::Integer | Scalar::Fraction, end) => (parse(slice(buf, pos..end)), end),
            (_, end) => (None, end),
        },
    };
    match value {
        Some(value) => {
            leaf.column.push(value);
            Ok(end)
        }
        None => Err(misfit(buf, pos, &leaf.place, cx)),
    }
}

/// Reads the string at `pos`, and parses its text.
#[inline(always)]
fn from_text<T>(
    buf: &[u8],
    pos: usize,
    cx: &mut Cx,
    parse: impl Fn(&[u8]) -> Option<T>,
) -> Result<(Option<T>, usize), Fault> {
    let (text, end) = lex::text(buf, pos, cx)?;
    let value = match text {
        Text::Plain(text) => parse(text),
        Text::Scratch => parse(&cx.scratch),
    };
    Ok((value, end))
}

#[inline(always)]
pub(crate) fn timestamp(
    leaf: &mut Leaf<Primitives<TimestampMicrosecondType>>,
    zones: Zones,
    buf: &[u8],
    pos: usize,
    cx: &mut Cx,
) -> Step {
    if byte(buf, pos) == b'"' {
        let parse = |text: &[u8]| datetime::timestamp(text, zones);
        if let (Some(value), end) = from_text(buf, pos, cx, parse)? {
            leaf.column.push(value);
            return Ok(end);
        }
    } else if zones == Zones::Allowed
        && let Some((seconds, end)) = number::integer(buf, pos)
        && let Some(micros) = i64::try_from(seconds)
            .ok()
            .and_then(|seconds| seconds.checked_mul(1_000_000))
    {
        leaf.column.push(micros);
        return Ok(end);
    }
    Err(misfit(buf, pos, &leaf.place, cx))
}

pub(crate) fn date(
    leaf: &mut Leaf<Primitives<Date32Type>>,
    buf: &[u8],
    pos: usize,
    cx: &mut Cx,
) -> Step {
    if byte(buf, pos) == b'"'
        && let (Some(value), end) = from_text(buf, pos, cx, datetime::date)?
    {
        leaf.column.push(value);
        return Ok(end);
    }
    Err(misfit(buf, pos, &leaf.place, cx))
}

pub(crate) fn binary(leaf: &mut Leaf<Binaries>, buf: &[u8], pos: usize, cx: &mut Cx) -> Step {
    if byte(buf, pos) == b'"' {
        let (text, end) = lex::text(buf, pos, cx)?;
        let text = match text {
            Text::Plain(text) => text,
            Text::Scratch => &cx.scratch,
        };
        if base64::decode(text, &mut leaf.column.0.bytes).is_some() {
            leaf.column.0.close();
            return Ok(end);
        }
        leaf.column.0.abandon();
    }
    Err(misfit(buf, pos, &leaf.place, cx))
}

/// Reads a string; any other value becomes its JSON text.
#[inline(always)]
pub(crate) fn string(leaf: &mut Leaf<Strings>, buf: &[u8], pos: usize, cx: &mut Cx) -> Step {
    if byte(buf, pos) != b'"' {
        return json_text(leaf, buf, pos, cx);
    }
    append_string(&mut leaf.column, buf, pos, cx)
}

/// Appends the string whose opening quote is at `pos`.
#[inline(always)]
pub(crate) fn append_string(column: &mut Strings, buf: &[u8], pos: usize, cx: &mut Cx) -> Step {
    let end = column.append(|dst| {
        let (end, ascii) = simd::copy_plain(buf, pos + 1, dst);
        if byte(buf, end) == b'"' {
            let ascii = if ascii { Ascii::Yes } else { Ascii::No };
            return Ok((end + 1, ascii));
        }
        let end = lex::unescape(buf, end, dst, cx)?;
        Ok((end, Ascii::No))
    })?;
    match end {
        Some(end) => Ok(end),
        None => cx.broken(pos, "the string is not UTF-8"),
    }
}

#[cold]
fn json_text(leaf: &mut Leaf<Strings>, buf: &[u8], pos: usize, cx: &mut Cx) -> Step {
    let end = match byte(buf, pos) {
        b'{' | b'[' | b'\n' => lex::skip_value(buf, pos, cx)?,
        _ => match lex::scalar(buf, pos, cx)? {
            (Scalar::Null, end) => {
                cx.next = end;
                return Err(Fault::Null);
            }
            (_, end) => end,
        },
    };
    let end = leaf.column.append(|dst| {
        dst.extend_from_slice(slice(buf, pos..end));
        Ok::<_, Fault>((end, Ascii::No))
    })?;
    match end {
        Some(end) => Ok(end),
        None => cx.broken(pos, "the value is not UTF-8"),
    }
}
