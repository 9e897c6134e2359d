//! The arithmetic operations, and the types that they take and give.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, plan_err};

use super::decimal_types::{DecimalType, result_type};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Operation {
    Add,
    Subtract,
    Multiply,
    Divide,
    /// `DIV`: the whole part of a quotient.
    IntegralDivide,
    Remainder,
    /// `pmod`: the remainder with the sign of the divisor's absolute value.
    PositiveRemainder,
}

impl Operation {
    pub(crate) const ALL: [Self; 7] = [
        Self::Add,
        Self::Subtract,
        Self::Multiply,
        Self::Divide,
        Self::IntegralDivide,
        Self::Remainder,
        Self::PositiveRemainder,
    ];

    pub(crate) const fn symbol(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::IntegralDivide => "DIV",
            Self::Remainder => "%",
            Self::PositiveRemainder => "pmod",
        }
    }

    /// The name of the function that fails where the operation has no result.
    pub(crate) const fn checked_name(self) -> &'static str {
        match self {
            Self::Add => "checked_add",
            Self::Subtract => "checked_subtract",
            Self::Multiply => "checked_multiply",
            Self::Divide => "checked_divide",
            Self::IntegralDivide => "div",
            Self::Remainder => "mod",
            Self::PositiveRemainder => "pmod",
        }
    }

    /// The name of the function that gives NULL there.
    pub(crate) const fn try_name(self) -> &'static str {
        match self {
            Self::Add => "try_add",
            Self::Subtract => "try_subtract",
            Self::Multiply => "try_multiply",
            Self::Divide => "try_divide",
            Self::IntegralDivide => "try_div",
            Self::Remainder => "try_mod",
            Self::PositiveRemainder => "try_pmod",
        }
    }

    pub(crate) const fn divides(self) -> bool {
        matches!(
            self,
            Self::Divide | Self::IntegralDivide | Self::Remainder | Self::PositiveRemainder
        )
    }

    /// The types that the operands are cast to.
    ///
    /// # Errors
    /// When the operation is not defined for the types.
    pub(crate) fn operand_types(self, left: &DataType, right: &DataType) -> Result<[DataType; 2]> {
        let Some(kind) = common_kind(left, right) else {
            return plan_err!(
                "`{}` is not defined for {left} and {right}; cast them to numbers",
                self.symbol()
            );
        };
        Ok(match (self, kind) {
            (Self::Divide, NumberKind::Integer(_) | NumberKind::Float(_)) => {
                [DataType::Float64, DataType::Float64]
            }
            (Self::IntegralDivide, NumberKind::Integer(_)) => [DataType::Int64, DataType::Int64],
            (Self::IntegralDivide, NumberKind::Float(_)) => {
                return plan_err!(
                    "`DIV` is not defined for {left} and {right}; \
                     write CAST(a / b AS BIGINT), or cast them to BIGINT"
                );
            }
            (_, NumberKind::Integer(common) | NumberKind::Float(common)) => {
                [common.clone(), common]
            }
            (_, NumberKind::Decimal(left, right)) => [left.data_type(), right.data_type()],
        })
    }

    /// The type of the result for operands of the types of
    /// [`Self::operand_types`].
    ///
    /// # Errors
    /// When they are not such types.
    pub(crate) fn result_type(self, left: &DataType, right: &DataType) -> Result<DataType> {
        if self == Self::IntegralDivide {
            return Ok(DataType::Int64);
        }
        match (
            DecimalType::from_data_type(left),
            DecimalType::from_data_type(right),
        ) {
            (Some(left), Some(right)) => Ok(result_type(self, left, right).data_type()),
            (None, None) if left == right => Ok(left.clone()),
            _ => plan_err!("`{}` is not defined for {left} and {right}", self.symbol()),
        }
    }
}

enum NumberKind {
    Integer(DataType),
    Float(DataType),
    Decimal(DecimalType, DecimalType),
}

/// What both operands become.
fn common_kind(left: &DataType, right: &DataType) -> Option<NumberKind> {
    match (left.is_null(), right.is_null()) {
        (true, true) => return Some(NumberKind::Integer(DataType::Int32)),
        (true, false) => return common_kind(right, right),
        (false, true) => return common_kind(left, left),
        (false, false) => {}
    }
    // Text next to an integer is read as BIGINT, next to another number as
    // DOUBLE.
    let (left, right) = match (is_text(left), is_text(right)) {
        (true, true) => return None,
        (true, false) => (read_as(right)?, right.clone()),
        (false, true) => (left.clone(), read_as(left)?),
        (false, false) => (left.clone(), right.clone()),
    };
    if !left.is_numeric() || !right.is_numeric() {
        return None;
    }
    if left.is_floating() || right.is_floating() {
        let narrow = left == right && left != DataType::Float16;
        return Some(NumberKind::Float(if narrow {
            left
        } else {
            DataType::Float64
        }));
    }
    match (
        DecimalType::from_data_type(&left),
        DecimalType::from_data_type(&right),
    ) {
        (None, None) => {
            if !left.is_integer() || !right.is_integer() {
                return None;
            }
            let rank = integer_rank(&left).max(integer_rank(&right));
            Some(NumberKind::Integer(match rank {
                0 => DataType::Int8,
                1 => DataType::Int16,
                2 => DataType::Int32,
                _ => DataType::Int64,
            }))
        }
        (left_decimal, right_decimal) => Some(NumberKind::Decimal(
            left_decimal.or_else(|| DecimalType::of_integer(&left))?,
            right_decimal.or_else(|| DecimalType::of_integer(&right))?,
        )),
    }
}

fn is_text(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
    )
}

fn read_as(other: &DataType) -> Option<DataType> {
    if other.is_integer() {
        Some(DataType::Int64)
    } else if other.is_numeric() {
        Some(DataType::Float64)
    } else {
        None
    }
}

/// The signed type that holds the values: 0 for 8 bits, up to 3 for 64.
fn integer_rank(data_type: &DataType) -> u8 {
    match data_type {
        DataType::Int8 => 0,
        DataType::Int16 | DataType::UInt8 => 1,
        DataType::Int32 | DataType::UInt16 => 2,
        _ => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types(
        operation: Operation,
        left: DataType,
        right: DataType,
    ) -> (DataType, DataType, DataType) {
        let [l, r] = operation.operand_types(&left, &right).unwrap();
        let result = operation.result_type(&l, &r).unwrap();
        (l, r, result)
    }

    #[test]
    fn operands_become_the_wider_type() {
        use DataType::{Decimal128, Float32, Float64, Int8, Int16, Int32, Int64, Utf8};
        assert_eq!(types(Operation::Add, Int8, Int16), (Int16, Int16, Int16));
        assert_eq!(types(Operation::Add, Int32, Int32), (Int32, Int32, Int32));
        assert_eq!(
            types(Operation::Divide, Int32, Int64),
            (Float64, Float64, Float64)
        );
        assert_eq!(
            types(Operation::Add, Int32, Float32),
            (Float64, Float64, Float64)
        );
        assert_eq!(
            types(Operation::Multiply, Float32, Float32),
            (Float32, Float32, Float32)
        );
        assert_eq!(
            types(Operation::Multiply, Int32, Decimal128(10, 2)),
            (Decimal128(10, 0), Decimal128(10, 2), Decimal128(21, 2))
        );
        assert_eq!(
            types(Operation::Add, Decimal128(10, 2), Float64),
            (Float64, Float64, Float64)
        );
        assert_eq!(types(Operation::Add, Utf8, Int32), (Int64, Int64, Int64));
        assert_eq!(
            types(Operation::Add, Utf8, Decimal128(5, 1)),
            (Float64, Float64, Float64)
        );
        assert_eq!(
            types(Operation::IntegralDivide, Decimal128(5, 1), Int32),
            (Decimal128(5, 1), Decimal128(10, 0), Int64)
        );
    }

    #[test]
    fn other_types_are_refused() {
        assert!(
            Operation::Add
                .operand_types(&DataType::Utf8, &DataType::Utf8)
                .is_err()
        );
        assert!(
            Operation::Add
                .operand_types(&DataType::Boolean, &DataType::Int32)
                .is_err()
        );
        assert!(
            Operation::IntegralDivide
                .operand_types(&DataType::Float64, &DataType::Int32)
                .is_err()
        );
    }
}
