//! Decimals from the text of numbers.

use crate::arithmetic::{DecimalType, divide_half_up, fits_digits, power_of_ten};

/// The unscaled value of the number in `text` as a decimal of the type `target`,
/// rounded half up; `None` if the text is no number or does not fit.
///
/// The text is a sign, digits with at most one point, and an exponent.
pub(crate) fn parse_decimal(text: &str, target: DecimalType) -> Option<i128> {
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (text.get(..at)?, text.get(at + 1..)?.parse::<i64>().ok()?),
        None => (text, 0),
    };
    let (negative, digits) = match mantissa.as_bytes().first()? {
        b'-' => (true, mantissa.get(1..)?),
        b'+' => (false, mantissa.get(1..)?),
        _ => (false, mantissa),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    // The value is `digits * 10^(exponent - fraction digits)`; the unscaled value
    // has `scale` digits more.
    let fraction_digits = i64::try_from(fraction.len()).ok()?;
    let shift = exponent
        .checked_sub(fraction_digits)?
        .checked_add(i64::from(target.scale))?;
    let value = shift_digits(whole.bytes().chain(fraction.bytes()), shift)?;
    let value = if negative { -value } else { value };
    fits_digits(value, target.precision).then_some(value)
}

/// The number of `digits` times `10^shift`, rounded half up; `None` if it has
/// more than 38 digits.
fn shift_digits(digits: impl Iterator<Item = u8>, shift: i64) -> Option<i128> {
    let digits: Vec<u8> = digits.skip_while(|digit| *digit == b'0').collect();
    if digits.is_empty() {
        return Some(0);
    }
    let kept = i64::try_from(digits.len())
        .ok()?
        .checked_add(shift.min(0))?;
    if kept < 0 {
        return Some(0);
    }
    let kept = usize::try_from(kept).ok()?;
    if kept > 38 {
        return None;
    }
    let number = |digits: &[u8]| {
        digits.iter().fold(0_i128, |number, digit| {
            number * 10 + i128::from(digit - b'0')
        })
    };
    let value = number(digits.get(..kept)?);
    if shift >= 0 {
        let shift = u32::try_from(shift).ok().filter(|shift| *shift <= 38)?;
        return value.checked_mul(power_of_ten(shift));
    }
    let round_up = digits.get(kept).is_some_and(|digit| *digit >= b'5');
    Some(value + i128::from(round_up))
}

/// The unscaled value `value` of the scale `from`, at the scale `to`, rounded
/// half up.
pub(super) fn change_scale(value: i128, from: i8, to: i8) -> Option<i128> {
    let by = i16::from(to) - i16::from(from);
    let power = power_of_ten(u32::from(by.unsigned_abs()).min(38));
    if by >= 0 {
        value.checked_mul(power)
    } else {
        Some(divide_half_up(value, power))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, precision: u8, scale: i8) -> Option<i128> {
        parse_decimal(text, DecimalType::new(precision, scale))
    }

    #[test]
    fn text_becomes_a_decimal_rounded_half_up() {
        assert_eq!(parse("3.99", 10, 1), Some(40));
        assert_eq!(parse("2.345", 10, 2), Some(235));
        assert_eq!(parse("-2.345", 10, 2), Some(-235));
        assert_eq!(parse("1e3", 10, 1), Some(10_000));
        assert_eq!(parse("1.5E-2", 10, 3), Some(15));
        assert_eq!(parse(".5", 10, 0), Some(1));
        assert_eq!(parse("5.", 10, 0), Some(5));
        assert_eq!(parse("0.04", 10, 0), Some(0));
        assert_eq!(parse("1e-400", 10, 2), Some(0));
        assert_eq!(parse("0e400", 10, 2), Some(0));
        assert_eq!(parse(&"9".repeat(38), 38, 0), Some(10_i128.pow(38) - 1));
    }

    #[test]
    fn other_text_and_long_numbers_are_none() {
        for text in [
            "", "-", ".", "1.2.3", "1e", "e5", "0x1", "1 000", "abc", "１",
        ] {
            assert_eq!(parse(text, 10, 2), None, "{text}");
        }
        assert_eq!(parse("1000", 5, 2), None);
        assert_eq!(parse("999.995", 5, 2), None);
        assert_eq!(parse("1e400", 38, 0), None);
        assert_eq!(parse(&"9".repeat(39), 38, 0), None);
    }
}
