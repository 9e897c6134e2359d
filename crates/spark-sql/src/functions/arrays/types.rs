//! The type that values of several types have in common.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::type_coercion::binary::comparison_coercion;

/// The type to which all of `types` are cast.
pub(crate) fn common_type(types: &[DataType]) -> Result<DataType> {
    let mut common = DataType::Null;
    for given in types {
        common = common_of_two(&common, given).ok_or_else(|| {
            DataFusionError::Plan(format!(
                "values of type {common} and of type {given} have no type in common; CAST one \
                 of them"
            ))
        })?;
    }
    Ok(common)
}

fn common_of_two(left: &DataType, right: &DataType) -> Option<DataType> {
    use DataType as T;
    match (left, right) {
        _ if left == right => Some(left.clone()),
        (T::Null, other) | (other, T::Null) => Some(other.clone()),
        (T::List(left), T::List(right)) => {
            let element = common_of_two(left.data_type(), right.data_type())?;
            Some(super::super::kinds::array_type(element))
        }
        (T::Struct(left), T::Struct(right)) if left.len() == right.len() => {
            let fields: Option<Vec<Field>> = left
                .iter()
                .zip(right)
                .map(|(l, r)| {
                    let common = common_of_two(l.data_type(), r.data_type())?;
                    let nullable = l.is_nullable() || r.is_nullable();
                    Some(Field::new(l.name(), common, nullable))
                })
                .collect();
            Some(T::Struct(fields?.into()))
        }
        (T::Map(left, sorted), T::Map(right, _)) => {
            let entries = common_of_two(left.data_type(), right.data_type())?;
            let field = left.as_ref().clone().with_data_type(entries);
            Some(T::Map(Arc::new(field), *sorted))
        }
        // DataFusion would write the number as text.
        (T::Utf8, number) | (number, T::Utf8) if number.is_integer() => Some(T::Int64),
        (T::Utf8, number) | (number, T::Utf8) if number.is_numeric() => Some(T::Float64),
        (T::Utf8, other @ (T::Boolean | T::Date32 | T::Timestamp(..)))
        | (other @ (T::Boolean | T::Date32 | T::Timestamp(..)), T::Utf8) => Some(other.clone()),
        // DataFusion would make a decimal of the float, or a FLOAT of the whole number.
        (other, float) | (float, other)
            if float.is_floating() && (other.is_decimal() || other.is_integer()) =>
        {
            Some(T::Float64)
        }
        _ => comparison_coercion(left, right).map(|t| super::super::kinds::plain_type(&t)),
    }
}
