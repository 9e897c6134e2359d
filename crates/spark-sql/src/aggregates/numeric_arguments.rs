//! The types that aggregates of numbers cast their arguments to.

use datafusion::arrow::datatypes::{DataType, IntervalUnit};
use datafusion::common::{Result, plan_err};

use crate::arithmetic::DecimalType;
use crate::functions::is_interval;
use crate::types::sql_type_name;

/// One number becomes a DOUBLE; text is read as one, as in Spark.
pub(super) fn coerce_to_double(function: &str, types: &[DataType]) -> Result<Vec<DataType>> {
    types
        .iter()
        .map(|data_type| match numeric_class(data_type) {
            Some(_) => Ok(DataType::Float64),
            None => not_a_number(function, data_type),
        })
        .collect()
}

/// BIGINT, DOUBLE or a decimal, whichever holds the argument's values.
pub(super) fn coerce_to_widest(function: &str, types: &[DataType]) -> Result<Vec<DataType>> {
    let [data_type] = types else {
        return plan_err!("{function} takes one argument, and got {}", types.len());
    };
    match numeric_class(data_type) {
        Some(class) => Ok(vec![class]),
        None => not_a_number(function, data_type),
    }
}

/// As [`coerce_to_widest`], or an interval.
pub(super) fn coerce_to_total(function: &str, types: &[DataType]) -> Result<Vec<DataType>> {
    match types {
        [interval @ DataType::Duration(_)] => Ok(vec![interval.clone()]),
        [DataType::Interval(_)] => Ok(vec![DataType::Interval(IntervalUnit::MonthDayNano)]),
        _ => coerce_to_widest(function, types),
    }
}

/// An error for `sum(DISTINCT interval)` next to another distinct aggregate.
pub(super) fn refuse_distinct_intervals(
    function: &str,
    data_type: &DataType,
    is_distinct: bool,
) -> Result<()> {
    if is_distinct && is_interval(data_type) {
        return plan_err!(
            "{function}(DISTINCT …) of intervals is not supported next to another DISTINCT \
             aggregate; take the seconds of the intervals"
        );
    }
    Ok(())
}

fn not_a_number<T>(function: &str, data_type: &DataType) -> Result<T> {
    plan_err!(
        "{function} is not defined for {}; cast the argument to a number",
        sql_type_name(data_type)
    )
}

fn numeric_class(data_type: &DataType) -> Option<DataType> {
    if let Some(decimal) = DecimalType::from_data_type(data_type) {
        return Some(decimal.data_type());
    }
    match data_type {
        DataType::Null | DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            Some(DataType::Float64)
        }
        integer if integer.is_integer() => Some(DataType::Int64),
        float if float.is_floating() => Some(DataType::Float64),
        _ => None,
    }
}
