//! Decimal operations on unscaled values, exact to the result's scale and rounded
//! half up.

use datafusion::arrow::datatypes::{Decimal128Type, Int64Type, i256};

use super::decimal_types::{DecimalType, MAX_PRECISION, exact_digits};
use super::kernel::{Computed, Operand, compute};
use super::operation::Operation;

/// `10^exponent`, for up to 38 digits.
pub(crate) const fn power_of_ten(exponent: u32) -> i128 {
    10_i128.pow(exponent)
}

/// `10^exponent`, for up to 76 digits.
fn wide_power_of_ten(exponent: u32) -> i256 {
    if exponent <= 38 {
        return i256::from_i128(power_of_ten(exponent));
    }
    i256::from_i128(power_of_ten(38)).wrapping_mul(i256::from_i128(power_of_ten(exponent - 38)))
}

/// `value / divisor`, rounded half up (away from zero).
pub(crate) const fn divide_half_up(value: i128, divisor: i128) -> i128 {
    // Wrapping, because the values of NULL rows can be anything.
    let quotient = value.wrapping_div(divisor);
    let rest = value.wrapping_rem(divisor);
    // `rest` is smaller than `divisor`, and doubling it could overflow.
    if rest.unsigned_abs() >= divisor.unsigned_abs() - rest.unsigned_abs() {
        if (value < 0) == (divisor < 0) {
            quotient.wrapping_add(1)
        } else {
            quotient.wrapping_sub(1)
        }
    } else {
        quotient
    }
}

fn divide_half_up_wide(value: i256, divisor: i256) -> Option<i256> {
    let quotient = value.checked_div(divisor)?;
    let rest = value.checked_rem(divisor)?;
    let twice = rest.wrapping_abs().wrapping_add(rest.wrapping_abs());
    if twice < divisor.wrapping_abs() {
        return Some(quotient);
    }
    Some(if value.is_negative() == divisor.is_negative() {
        quotient.wrapping_add(i256::ONE)
    } else {
        quotient.wrapping_sub(i256::ONE)
    })
}

/// Whether `value` has at most `precision` digits.
pub(crate) const fn fits(value: i128, precision: u8) -> bool {
    value.unsigned_abs() < 10_u128.pow(precision as u32)
}

/// `value` as a result of `precision` digits, and whether it has more.
fn narrow(value: Option<i256>, precision: u8) -> (i128, bool) {
    match value.and_then(i256::to_i128) {
        Some(value) => (value, !fits(value, precision)),
        None => (0, true),
    }
}

/// The exponent of a difference of scales; zero if it is negative.
fn exponent(of: i16) -> u32 {
    u32::try_from(of).unwrap_or(0)
}

/// Applies `operation` to decimals of the types `left_type` and `right_type`.
pub(crate) fn compute_decimals(
    operation: Operation,
    left: &Operand<Decimal128Type>,
    left_type: DecimalType,
    right: &Operand<Decimal128Type>,
    right_type: DecimalType,
    rows: usize,
) -> Computed<Decimal128Type> {
    let (exact_precision, exact_scale) = exact_digits(operation, left_type, right_type);
    let result = DecimalType::adjust(exact_precision, exact_scale);
    // Nothing is cut off, and no value on the way has more than 38 digits.
    let is_narrow = exact_precision <= i16::from(MAX_PRECISION);
    match operation {
        Operation::Add | Operation::Subtract => {
            let scale_up = |scale: i8| exponent(exact_scale - i16::from(scale));
            let (up_left, up_right) = (scale_up(left_type.scale), scale_up(right_type.scale));
            let subtract = operation == Operation::Subtract;
            if is_narrow {
                let (up_left, up_right) = (power_of_ten(up_left), power_of_ten(up_right));
                return compute(left, right, rows, |l, r| {
                    let (l, r) = (l.wrapping_mul(up_left), r.wrapping_mul(up_right));
                    let value = if subtract {
                        l.wrapping_sub(r)
                    } else {
                        l.wrapping_add(r)
                    };
                    (value, false)
                });
            }
            let (up_left, up_right) = (wide_power_of_ten(up_left), wide_power_of_ten(up_right));
            let cut = wide_power_of_ten(exponent(exact_scale - i16::from(result.scale)));
            compute(left, right, rows, |l, r| {
                let l = i256::from_i128(l).wrapping_mul(up_left);
                let r = i256::from_i128(r).wrapping_mul(up_right);
                let value = if subtract {
                    l.wrapping_sub(r)
                } else {
                    l.wrapping_add(r)
                };
                narrow(divide_half_up_wide(value, cut), result.precision)
            })
        }
        Operation::Multiply => {
            if is_narrow {
                return compute(left, right, rows, |l, r| (l.wrapping_mul(r), false));
            }
            let cut = exponent(exact_scale - i16::from(result.scale));
            let (wide_cut, narrow_cut) = (wide_power_of_ten(cut), power_of_ten(cut.min(38)));
            if cut == 0 {
                return compute(left, right, rows, |l, r| match l.checked_mul(r) {
                    Some(value) => (value, !fits(value, result.precision)),
                    None => (0, true),
                });
            }
            compute(left, right, rows, |l, r| match l.checked_mul(r) {
                Some(value) if cut <= 38 => {
                    let value = divide_half_up(value, narrow_cut);
                    (value, !fits(value, result.precision))
                }
                _ => {
                    let value = i256::from_i128(l).wrapping_mul(i256::from_i128(r));
                    narrow(divide_half_up_wide(value, wide_cut), result.precision)
                }
            })
        }
        Operation::Divide => {
            let up =
                i16::from(result.scale) - i16::from(left_type.scale) + i16::from(right_type.scale);
            let up = exponent(up);
            if u32::from(left_type.precision) + up <= u32::from(MAX_PRECISION) {
                let up = power_of_ten(up);
                return compute(left, right, rows, |l, r| {
                    if r == 0 {
                        return (0, true);
                    }
                    let value = divide_half_up(l.wrapping_mul(up), r);
                    (value, !fits(value, result.precision))
                });
            }
            let up = wide_power_of_ten(up);
            compute(left, right, rows, |l, r| {
                let value = i256::from_i128(l)
                    .checked_mul(up)
                    .and_then(|value| divide_half_up_wide(value, i256::from_i128(r)));
                narrow(value, result.precision)
            })
        }
        Operation::Remainder | Operation::IntegralDivide => {
            let (up_left, up_right) = aligning_powers(left_type, right_type);
            compute(left, right, rows, |l, r| {
                let l = i256::from_i128(l).wrapping_mul(up_left);
                let r = i256::from_i128(r).wrapping_mul(up_right);
                narrow(l.checked_rem(r), result.precision)
            })
        }
        Operation::PositiveRemainder => {
            let (up_left, up_right) = aligning_powers(left_type, right_type);
            compute(left, right, rows, |l, r| {
                let l = i256::from_i128(l).wrapping_mul(up_left);
                let r = i256::from_i128(r).wrapping_mul(up_right);
                let rest = l.checked_rem(r).and_then(|rest| {
                    if rest.is_negative() {
                        rest.wrapping_add(r).checked_rem(r)
                    } else {
                        Some(rest)
                    }
                });
                narrow(rest, result.precision)
            })
        }
    }
}

/// The whole part of a quotient of decimals.
pub(crate) fn divide_decimals_integrally(
    left: &Operand<Decimal128Type>,
    left_type: DecimalType,
    right: &Operand<Decimal128Type>,
    right_type: DecimalType,
    rows: usize,
) -> Computed<Int64Type> {
    let (up_left, up_right) = aligning_powers(left_type, right_type);
    compute(left, right, rows, |l, r| {
        let l = i256::from_i128(l).wrapping_mul(up_left);
        let r = i256::from_i128(r).wrapping_mul(up_right);
        let quotient = l
            .checked_div(r)
            .and_then(i256::to_i128)
            .and_then(|quotient| i64::try_from(quotient).ok());
        (quotient.unwrap_or(0), quotient.is_none())
    })
}

/// The factors that give both the larger scale.
fn aligning_powers(left: DecimalType, right: DecimalType) -> (i256, i256) {
    let scale = i16::from(left.scale.max(right.scale));
    let power = |of: DecimalType| wide_power_of_ten(exponent(scale - i16::from(of.scale)));
    (power(left), power(right))
}

/// `value / divisor` as a decimal of the type `result`, rounded half up, where
/// `value` has the scale `scale` and `divisor` is whole; `None` if it does not
/// fit.
pub(crate) fn divide_to_scale(
    value: i128,
    scale: i8,
    divisor: i128,
    result: DecimalType,
) -> Option<i128> {
    let up = exponent(i16::from(result.scale) - i16::from(scale));
    let quotient = match value.checked_mul(power_of_ten(up)) {
        Some(value) => divide_half_up(value, divisor),
        None => {
            let value = i256::from_i128(value).checked_mul(wide_power_of_ten(up))?;
            divide_half_up_wide(value, i256::from_i128(divisor))?.to_i128()?
        }
    };
    fits(quotient, result.precision).then_some(quotient)
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::Decimal128Array;
    use proptest::prelude::*;

    use super::*;

    fn column(value: i128) -> Operand<Decimal128Type> {
        Operand::Column(Decimal128Array::from(vec![value]))
    }

    /// The result for one row: the unscaled value, or `None` if there is none.
    fn compute_one(
        operation: Operation,
        left: (i128, u8, i8),
        right: (i128, u8, i8),
    ) -> Option<i128> {
        let computed = compute_decimals(
            operation,
            &column(left.0),
            DecimalType::new(left.1, left.2),
            &column(right.0),
            DecimalType::new(right.1, right.2),
            1,
        );
        computed.failed.is_none().then(|| computed.values[0])
    }

    #[test]
    fn quotients_are_rounded_half_up() {
        // 2.00 / 3 = 0.6666666666666666667 as DECIMAL(23,13) of (10,2) and (10,0).
        let two_thirds = compute_one(Operation::Divide, (200, 10, 2), (3, 10, 0));
        assert_eq!(two_thirds, Some(6_666_666_666_667));
        let negative = compute_one(Operation::Divide, (-200, 10, 2), (3, 10, 0));
        assert_eq!(negative, Some(-6_666_666_666_667));
        assert_eq!(compute_one(Operation::Divide, (1, 10, 2), (0, 10, 0)), None);
        assert_eq!(divide_half_up(5, 10), 1);
        assert_eq!(divide_half_up(-5, 10), -1);
        assert_eq!(divide_half_up(4, 10), 0);
        assert_eq!(divide_half_up(5, -10), -1);
    }

    #[test]
    fn results_of_more_than_38_digits_are_cut_or_fail() {
        let large = 10_i128.pow(37);
        // 10^27 with ten digits after the point, squared, is 10^54.
        assert_eq!(
            compute_one(Operation::Multiply, (large, 38, 10), (large, 38, 10)),
            None
        );
        // 0.1 * 0.1 in the same types is 0.010000.
        let tenth = 10_i128.pow(9);
        assert_eq!(
            compute_one(Operation::Multiply, (tenth, 38, 10), (tenth, 38, 10)),
            Some(10_000)
        );
        let most = 10_i128.pow(38) - 1;
        assert_eq!(compute_one(Operation::Add, (most, 38, 0), (1, 38, 0)), None);
    }

    proptest! {
        #[test]
        fn wide_and_narrow_division_agree(value in -(10_i128.pow(37))..10_i128.pow(37), divisor in 1..10_i128.pow(18)) {
            let wide = divide_half_up_wide(i256::from_i128(value), i256::from_i128(divisor));
            prop_assert_eq!(wide.and_then(i256::to_i128), Some(divide_half_up(value, divisor)));
        }

        #[test]
        fn sums_are_exact(left in -999_999_i128..999_999, right in -999_999_i128..999_999) {
            // (6,2) + (6,4) has the scale 4.
            let sum = compute_one(Operation::Add, (left, 6, 2), (right, 6, 4));
            prop_assert_eq!(sum, Some(left * 100 + right));
        }
    }
}
