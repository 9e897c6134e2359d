//! Elements of arrays of any type: compared, and picked into new arrays.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Float32Array, Float64Array, ListArray, StructArray, new_null_array,
};
use datafusion::arrow::buffer::{NullBuffer, OffsetBuffer};
use datafusion::arrow::compute::interleave;
use datafusion::arrow::datatypes::{DataType, FieldRef, Float32Type, Float64Type};
use datafusion::arrow::row::{RowConverter, Rows, SortField};
use datafusion::error::{DataFusionError, Result};

use crate::map_comparisons::holds_map;
use crate::planning::check_constant_bytes;

/// The most elements of the arrays of one batch.
pub(crate) const MAX_ELEMENTS: usize = 256 << 20;

/// Values in an order and with an equality of their own: NULL first, NaN equal
/// to itself and last, 0.0 equal to -0.0.
pub(crate) struct ComparableValues {
    rows: Vec<Rows>,
}

impl ComparableValues {
    /// Of several arrays of one type, whose values can be compared with each
    /// other.
    pub(crate) fn new(function: &str, arrays: &[&ArrayRef]) -> Result<Self> {
        let Some(first) = arrays.first() else {
            return Ok(Self { rows: Vec::new() });
        };
        let data_type = first.data_type().clone();
        let is_comparable = !holds_map(&data_type)
            && RowConverter::supports_fields(&[SortField::new(data_type.clone())]);
        if !is_comparable {
            return Err(DataFusionError::Execution(format!(
                "`{function}` cannot compare values of type {data_type}"
            )));
        }
        let converter = RowConverter::new(vec![SortField::new(data_type)])?;
        let rows: Result<Vec<Rows>> = arrays
            .iter()
            .map(|array| Ok(converter.convert_columns(&[normalize_floats(array)?])?))
            .collect();
        Ok(Self { rows: rows? })
    }

    /// The value at a position of one of the arrays.
    pub(crate) fn get(&self, array: usize, at: usize) -> Option<&[u8]> {
        let rows = self.rows.get(array)?;
        (at < rows.num_rows()).then(|| rows.row(at).data())
    }
}

/// One zero and one NaN.
fn normalize_floats(array: &ArrayRef) -> Result<ArrayRef> {
    Ok(match array.data_type() {
        DataType::Float64 => {
            let values: Float64Array = array
                .as_primitive::<Float64Type>()
                .unary(|v| if v.is_nan() { f64::NAN } else { v + 0.0 });
            Arc::new(values)
        }
        DataType::Float32 => {
            let values: Float32Array = array
                .as_primitive::<Float32Type>()
                .unary(|v| if v.is_nan() { f32::NAN } else { v + 0.0 });
            Arc::new(values)
        }
        DataType::List(field) => {
            let list = array.as_list::<i32>();
            Arc::new(ListArray::try_new(
                Arc::clone(field),
                list.offsets().clone(),
                normalize_floats(list.values())?,
                list.nulls().cloned(),
            )?)
        }
        DataType::Struct(fields) if !fields.is_empty() => {
            let values = array.as_struct();
            let columns: Result<Vec<ArrayRef>> =
                values.columns().iter().map(normalize_floats).collect();
            Arc::new(StructArray::try_new(
                fields.clone(),
                columns?,
                values.nulls().cloned(),
            )?)
        }
        _ => Arc::clone(array),
    })
}

/// The positions of a row's elements in the list's values.
pub(crate) fn element_range(list: &ListArray, row: usize) -> std::ops::Range<usize> {
    let offsets = list.value_offsets();
    let at = |row: usize| {
        offsets
            .get(row)
            .and_then(|offset| usize::try_from(*offset).ok())
            .unwrap_or(0)
    };
    at(row)..at(row + 1)
}

/// Builds arrays from elements of other arrays.
pub(crate) struct ElementPicker {
    function: &'static str,
    /// Array and position of each element; the array after the last is NULL.
    picked: Vec<(usize, usize)>,
    offsets: Vec<i32>,
    valid: Vec<bool>,
}

/// The place of an element: an array and a position in it.
pub(crate) type Place = (usize, usize);

impl ElementPicker {
    pub(crate) fn new(function: &'static str, rows: usize) -> Self {
        let mut offsets = Vec::with_capacity(rows + 1);
        offsets.push(0);
        Self {
            function,
            picked: Vec::new(),
            offsets,
            valid: Vec::with_capacity(rows),
        }
    }

    pub(crate) fn pick(&mut self, place: Place) {
        self.picked.push(place);
    }

    /// Picks a NULL.
    pub(crate) fn pick_null(&mut self) {
        self.picked.push((usize::MAX, 0));
    }

    /// An error if so many elements more would be too many.
    pub(crate) fn reserve(&mut self, more: usize) -> Result<()> {
        let total = self.picked.len().saturating_add(more);
        check_constant_bytes(self.function, total.saturating_mul(size_of::<Place>()))?;
        if total > MAX_ELEMENTS {
            return Err(DataFusionError::ResourcesExhausted(format!(
                "the arrays of `{}` in one batch have more than {MAX_ELEMENTS} elements",
                self.function
            )));
        }
        Ok(())
    }

    /// Ends a row's array with what was picked since the last one.
    pub(crate) fn end_row(&mut self, is_valid: bool) -> Result<()> {
        self.reserve(0)?;
        if !is_valid {
            let start = self.offsets.last().copied().unwrap_or(0);
            self.picked.truncate(usize::try_from(start).unwrap_or(0));
        }
        self.offsets
            .push(i32::try_from(self.picked.len()).unwrap_or(i32::MAX));
        self.valid.push(is_valid);
        Ok(())
    }

    /// The arrays, whose elements are those of `sources`.
    pub(crate) fn finish(mut self, field: &FieldRef, sources: &[&ArrayRef]) -> Result<ArrayRef> {
        let null = new_null_array(field.data_type(), 1);
        let null_source = sources.len();
        for place in &mut self.picked {
            if place.0 == usize::MAX {
                place.0 = null_source;
            }
        }
        let mut arrays: Vec<&dyn Array> = sources.iter().map(|array| array.as_ref()).collect();
        arrays.push(null.as_ref());
        let values = interleave(&arrays, &self.picked)?;
        Ok(Arc::new(ListArray::try_new(
            Arc::clone(field),
            OffsetBuffer::new(self.offsets.into()),
            values,
            Some(NullBuffer::from(self.valid)),
        )?))
    }
}

/// The field of a list type's elements.
pub(crate) fn element_field(list: &DataType) -> Result<&FieldRef> {
    match list {
        DataType::List(field) => Ok(field),
        other => Err(DataFusionError::Execution(format!(
            "a value of type {other} is not an array"
        ))),
    }
}
