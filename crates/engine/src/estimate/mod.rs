//! Estimates how many rows a logical plan has, and how many distinct values its
//! columns, from the statistics of the tables that it reads.
//!
//! Estimates choose between plans that have the same rows. They never decide what
//! those rows are.

mod plan;
mod selectivity;
mod tables;

#[cfg(test)]
mod tests;

use datafusion::arrow::datatypes::{DataType, Fields};
use datafusion::common::ScalarValue;

pub(crate) use plan::{anti_share, estimate_plan};
pub(crate) use selectivity::estimate_selectivity;
pub(crate) use tables::{TableStatistics, read_table_statistics};

/// What is expected of the rows of a plan.
#[derive(Debug, Clone, Default)]
pub(crate) struct PlanEstimate {
    /// Not known when the size of a table is not.
    pub(crate) rows: Option<f64>,
    /// The rows before the filters at the top of the plan.
    pub(crate) base_rows: Option<f64>,
    /// One for each column of the plan.
    pub(crate) columns: Vec<ColumnEstimate>,
}

/// What is expected of a column before any filter.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct ColumnEstimate {
    /// The number of distinct values.
    pub(crate) distinct: Option<f64>,
    /// The smallest and the largest value as numbers, for types that have an
    /// order of numbers.
    pub(crate) bounds: Option<(f64, f64)>,
    /// The share of NULLs.
    pub(crate) null_share: Option<f64>,
}

/// A value as a number whose differences mean the same over the whole type.
pub(crate) fn number_of(value: &ScalarValue) -> Option<f64> {
    let number = match value {
        ScalarValue::Boolean(value) => f64::from(u8::from((*value)?)),
        ScalarValue::Int8(value) => f64::from((*value)?),
        ScalarValue::Int16(value) => f64::from((*value)?),
        ScalarValue::Int32(value) | ScalarValue::Date32(value) => f64::from((*value)?),
        ScalarValue::Int64(value)
        | ScalarValue::Date64(value)
        | ScalarValue::TimestampSecond(value, _)
        | ScalarValue::TimestampMillisecond(value, _)
        | ScalarValue::TimestampMicrosecond(value, _)
        | ScalarValue::TimestampNanosecond(value, _) => (*value)? as f64,
        ScalarValue::UInt8(value) => f64::from((*value)?),
        ScalarValue::UInt16(value) => f64::from((*value)?),
        ScalarValue::UInt32(value) => f64::from((*value)?),
        ScalarValue::UInt64(value) => (*value)? as f64,
        ScalarValue::Float32(value) => f64::from((*value)?),
        ScalarValue::Float64(value) => (*value)?,
        ScalarValue::Decimal128(value, _, scale) => {
            (*value)? as f64 / 10f64.powi(i32::from(*scale))
        }
        _ => return None,
    };
    number.is_finite().then_some(number)
}

/// The largest number of distinct values between two bounds; not known for types
/// whose values can be arbitrarily close.
pub(crate) fn values_between(data_type: &DataType, bounds: (f64, f64)) -> Option<f64> {
    let step = match data_type {
        DataType::Decimal128(_, scale) => 10f64.powi(-i32::from(*scale)),
        DataType::Boolean | DataType::Date32 => 1.0,
        other if other.is_integer() => 1.0,
        _ => return None,
    };
    Some(((bounds.1 - bounds.0) / step + 1.0).max(1.0))
}

/// The estimated bytes of a row in memory.
pub(crate) fn row_width(fields: &Fields) -> f64 {
    fields
        .iter()
        .map(|field| match field.data_type().primitive_width() {
            Some(width) => width as f64,
            None if field.data_type() == &DataType::Boolean => 1.0,
            None if field.data_type().is_nested() => 64.0,
            None => 24.0,
        })
        .sum::<f64>()
        .max(1.0)
}
