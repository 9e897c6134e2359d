//! Values as text.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, PrimitiveArray, StringArray, StringBuilder,
};
use datafusion::arrow::compute::{CastOptions, cast, cast_with_options};
use datafusion::arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, DurationMicrosecondType, Float32Type, Float64Type,
    TimeUnit,
};
use datafusion::common::{Result, plan_err};

use super::float_text::{JavaText, write_float};
use crate::functions::{Zone, format_date, format_interval, format_local_time, local_micros};

/// The texts of the values of `array`; instants are shown by the clocks of `zone`.
pub(crate) fn write_texts(array: &ArrayRef, zone: &Zone) -> Result<StringArray> {
    Ok(match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().clone(),
        DataType::Float32 => write_floats(array.as_primitive::<Float32Type>()),
        DataType::Float64 => write_floats(array.as_primitive::<Float64Type>()),
        DataType::Date32 => array
            .as_primitive::<Date32Type>()
            .iter()
            .map(|days| days.map(|days| format_date(days.into())))
            .collect(),
        DataType::Timestamp(..) => local_micros(array, zone)?
            .iter()
            .map(|micros| micros.map(format_local_time))
            .collect(),
        DataType::Duration(unit) => {
            let micros = cast(array, &DataType::Duration(TimeUnit::Microsecond))?;
            // Only the difference of two dates counts in seconds.
            let whole_days = *unit == TimeUnit::Second;
            micros
                .as_primitive::<DurationMicrosecondType>()
                .iter()
                .map(|micros| micros.map(|micros| format_interval(micros, whole_days)))
                .collect()
        }
        DataType::Interval(_) => {
            return plan_err!(
                "the text of an interval is not known here; write its parts, such as extract(DAY FROM i)"
            );
        }
        DataType::Binary => array
            .as_binary::<i32>()
            .iter()
            .map(|bytes| bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned()))
            .collect(),
        DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            return write_texts(&cast(array, &DataType::Binary)?, zone);
        }
        DataType::List(_) => {
            let lists = array.as_list::<i32>();
            write_nested(array.len(), array, |row, text| {
                write_items(&lists.value(row), zone, text)
            })?
        }
        DataType::Struct(_) => {
            let columns = array.as_struct().columns();
            let columns: Vec<StringArray> = columns
                .iter()
                .map(|column| write_texts(column, zone))
                .collect::<Result<_>>()?;
            write_nested(array.len(), array, |row, text| {
                let fields = columns.iter().map(|column| value_or_null(column, row));
                join_between(text, '{', fields, '}');
                Ok(())
            })?
        }
        DataType::Map(..) => {
            let maps = array.as_map();
            write_nested(array.len(), array, |row, text| {
                let entries = maps.value(row);
                let [keys, values] = entries.columns() else {
                    return datafusion::common::internal_err!("a map without keys and values");
                };
                let (keys, values) = (write_texts(keys, zone)?, write_texts(values, zone)?);
                let entries = (0..keys.len()).map(|entry| {
                    format!(
                        "{} -> {}",
                        value_or_null(&keys, entry),
                        value_or_null(&values, entry)
                    )
                });
                join_between(text, '{', entries, '}');
                Ok(())
            })?
        }
        _ => {
            let options = CastOptions {
                safe: false,
                ..CastOptions::default()
            };
            let text = cast_with_options(array, &DataType::Utf8, &options)?;
            text.as_string::<i32>().clone()
        }
    })
}

fn value_or_null(texts: &StringArray, row: usize) -> String {
    if texts.is_null(row) {
        "null".to_owned()
    } else {
        texts.value(row).to_owned()
    }
}

fn join_between(text: &mut String, open: char, parts: impl Iterator<Item = String>, close: char) {
    text.push(open);
    for (at, part) in parts.enumerate() {
        if at > 0 {
            text.push_str(", ");
        }
        text.push_str(&part);
    }
    text.push(close);
}

fn write_items(items: &ArrayRef, zone: &Zone, text: &mut String) -> Result<()> {
    let items = write_texts(items, zone)?;
    let parts = (0..items.len()).map(|item| value_or_null(&items, item));
    join_between(text, '[', parts, ']');
    Ok(())
}

fn write_nested(
    rows: usize,
    array: &ArrayRef,
    write_row: impl Fn(usize, &mut String) -> Result<()>,
) -> Result<StringArray> {
    let mut builder = StringBuilder::new();
    let mut text = String::new();
    for row in 0..rows {
        if array.is_null(row) {
            builder.append_null();
            continue;
        }
        text.clear();
        write_row(row, &mut text)?;
        builder.append_value(&text);
    }
    Ok(builder.finish())
}

fn write_floats<T>(values: &PrimitiveArray<T>) -> StringArray
where
    T: ArrowPrimitiveType,
    T::Native: JavaText,
{
    let mut builder = StringBuilder::new();
    let mut text = String::new();
    for value in values {
        match value {
            Some(value) => {
                text.clear();
                // Writing to a String cannot fail.
                let _ = write_float(value, &mut text);
                builder.append_value(&text);
            }
            None => builder.append_null(),
        }
    }
    builder.finish()
}

/// As an array of any type.
pub(super) fn write_text_array(array: &ArrayRef, zone: &Zone) -> Result<ArrayRef> {
    Ok(Arc::new(write_texts(array, zone)?))
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{Int32Array, TimestampMicrosecondArray};

    use super::*;

    #[test]
    fn timestamps_are_written_without_zeros() {
        let array: ArrayRef = Arc::new(
            TimestampMicrosecondArray::from(vec![
                Some(1_700_000_000_000_000),
                Some(1_700_000_000_500_000),
                Some(-62_135_596_800_000_000),
                None,
            ])
            .with_timezone("UTC"),
        );
        let texts = write_texts(&array, &Zone::UTC).unwrap();
        assert_eq!(texts.value(0), "2023-11-14 22:13:20");
        assert_eq!(texts.value(1), "2023-11-14 22:13:20.5");
        assert_eq!(texts.value(2), "0001-01-01 00:00:00");
        assert!(texts.is_null(3));
    }

    #[test]
    fn arrays_are_written_in_brackets() {
        let array = datafusion::arrow::array::ListArray::from_iter_primitive::<
            datafusion::arrow::datatypes::Int32Type,
            _,
            _,
        >([Some(vec![Some(1), None]), None]);
        let array: ArrayRef = Arc::new(array);
        let texts = write_texts(&array, &Zone::UTC).unwrap();
        assert_eq!(texts.value(0), "[1, null]");
        assert!(texts.is_null(1));
        let numbers: ArrayRef = Arc::new(Int32Array::from(vec![7]));
        assert_eq!(write_texts(&numbers, &Zone::UTC).unwrap().value(0), "7");
    }
}
