//! Integer operations that notice overflow.

use datafusion::arrow::array::ArrowPrimitiveType;

use super::kernel::{Computed, Operand, compute};
use super::operation::Operation;

/// An integer whose operations say whether they overflow.
pub(crate) trait CheckedInteger: Copy {
    fn add_checked(self, other: Self) -> (Self, bool);
    fn subtract_checked(self, other: Self) -> (Self, bool);
    fn multiply_checked(self, other: Self) -> (Self, bool);
    /// The whole part of the quotient; the flag is set for a divisor of zero, too.
    fn divide_checked(self, other: Self) -> (Self, bool);
    fn remainder_checked(self, other: Self) -> (Self, bool);
    fn positive_remainder_checked(self, other: Self) -> (Self, bool);
}

macro_rules! checked_integer {
    ($($native:ty),*) => {$(
        impl CheckedInteger for $native {
            #[inline]
            fn add_checked(self, other: Self) -> (Self, bool) {
                self.overflowing_add(other)
            }

            #[inline]
            fn subtract_checked(self, other: Self) -> (Self, bool) {
                self.overflowing_sub(other)
            }

            #[inline]
            fn multiply_checked(self, other: Self) -> (Self, bool) {
                self.overflowing_mul(other)
            }

            #[inline]
            fn divide_checked(self, other: Self) -> (Self, bool) {
                match self.checked_div(other) {
                    Some(value) => (value, false),
                    None => (0, true),
                }
            }

            #[inline]
            fn remainder_checked(self, other: Self) -> (Self, bool) {
                if other == 0 {
                    (0, true)
                } else {
                    (self.wrapping_rem(other), false)
                }
            }

            #[inline]
            fn positive_remainder_checked(self, other: Self) -> (Self, bool) {
                match self.remainder_checked(other) {
                    (rest, false) if rest < 0 => (rest.wrapping_add(other).wrapping_rem(other), false),
                    rest => rest,
                }
            }
        }
    )*};
}

checked_integer!(i8, i16, i32, i64);

/// Applies `operation` to integers of one type.
pub(crate) fn compute_integers<T>(
    operation: Operation,
    left: &Operand<T>,
    right: &Operand<T>,
    rows: usize,
) -> Computed<T>
where
    T: ArrowPrimitiveType,
    T::Native: CheckedInteger,
{
    match operation {
        Operation::Add => compute(left, right, rows, T::Native::add_checked),
        Operation::Subtract => compute(left, right, rows, T::Native::subtract_checked),
        Operation::Multiply => compute(left, right, rows, T::Native::multiply_checked),
        // The quotient of integers is a double; only `DIV` comes here.
        Operation::Divide | Operation::IntegralDivide => {
            compute(left, right, rows, T::Native::divide_checked)
        }
        Operation::Remainder => compute(left, right, rows, T::Native::remainder_checked),
        Operation::PositiveRemainder => {
            compute(left, right, rows, T::Native::positive_remainder_checked)
        }
    }
}
