//! Precision and scale of decimal results, by Spark's rules
//! (`spark.sql.decimalOperations.allowPrecisionLoss` = true).

use datafusion::arrow::datatypes::DataType;

use super::operation::Operation;

/// The most digits of a decimal.
pub(crate) const MAX_PRECISION: u8 = 38;
/// Digits after the point that are kept when a result has more than 38 digits.
const MIN_ADJUSTED_SCALE: i16 = 6;

/// The digits of a decimal type: `precision` in all, `scale` after the point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct DecimalType {
    pub(crate) precision: u8,
    pub(crate) scale: i8,
}

impl DecimalType {
    pub(crate) const fn new(precision: u8, scale: i8) -> Self {
        Self { precision, scale }
    }

    pub(crate) const fn data_type(self) -> DataType {
        DataType::Decimal128(self.precision, self.scale)
    }

    /// The type of `data_type`, if it is a decimal of up to 38 digits.
    pub(crate) fn from_data_type(data_type: &DataType) -> Option<Self> {
        match data_type {
            DataType::Decimal32(precision, scale)
            | DataType::Decimal64(precision, scale)
            | DataType::Decimal128(precision, scale) => Some(Self::new(*precision, *scale)),
            _ => None,
        }
    }

    /// The decimal that holds every value of an integer type.
    pub(crate) fn of_integer(data_type: &DataType) -> Option<Self> {
        let precision = match data_type {
            DataType::Int8 => 3,
            DataType::Int16 | DataType::UInt8 => 5,
            DataType::Int32 | DataType::UInt16 => 10,
            DataType::Int64 | DataType::UInt32 | DataType::UInt64 => 20,
            _ => return None,
        };
        Some(Self::new(precision, 0))
    }

    /// Cuts a type to 38 digits: digits before the point are kept, those after
    /// it down to six.
    pub(crate) fn adjust(precision: i16, scale: i16) -> Self {
        let max = i16::from(MAX_PRECISION);
        let (precision, scale) = if precision <= max {
            (precision, scale)
        } else {
            let integer_digits = precision - scale;
            let least = scale.min(MIN_ADJUSTED_SCALE);
            (max, (max - integer_digits).max(least))
        };
        Self::new(
            u8::try_from(precision).unwrap_or(MAX_PRECISION),
            i8::try_from(scale).unwrap_or(0),
        )
    }
}

/// The digits that the exact result of `operation` can have; possibly more than
/// 38.
pub(crate) fn exact_digits(
    operation: Operation,
    left: DecimalType,
    right: DecimalType,
) -> (i16, i16) {
    let (p1, s1) = (i16::from(left.precision), i16::from(left.scale));
    let (p2, s2) = (i16::from(right.precision), i16::from(right.scale));
    match operation {
        Operation::Add | Operation::Subtract => {
            let scale = s1.max(s2);
            ((p1 - s1).max(p2 - s2) + scale + 1, scale)
        }
        Operation::Multiply => (p1 + p2 + 1, s1 + s2),
        Operation::Divide => {
            let scale = (s1 + p2 + 1).max(MIN_ADJUSTED_SCALE);
            (p1 - s1 + s2 + scale, scale)
        }
        Operation::Remainder | Operation::PositiveRemainder | Operation::IntegralDivide => {
            let scale = s1.max(s2);
            ((p1 - s1).min(p2 - s2) + scale, scale)
        }
    }
}

/// The type of the result of `operation`.
pub(crate) fn result_type(
    operation: Operation,
    left: DecimalType,
    right: DecimalType,
) -> DecimalType {
    let (precision, scale) = exact_digits(operation, left, right);
    DecimalType::adjust(precision, scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(operation: Operation, left: (u8, i8), right: (u8, i8)) -> (u8, i8) {
        let result = result_type(
            operation,
            DecimalType::new(left.0, left.1),
            DecimalType::new(right.0, right.1),
        );
        (result.precision, result.scale)
    }

    #[test]
    fn types_are_those_of_spark() {
        assert_eq!(result(Operation::Add, (10, 2), (10, 2)), (11, 2));
        assert_eq!(result(Operation::Multiply, (10, 2), (10, 2)), (21, 4));
        assert_eq!(result(Operation::Divide, (2, 1), (2, 1)), (8, 6));
        assert_eq!(result(Operation::Divide, (20, 2), (10, 0)), (31, 13));
        assert_eq!(result(Operation::Remainder, (10, 2), (5, 3)), (5, 3));
        // More than 38 digits: those after the point are cut, down to six.
        assert_eq!(result(Operation::Add, (38, 10), (38, 10)), (38, 9));
        assert_eq!(result(Operation::Multiply, (38, 10), (38, 10)), (38, 6));
        assert_eq!(result(Operation::Divide, (38, 20), (38, 0)), (38, 20));
        assert_eq!(result(Operation::Divide, (38, 10), (38, 20)), (38, 6));
    }
}
