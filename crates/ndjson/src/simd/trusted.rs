//! Builds arrays from bytes that the decoder has already checked.

use arrow::array::StringArray;
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer};

/// A string array over bytes that are known to be UTF-8 between any two
/// offsets: the decoder checks each string when it appends it, which saves a
/// second check of all of them. Debug builds check again.
pub(crate) fn string_array(
    offsets: OffsetBuffer<i32>,
    values: Buffer,
    nulls: Option<NullBuffer>,
) -> StringArray {
    debug_assert!(StringArray::try_new(offsets.clone(), values.clone(), nulls.clone()).is_ok());
    // SAFETY: `Strings` is the only caller. It appends a value and its offset
    // together, and only after the value's bytes were checked to be UTF-8 (all
    // ASCII by the scan's sign bits, or else `str::from_utf8`), so offsets
    // ascend, stay within `values` and never split a character. `nulls` has a bit per value.
    unsafe { StringArray::new_unchecked(offsets, values, nulls) }
}
