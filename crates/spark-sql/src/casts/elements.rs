//! Casts of arrays, structs and maps, value by value.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, ListArray, MapArray, StructArray, UInt32Array,
};
use datafusion::arrow::buffer::{NullBuffer, OffsetBuffer};
use datafusion::arrow::compute::{is_null, nullif, take};
use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{Result, internal_err};

/// The cast of the values inside.
type CastValues<'a> = &'a dyn Fn(&ArrayRef, &DataType) -> Result<ArrayRef>;

/// `array` as `target`, a type with as many parts. Fields of structs are matched
/// by position, as in Spark.
pub(super) fn convert_elements(
    array: &ArrayRef,
    target: &DataType,
    cast_values: CastValues<'_>,
) -> Result<ArrayRef> {
    match (array.data_type(), target) {
        (DataType::List(_), DataType::List(item)) => {
            let lists = array.as_list::<i32>();
            let (offsets, values) = visible_elements(lists.offsets(), lists.nulls(), |rows| {
                Ok(take(lists.values(), rows, None)?)
            })?;
            let values = cast_values(&values, item.data_type())?;
            Ok(Arc::new(ListArray::try_new(
                Arc::clone(item),
                offsets,
                values,
                lists.nulls().cloned(),
            )?))
        }
        (DataType::Struct(_), DataType::Struct(_)) => {
            convert_struct(array.as_struct(), target, cast_values)
        }
        (DataType::Map(..), DataType::Map(entries_field, ordered)) => {
            let maps = array.as_map();
            let entries: ArrayRef = Arc::new(maps.entries().clone());
            let (offsets, entries) = visible_elements(maps.offsets(), maps.nulls(), |rows| {
                Ok(take(&entries, rows, None)?)
            })?;
            let entries =
                convert_struct(entries.as_struct(), entries_field.data_type(), cast_values)?;
            Ok(Arc::new(MapArray::try_new(
                Arc::clone(entries_field),
                offsets,
                entries.as_struct().clone(),
                maps.nulls().cloned(),
                *ordered,
            )?))
        }
        (from, to) => internal_err!("{from} has other parts than {to}"),
    }
}

/// Only the elements of rows that are not NULL: what is below a NULL is no value.
fn visible_elements(
    offsets: &OffsetBuffer<i32>,
    nulls: Option<&NullBuffer>,
    take_rows: impl Fn(&UInt32Array) -> Result<ArrayRef>,
) -> Result<(OffsetBuffer<i32>, ArrayRef)> {
    let mut rows = Vec::new();
    let mut lengths = Vec::with_capacity(offsets.len());
    for (row, bounds) in offsets.windows(2).enumerate() {
        let (start, end) = match bounds {
            [start, end] if nulls.is_none_or(|nulls| nulls.is_valid(row)) => {
                (start.cast_unsigned(), end.cast_unsigned())
            }
            _ => (0, 0),
        };
        rows.extend(start..end);
        lengths.push((end - start) as usize);
    }
    let values = take_rows(&UInt32Array::from(rows))?;
    Ok((OffsetBuffer::from_lengths(lengths), values))
}

fn convert_struct(
    values: &StructArray,
    target: &DataType,
    cast_values: CastValues<'_>,
) -> Result<ArrayRef> {
    let DataType::Struct(fields) = target else {
        return internal_err!("{target} is not a struct");
    };
    let below_null = is_null(values)?;
    let cast_field = |(column, field): (&ArrayRef, &FieldRef)| {
        let visible = match values.nulls() {
            Some(_) => nullif(column, &below_null)?,
            None => Arc::clone(column),
        };
        cast_values(&visible, field.data_type())
    };
    let columns = values.columns().iter().zip(fields);
    let columns = columns.map(cast_field).collect::<Result<Vec<_>>>()?;
    Ok(Arc::new(StructArray::try_new_with_length(
        fields.clone(),
        columns,
        values.nulls().cloned(),
        values.len(),
    )?))
}
