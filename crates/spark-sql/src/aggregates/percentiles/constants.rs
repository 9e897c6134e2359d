//! The arguments of percentiles that must be constants.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, Float64Type};
use datafusion::common::utils::SingleRowListArrayBuilder;
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::function::AccumulatorArgs;

use super::super::constant_arguments::read_constant;

/// Which percentiles are asked for.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Percentages {
    One(f64),
    /// An array of them gives an array.
    Several(Vec<f64>),
}

impl Percentages {
    /// The constant that is the argument at a position.
    pub(super) fn read(function: &str, args: &AccumulatorArgs, at: usize) -> Result<Self> {
        let value = read_constant(function, "percentage", args, at)?;
        let percentages = match value.data_type() {
            DataType::List(_) => {
                let values = cast(&value.as_list::<i32>().value(0), &DataType::Float64)?;
                let values = values.as_primitive::<Float64Type>();
                Self::Several(values.iter().flatten().collect())
            }
            _ => {
                let value = cast(&value, &DataType::Float64)?;
                Self::One(value.as_primitive::<Float64Type>().value(0))
            }
        };
        if percentages
            .values()
            .iter()
            .all(|value| (0.0..=1.0).contains(value))
        {
            return Ok(percentages);
        }
        plan_err!("the percentages of '{function}' must be between 0 and 1")
    }

    pub(super) fn values(&self) -> &[f64] {
        match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::Several(values) => values,
        }
    }

    /// The result, of `values` in the order of the percentages; `None` is NULL.
    pub(super) fn result(
        &self,
        values: Option<ArrayRef>,
        value_type: &DataType,
    ) -> Result<ScalarValue> {
        match (self, values) {
            (Self::One(_), Some(values)) => ScalarValue::try_from_array(&values, 0),
            (Self::Several(_), Some(values)) => {
                Ok(SingleRowListArrayBuilder::new(values).build_list_scalar())
            }
            (_, None) => ScalarValue::try_from(&self.result_type(value_type)),
        }
    }

    fn result_type(&self, value_type: &DataType) -> DataType {
        match self {
            Self::One(_) => value_type.clone(),
            Self::Several(_) => list_type(value_type.clone()),
        }
    }
}

pub(super) fn list_type(item: DataType) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(item, true)))
}
