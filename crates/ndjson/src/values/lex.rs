//! JSON tokens: where values end, which scalars they are, and the text of strings.
//!
//! Every function takes a buffer that ends with a line feed and an index into
//! it, and returns the index after what it read. None reads beyond a line feed.

use std::ops::Range;

use crate::simd;
use crate::values::read_error::{ReadContext, ReadError, ReadResult};

/// The byte at `pos`; after the end, the line feed that ends every buffer.
#[inline(always)]
pub(crate) fn byte_at(buf: &[u8], pos: usize) -> u8 {
    buf.get(pos).copied().unwrap_or(b'\n')
}

/// The bytes of a range that was found in `buf`.
#[inline(always)]
pub(crate) fn bytes_in(buf: &[u8], range: Range<usize>) -> &[u8] {
    buf.get(range).unwrap_or_default()
}

/// The index of the first byte at or after `pos` that is not white space. A
/// line feed does not count as white space: it ends the record.
#[inline(always)]
pub(crate) fn skip_space(buf: &[u8], mut pos: usize) -> usize {
    while matches!(byte_at(buf, pos), b' ' | b'\t' | b'\r') {
        pos += 1;
    }
    pos
}

/// Skips a value that is not needed. Strings and brackets are followed to their
/// ends; of numbers and literals only the first byte is checked.
#[inline(always)]
pub(crate) fn skip_value(buf: &[u8], pos: usize, cx: &mut ReadContext) -> ReadResult {
    match byte_at(buf, pos) {
        b'"' => skip_string(buf, pos, cx),
        b'{' | b'[' => skip_container(buf, pos, cx),
        b'0'..=b'9' | b'-' | b'+' | b't' | b'f' | b'n' | b'N' | b'I' => {
            Ok(simd::find_scalar_end(buf, pos + 1))
        }
        b'\n' => cx.fail_broken(pos, "the line ends where a value is expected"),
        _ => cx.fail_broken(pos, "a value is expected"),
    }
}

/// Skips the string whose opening quote is at `pos`.
#[inline(always)]
pub(crate) fn skip_string(buf: &[u8], pos: usize, cx: &mut ReadContext) -> ReadResult {
    let mut at = pos + 1;
    loop {
        at = simd::find_plain_end(buf, at);
        match byte_at(buf, at) {
            b'"' => return Ok(at + 1),
            b'\\' if byte_at(buf, at + 1) != b'\n' => at += 2,
            b'\\' | b'\n' => return cx.fail_broken(pos, "the string is not closed"),
            _ => return cx.fail_broken(at, "a control character in a string must be escaped"),
        }
    }
}

/// Skips the object or array whose opening bracket is at `pos`. Brackets inside
/// are counted, both kinds together; the last must match the first.
#[inline(always)]
pub(crate) fn skip_container(buf: &[u8], pos: usize, cx: &mut ReadContext) -> ReadResult {
    let Some(end) = simd::skip_container(buf, pos + 1) else {
        return cx.fail_broken(pos, "the object or array is not closed");
    };
    // In ASCII `}` is `{` plus two, and `]` is `[` plus two.
    if byte_at(buf, end - 1) != byte_at(buf, pos) + 2 {
        return cx.fail_broken(end - 1, "the bracket does not match the one it closes");
    }
    Ok(end)
}

/// A number or literal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Scalar {
    Null,
    True,
    False,
    /// A number without fraction and exponent.
    Integer,
    /// A number with fraction or exponent.
    Fraction,
    /// `NaN` and the infinities, which Spark's reader accepts without quotes.
    Special(f64),
}

/// The number or literal at `pos`, and the index after it.
pub(crate) fn read_scalar(
    buf: &[u8],
    pos: usize,
    cx: &mut ReadContext,
) -> Result<(Scalar, usize), ReadError> {
    let end = simd::find_scalar_end(buf, pos);
    let text = bytes_in(buf, pos..end);
    let scalar = match text {
        b"null" => Scalar::Null,
        b"true" => Scalar::True,
        b"false" => Scalar::False,
        b"" => return cx.fail_broken(pos, "a value is expected"),
        _ => match special_float(text) {
            Some(value) => Scalar::Special(value),
            None => match number_kind(text) {
                Some(scalar) => scalar,
                None => return cx.fail_broken(pos, "neither a number nor true, false or null"),
            },
        },
    };
    Ok((scalar, end))
}

/// The numbers that are written as words, with or without quotes.
pub(crate) fn special_float(text: &[u8]) -> Option<f64> {
    match text {
        b"NaN" => Some(f64::NAN),
        b"+INF" | b"+Infinity" | b"Infinity" => Some(f64::INFINITY),
        b"-INF" | b"-Infinity" => Some(f64::NEG_INFINITY),
        _ => None,
    }
}

/// The kind of number that a text is by JSON's grammar (RFC 8259, section 6).
fn number_kind(text: &[u8]) -> Option<Scalar> {
    let digits = |text: &[u8]| text.iter().take_while(|b| b.is_ascii_digit()).count();
    let text = text.strip_prefix(b"-").unwrap_or(text);
    let whole = digits(text);
    let leading_zero = whole > 1 && text.first() == Some(&b'0');
    if whole == 0 || leading_zero {
        return None;
    }
    let mut rest = text.get(whole..)?;
    let mut kind = Scalar::Integer;
    if let Some(fraction) = rest.strip_prefix(b".") {
        let length = digits(fraction);
        if length == 0 {
            return None;
        }
        rest = fraction.get(length..)?;
        kind = Scalar::Fraction;
    }
    if let [b'e' | b'E', exponent @ ..] = rest {
        let exponent = match exponent {
            [b'+' | b'-', exponent @ ..] => exponent,
            exponent => exponent,
        };
        let length = digits(exponent);
        if length == 0 {
            return None;
        }
        rest = exponent.get(length..)?;
        kind = Scalar::Fraction;
    }
    rest.is_empty().then_some(kind)
}

/// The text of a string, with its escapes resolved.
pub(crate) enum StringText<'a> {
    /// Unchanged in the buffer.
    Plain(&'a [u8]),
    /// In [`ReadContext::scratch`].
    Scratch,
}

/// Reads the string whose opening quote is at `pos`. Whether its bytes are UTF-8
/// is not checked.
#[inline(always)]
pub(crate) fn read_text<'a>(
    buf: &'a [u8],
    pos: usize,
    cx: &mut ReadContext,
) -> Result<(StringText<'a>, usize), ReadError> {
    let end = simd::find_plain_end(buf, pos + 1);
    if byte_at(buf, end) == b'"' {
        return Ok((StringText::Plain(bytes_in(buf, pos + 1..end)), end + 1));
    }
    let mut scratch = std::mem::take(&mut cx.scratch);
    scratch.clear();
    scratch.extend_from_slice(bytes_in(buf, pos + 1..end));
    let end = unescape_rest(buf, end, &mut scratch, cx);
    cx.scratch = scratch;
    Ok((StringText::Scratch, end?))
}

/// Appends the rest of a string, from the byte at `pos` that is not ordinary,
/// and returns the index after the closing quote.
#[cold]
pub(crate) fn unescape_rest(
    buf: &[u8],
    pos: usize,
    dst: &mut Vec<u8>,
    cx: &mut ReadContext,
) -> ReadResult {
    let mut at = pos;
    loop {
        match byte_at(buf, at) {
            b'"' => return Ok(at + 1),
            b'\\' => at = unescape_one(buf, at, dst, cx)?,
            b'\n' => return cx.fail_broken(at, "the string is not closed"),
            _ => return cx.fail_broken(at, "a control character in a string must be escaped"),
        }
        (at, _) = simd::copy_plain(buf, at, dst);
    }
}

fn unescape_one(buf: &[u8], at: usize, dst: &mut Vec<u8>, cx: &mut ReadContext) -> ReadResult {
    let plain = match byte_at(buf, at + 1) {
        b'u' => return unescape_unicode(buf, at, dst, cx),
        b'n' => b'\n',
        b't' => b'\t',
        b'r' => b'\r',
        b'b' => 8,
        b'f' => 12,
        other @ (b'"' | b'\\' | b'/') => other,
        _ => return cx.fail_broken(at, "no such escape sequence"),
    };
    dst.push(plain);
    Ok(at + 2)
}

/// Resolves `\uXXXX` at `at`, or a pair of them. Half a surrogate pair becomes
/// `?`, as in Java's encoder.
fn unescape_unicode(buf: &[u8], at: usize, dst: &mut Vec<u8>, cx: &mut ReadContext) -> ReadResult {
    let Some(first) = parse_hex4(buf, at + 2) else {
        return cx.fail_broken(at, "four hexadecimal digits must follow \\u");
    };
    let (code, next) = match first {
        0xd800..=0xdbff if bytes_in(buf, at + 6..at + 8) == b"\\u" => match parse_hex4(buf, at + 8)
        {
            Some(second @ 0xdc00..=0xdfff) => {
                let pair = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                (pair, at + 12)
            }
            _ => (first, at + 6),
        },
        _ => (first, at + 6),
    };
    let code = char::from_u32(code).unwrap_or('?');
    dst.extend_from_slice(code.encode_utf8(&mut [0; 4]).as_bytes());
    Ok(next)
}

fn parse_hex4(buf: &[u8], pos: usize) -> Option<u32> {
    let digits = buf.get(pos..pos + 4)?;
    digits.iter().try_fold(0, |value, &digit| {
        Some(value << 4 | char::from(digit).to_digit(16)?)
    })
}
