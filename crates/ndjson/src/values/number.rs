//! Parses numbers.
//!
//! The fast functions return `None` for anything unusual. The caller then uses
//! the slow path, which also finds out what is wrong.

use arrow::datatypes::{
    ArrowPrimitiveType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};

use crate::simd::portable::ends_scalar;
use crate::values::lex::byte_at;

/// Types of integer columns.
pub(crate) trait Integer: ArrowPrimitiveType {
    /// The value in this type, if it fits.
    fn narrow(value: i128) -> Option<Self::Native>;
}

macro_rules! parse_integer {
    ($($t:ty),*) => {
        $(impl Integer for $t {
            #[inline(always)]
            fn narrow(value: i128) -> Option<Self::Native> {
                value.try_into().ok()
            }
        })*
    };
}

parse_integer!(
    Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type
);

/// Types of floating-point columns.
pub(crate) trait Float: ArrowPrimitiveType {
    /// `mantissa / 10^fraction`, if it needs a single rounding: both numbers are
    /// exact in the type (W. Clinger, "How to Read Floating Point Numbers
    /// Accurately", 1990).
    fn exact_quotient(mantissa: u64, fraction: usize) -> Option<Self::Native>;
    fn negate(value: Self::Native) -> Self::Native;
    fn from_f64(value: f64) -> Self::Native;
    /// Parses any JSON number, correctly rounded; infinite if it is too large.
    fn parse_rounded(text: &str) -> Option<Self::Native>;
}

const POWERS_F64: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];
const POWERS_F32: [f32; 11] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10];

impl Float for Float64Type {
    #[inline(always)]
    fn exact_quotient(mantissa: u64, fraction: usize) -> Option<f64> {
        let power = POWERS_F64.get(fraction)?;
        (mantissa <= 1 << 53).then(|| mantissa as f64 / power)
    }
    #[inline(always)]
    fn negate(value: f64) -> f64 {
        -value
    }
    fn from_f64(value: f64) -> f64 {
        value
    }
    fn parse_rounded(text: &str) -> Option<f64> {
        text.parse().ok()
    }
}

impl Float for Float32Type {
    #[inline(always)]
    fn exact_quotient(mantissa: u64, fraction: usize) -> Option<f32> {
        let power = POWERS_F32.get(fraction)?;
        (mantissa <= 1 << 24).then(|| mantissa as f32 / power)
    }
    #[inline(always)]
    fn negate(value: f32) -> f32 {
        -value
    }
    fn from_f64(value: f64) -> f32 {
        value as f32
    }
    fn parse_rounded(text: &str) -> Option<f32> {
        text.parse().ok()
    }
}

/// Parses the digits at `pos`, which continue a number whose digits so far have
/// the value `value`. Returns the value of all digits and the index after them.
/// The value wraps above 19 digits.
///
/// It takes eight bytes at a time, so that no branch depends on the number of
/// digits, which changes from value to value.
#[inline(always)]
fn parse_digits(buf: &[u8], pos: usize, value: u64) -> (u64, usize) {
    let Some(bytes) = buf.get(pos..).and_then(<[u8]>::first_chunk::<8>) else {
        return parse_few_digits(buf, pos, value);
    };
    let word = u64::from_le_bytes(*bytes);
    // The high bit of each byte that is not a digit. Bytes after the first one
    // may be marked wrongly, by a borrow or carry.
    let off = word ^ 0x3030_3030_3030_3030;
    let odd = (off.wrapping_add(0x7676_7676_7676_7676) | off) & 0x8080_8080_8080_8080;
    if odd == 0 {
        let value = value
            .wrapping_mul(100_000_000)
            .wrapping_add(combine_eight_digits(off));
        return parse_few_digits(buf, pos + 8, value);
    }
    let count = odd.trailing_zeros() / 8;
    // Replaces the bytes that are not digits by leading zeros. The shift is
    // split because it may be all 64 bits.
    let aligned = (off << (56 - 8 * count)) << 8;
    let power = POWERS_U64.get(count as usize).copied().unwrap_or(1);
    let value = value
        .wrapping_mul(power)
        .wrapping_add(combine_eight_digits(aligned));
    (value, pos + count as usize)
}

const POWERS_U64: [u64; 8] = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000];

/// The value of eight digits, one in each byte, the first in the lowest byte:
/// combines them to pairs, then pairs of pairs.
#[inline(always)]
fn combine_eight_digits(digits: u64) -> u64 {
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = pairs.wrapping_mul(100).wrapping_add(pairs >> 16) & 0x0000_ffff_0000_ffff;
    fours.wrapping_mul(10_000).wrapping_add(fours >> 32) & 0xffff_ffff
}

fn parse_few_digits(buf: &[u8], pos: usize, mut value: u64) -> (u64, usize) {
    let mut at = pos;
    loop {
        let digit = byte_at(buf, at).wrapping_sub(b'0');
        if digit > 9 {
            return (value, at);
        }
        value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
        at += 1;
    }
}

/// Any number of this many digits fits in 64 bits.
const SAFE_DIGITS: usize = 19;

/// An integer of at most 19 digits, and the index after it.
#[inline(always)]
pub(crate) fn parse_integer(buf: &[u8], pos: usize) -> Option<(i128, usize)> {
    let negative = byte_at(buf, pos) == b'-';
    let start = pos + usize::from(negative);
    let (value, end) = parse_digits(buf, start, 0);
    let length = end - start;
    let plain = length == 1 || (length > 1 && length <= SAFE_DIGITS && byte_at(buf, start) != b'0');
    if !plain || !ends_scalar(byte_at(buf, end)) {
        return None;
    }
    let value = i128::from(value);
    Some((if negative { -value } else { value }, end))
}

/// An integer of any length; the text is known to be one.
pub(crate) fn parse_long_integer(text: &[u8]) -> Option<i128> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// A number of few digits without an exponent, and the index after it.
#[inline(always)]
pub(crate) fn parse_float<T: Float>(buf: &[u8], pos: usize) -> Option<(T::Native, usize)> {
    let negative = byte_at(buf, pos) == b'-';
    let start = pos + usize::from(negative);
    let (whole, point) = parse_digits(buf, start, 0);
    let length = point - start;
    if length == 0 || (length > 1 && byte_at(buf, start) == b'0') {
        return None;
    }
    let (mantissa, end, fraction) = if byte_at(buf, point) == b'.' {
        let (mantissa, end) = parse_digits(buf, point + 1, whole);
        let fraction = end - point - 1;
        if fraction == 0 {
            return None;
        }
        (mantissa, end, fraction)
    } else {
        (whole, point, 0)
    };
    if length + fraction > SAFE_DIGITS || !ends_scalar(byte_at(buf, end)) {
        return None;
    }
    let value = T::exact_quotient(mantissa, fraction)?;
    Some((if negative { T::negate(value) } else { value }, end))
}

/// A decimal as Java's `BigDecimal` parses it, in units of `10^-scale`, rounded
/// half up. `None` if it is not a number or has more than `precision` digits.
pub fn parse_decimal(text: &[u8], precision: u8, scale: i8) -> Option<i128> {
    let (negative, text) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let (number, exponent) = match text.iter().position(|b| matches!(b, b'e' | b'E')) {
        Some(e) => (text.get(..e)?, parse_exponent(text.get(e + 1..)?)?),
        None => (text, 0),
    };
    let (whole, fraction) = match number.iter().position(|&b| b == b'.') {
        Some(point) => (number.get(..point)?, number.get(point + 1..)?),
        None => (number, number.get(number.len()..)?),
    };
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    // The value is `digits * 10^(exponent - fraction.len())`. Only digits
    // above the rounding position are kept.
    let shift = exponent
        .checked_add(i64::from(scale))?
        .checked_sub(i64::try_from(fraction.len()).ok()?)?;
    let count = i64::try_from(whole.len() + fraction.len()).ok()?;
    let kept_digits = count.checked_add(shift.min(0))?;
    let mut units: i128 = 0;
    let mut round_up = false;
    for (digit_index, &digit) in (0i64..).zip(whole.iter().chain(fraction)) {
        if !digit.is_ascii_digit() {
            return None;
        }
        if digit_index < kept_digits {
            units = units
                .checked_mul(10)?
                .checked_add(i128::from(digit - b'0'))?;
        } else if digit_index == kept_digits {
            round_up = digit >= b'5';
        }
    }
    if shift > 0 && units != 0 {
        units = units.checked_mul(10i128.checked_pow(u32::try_from(shift).ok()?)?)?;
    }
    units += i128::from(round_up);
    let limit = 10i128.checked_pow(u32::from(precision))?;
    (units < limit).then_some(if negative { -units } else { units })
}

fn parse_exponent(text: &[u8]) -> Option<i64> {
    let digits = match text {
        [b'-' | b'+', rest @ ..] => rest,
        rest => rest,
    };
    // Nine digits are enough for any value that fits; more could overflow in
    // the caller.
    if digits.is_empty() || digits.len() > 9 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::{Float32Type, Float64Type};

    use super::{parse_decimal, parse_float, parse_integer};

    #[test]
    fn integers() {
        assert_eq!(parse_integer(b"0,", 0), Some((0, 1)));
        assert_eq!(parse_integer(b"-17}\n", 0), Some((-17, 3)));
        assert_eq!(
            parse_integer(b"9999999999999999999\n", 0),
            Some((9_999_999_999_999_999_999, 19))
        );
        for text in ["01,", "-,", "1.0,", "1e3,", "99999999999999999999,", "1x,"] {
            assert_eq!(parse_integer(text.as_bytes(), 0), None, "{text}");
        }
    }

    #[test]
    fn integers_of_every_length_before_every_byte() {
        for length in 1..=19 {
            let text: String = "9081726354433221109".chars().take(length).collect();
            for following in (0..=255u8).filter(|b| !b.is_ascii_digit()) {
                let mut line = text.clone().into_bytes();
                line.push(following);
                line.extend_from_slice(b"0123456789\n");
                let expected = text.parse().unwrap();
                let plain = matches!(following, 0..=b' ' | b',' | b'}' | b']' | b'"');
                let found = parse_integer(&line, 0);
                assert_eq!(
                    found,
                    plain.then_some((expected, length)),
                    "{text} {following}"
                );
            }
        }
    }

    #[test]
    fn floats_agree_with_the_standard_library() {
        for text in [
            "442.94",
            "0.1",
            "-0",
            "-0.0",
            "1930.73",
            "9007199254740993",
            "3",
        ] {
            let line = format!("{text}\n");
            let expected: f64 = text.parse().unwrap();
            let found = parse_float::<Float64Type>(line.as_bytes(), 0);
            if let Some((value, end)) = found {
                assert_eq!(value.to_bits(), expected.to_bits(), "{text}");
                assert_eq!(end, text.len());
            }
            let found = parse_float::<Float32Type>(line.as_bytes(), 0);
            if let Some((value, _)) = found {
                let expected: f32 = text.parse().unwrap();
                assert_eq!(value.to_bits(), expected.to_bits(), "{text}");
            }
        }
        for text in [".5\n", "1.\n", "00.1\n", "1e5\n", "-\n"] {
            assert_eq!(
                parse_float::<Float64Type>(text.as_bytes(), 0),
                None,
                "{text}"
            );
        }
    }

    #[test]
    fn decimals_round_half_up() {
        let cases: [(&str, Option<i128>); 17] = [
            ("1.005", Some(101)),
            ("1.004", Some(100)),
            ("-1.005", Some(-101)),
            ("0.005", Some(1)),
            ("0.0049", Some(0)),
            ("0.0005", Some(0)),
            ("12", Some(1200)),
            ("1.2e1", Some(1200)),
            ("12e-3", Some(1)),
            ("+.5", Some(50)),
            ("5.", Some(500)),
            ("0e999999999", Some(0)),
            ("99999.99", None),
            ("9999.995", None),
            ("1e999999999", None),
            (".", None),
            ("1x", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_decimal(text.as_bytes(), 6, 2), expected, "{text}");
        }
    }
}
