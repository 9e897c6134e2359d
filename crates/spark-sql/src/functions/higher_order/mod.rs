//! Functions that take functions: `transform(a, x -> …)` and its kin.
//!
//! DataFusion's own give a lambda one parameter and lack most of the names.

mod aggregate;
mod elements;
mod map_zip;
mod maps;
mod sort;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, UInt32Array};
use datafusion::arrow::compute::{cast, take_arrays};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, HigherOrderFunctionArgs, HigherOrderUDF, LambdaArgument, ValueOrLambda,
};

use crate::planning;

pub(crate) use self::sort::SORT_BY;

/// The functions of this folder.
pub(super) fn functions() -> Vec<Arc<HigherOrderUDF>> {
    elements::functions()
        .into_iter()
        .chain(maps::functions())
        .chain([aggregate::function(), map_zip::function(), sort::function()])
        .collect()
}

fn wrong_arguments(form: &str) -> DataFusionError {
    DataFusionError::Plan(format!("write {form}"))
}

/// The argument at a position, which must be a value.
fn value_at(args: &HigherOrderFunctionArgs, at: usize, form: &str) -> Result<ArrayRef> {
    match args.args.get(at) {
        Some(ValueOrLambda::Value(value)) => value.to_array(args.number_rows),
        _ => Err(wrong_arguments(form)),
    }
}

fn lambda_at<'a>(
    args: &'a HigherOrderFunctionArgs,
    at: usize,
    form: &str,
) -> Result<&'a LambdaArgument> {
    match args.args.get(at) {
        Some(ValueOrLambda::Lambda(lambda)) => Ok(lambda),
        _ => Err(wrong_arguments(form)),
    }
}

fn value_field<'a, L>(
    fields: &'a [ValueOrLambda<FieldRef, L>],
    at: usize,
    form: &str,
) -> Result<&'a FieldRef> {
    match fields.get(at) {
        Some(ValueOrLambda::Value(field)) => Ok(field),
        _ => Err(wrong_arguments(form)),
    }
}

fn lambda_field<'a>(
    fields: &'a [ValueOrLambda<FieldRef, FieldRef>],
    at: usize,
    form: &str,
) -> Result<&'a FieldRef> {
    match fields.get(at) {
        Some(ValueOrLambda::Lambda(field)) => Ok(field),
        _ => Err(wrong_arguments(form)),
    }
}

fn parameter(data_type: DataType) -> FieldRef {
    Arc::new(Field::new("", data_type, true))
}

/// Calls a lambda over `parameters`; `rows` has the row of each of their values.
fn call_lambda(
    lambda: &LambdaArgument,
    parameters: &[ArrayRef],
    rows: &UInt32Array,
    result: &DataType,
) -> Result<ArrayRef> {
    // A lambda is called often for one constant; `aggregate` does so for each element.
    planning::check_stop()?;
    let getters: Vec<Box<dyn Fn() -> Result<ArrayRef>>> = parameters
        .iter()
        .map(|array| {
            let array = Arc::clone(array);
            Box::new(move || Ok(Arc::clone(&array))) as Box<dyn Fn() -> Result<ArrayRef>>
        })
        .collect();
    let getters: Vec<&dyn Fn() -> Result<ArrayRef>> = getters.iter().map(AsRef::as_ref).collect();
    let value = lambda.evaluate(&getters, |captures| Ok(take_arrays(captures, rows, None)?))?;
    let array = match value {
        ColumnarValue::Array(array) => array,
        ColumnarValue::Scalar(value) => {
            planning::check_constant_bytes("lambda", value.size().saturating_mul(rows.len()))?;
            value.to_array_of_size(rows.len())?
        }
    };
    Ok(match array.data_type() == result {
        true => array,
        false => cast(&array, result)?,
    })
}
