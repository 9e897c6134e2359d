//! Bloom filters of key columns, so that the rows of a key are found without reading all
//! files.
//!
//! They are Parquet's own (split blocks, Parquet format, `BloomFilter.md`), one for each
//! row group, so other readers use them too. `parquet`'s writer reserves the memory of a
//! filter before it knows the rows, for each open file; here it is built from the values
//! when the row group ends, with the size that they need.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{
    DataType, Date32Type, Int8Type, Int16Type, Int32Type, Int64Type, TimeUnit,
    TimestampMicrosecondType,
};
use parquet::bloom_filter::Sbbf;
use parquet::errors::Result;

/// How often a filter has a key that its row group does not have. A run of many new keys
/// looks each of them up in each row group, and one such answer makes it read a file.
const FALSE_POSITIVES: f64 = 1e-6;

/// Whether a column of this type gets filters.
pub(crate) const fn has_filter(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Utf8
            | DataType::Int8
            | DataType::Int16
            | DataType::Int32
            | DataType::Int64
            | DataType::Date32
            | DataType::Timestamp(TimeUnit::Microsecond, _)
    )
}

/// The filter of the values of a row group. NULL is in no filter.
pub(super) fn build_filter(values: &[ArrayRef]) -> Result<Sbbf> {
    let count: usize = values.iter().map(|of| of.len() - of.null_count()).sum();
    let mut filter = Sbbf::new_with_ndv_fpp(count.max(1) as u64, FALSE_POSITIVES)?;
    for array in values {
        for_each_key(array, |_, key| match key {
            Some(Key::Text(text)) => filter.insert(text),
            Some(Key::Int(value)) => filter.insert(&value),
            Some(Key::Long(value)) => filter.insert(&value),
            None => {}
        });
    }
    Ok(filter)
}

/// A value as Parquet stores it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Key<'a> {
    Text(&'a str),
    Int(i32),
    Long(i64),
}

/// Gives each value of a column whose type [`has_filter`], `None` for NULL.
pub(crate) fn for_each_key<'a>(array: &'a ArrayRef, mut take: impl FnMut(usize, Option<Key<'a>>)) {
    macro_rules! numbers {
        ($type:ty, $key:expr) => {
            for (row, value) in array.as_primitive::<$type>().iter().enumerate() {
                take(row, value.map($key));
            }
        };
    }
    match array.data_type() {
        DataType::Utf8 => {
            for (row, text) in array.as_string::<i32>().iter().enumerate() {
                take(row, text.map(Key::Text));
            }
        }
        DataType::Int8 => numbers!(Int8Type, |value| Key::Int(value.into())),
        DataType::Int16 => numbers!(Int16Type, |value| Key::Int(value.into())),
        DataType::Int32 => numbers!(Int32Type, Key::Int),
        DataType::Int64 => numbers!(Int64Type, Key::Long),
        DataType::Date32 => numbers!(Date32Type, Key::Int),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            numbers!(TimestampMicrosecondType, Key::Long);
        }
        // `has_filter` has no others.
        _ => {}
    }
}
