//! Whether a JSON value is one of a type: with `FAILFAST` one that is not is an error.

use datafusion::arrow::datatypes::{DataType, Fields};

use super::from_json::{Reading, decimal_value, special_float};
use super::value::Json;

/// Whether `value` and all values in it have the type `target`.
pub(super) fn value_fits(value: &Json, target: &DataType, reading: &Reading) -> bool {
    use DataType as T;
    match (target, value) {
        (_, Json::Null) | (T::Utf8, _) => true,
        (T::Int8, Json::Number(number)) => number.parse::<i8>().is_ok(),
        (T::Int16, Json::Number(number)) => number.parse::<i16>().is_ok(),
        (T::Int32, Json::Number(number)) => number.parse::<i32>().is_ok(),
        (T::Int64, Json::Number(number)) => number.parse::<i64>().is_ok(),
        (T::Float32 | T::Float64, Json::Number(_)) => true,
        (T::Float32 | T::Float64, Json::Text(text)) => special_float(text).is_some(),
        (T::Decimal128(..), value) => decimal_value(value, target).is_some(),
        (T::Boolean, Json::Boolean(_)) => true,
        (T::Date32, Json::Text(text)) => reading.date(text).is_some(),
        (T::Timestamp(..), Json::Text(text)) => reading.timestamp(text).is_some(),
        (T::Timestamp(..), Json::Number(number)) => number.parse::<i64>().is_ok(),
        (T::Struct(fields), Json::Object(given)) => object_fits(given, fields, reading),
        (T::List(element), Json::Array(values)) => values
            .iter()
            .all(|value| value_fits(value, element.data_type(), reading)),
        (T::Map(entries, _), Json::Object(given)) => match entries.data_type() {
            T::Struct(fields) => fields.get(1).is_some_and(|value_field| {
                given
                    .iter()
                    .all(|(_, value)| value_fits(value, value_field.data_type(), reading))
            }),
            _ => false,
        },
        _ => false,
    }
}

fn object_fits(given: &[(String, Json)], fields: &Fields, reading: &Reading) -> bool {
    fields.iter().all(|field| {
        given
            .iter()
            .filter(|(name, _)| name == field.name())
            .all(|(_, value)| value_fits(value, field.data_type(), reading))
    })
}

/// Whether a value of an array or a map becomes one of the type. An object becomes a
/// struct, of which only the fields that do not fit are NULL; one of the others makes the
/// whole array or map NULL, as in Spark.
fn is_convertible(value: &Json, target: &DataType, reading: &Reading) -> bool {
    use DataType as T;
    match (target, value) {
        (T::Struct(_), Json::Object(_)) => true,
        (T::List(element), Json::Array(values)) => {
            all_convertible(values.iter(), element.data_type(), reading)
        }
        (T::Map(entries, _), Json::Object(given)) => match entries.data_type() {
            T::Struct(fields) => fields.get(1).is_some_and(|field| {
                let values = given.iter().map(|(_, value)| value);
                all_convertible(values, field.data_type(), reading)
            }),
            _ => false,
        },
        _ => value_fits(value, target, reading),
    }
}

/// Whether each of the values is one that [`is_convertible`].
pub(super) fn all_convertible<'a>(
    mut values: impl Iterator<Item = &'a Json>,
    target: &DataType,
    reading: &Reading,
) -> bool {
    values.all(|value| is_convertible(value, target, reading))
}
