//! Arguments of aggregates that must be constants.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type, Schema};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::function::AccumulatorArgs;

/// A whole number that is not less than `least`.
pub(super) fn read_whole_number(
    function: &str,
    what: &str,
    args: &AccumulatorArgs,
    at: usize,
    least: i64,
) -> Result<i64> {
    let value = read_constant(function, what, args, at)?;
    let value = cast(&value, &DataType::Int64)?;
    match value.as_primitive::<Int64Type>().value(0) {
        number if number >= least => Ok(number),
        number => {
            plan_err!("the {what} of '{function}' must not be less than {least}, and is {number}")
        }
    }
}

/// An array with the only value of an argument.
pub(super) fn read_constant(
    function: &str,
    what: &str,
    args: &AccumulatorArgs,
    at: usize,
) -> Result<ArrayRef> {
    let options = RecordBatchOptions::new().with_row_count(Some(1));
    let row = RecordBatch::try_new_with_options(Arc::new(Schema::empty()), Vec::new(), &options)?;
    let value = match args.exprs.get(at).map(|expr| expr.evaluate(&row)) {
        Some(Ok(value)) => value.into_array(1)?,
        _ => return plan_err!("the {what} of '{function}' must be a constant"),
    };
    if value.is_null(0) {
        return plan_err!("the {what} of '{function}' must not be NULL");
    }
    Ok(value)
}
