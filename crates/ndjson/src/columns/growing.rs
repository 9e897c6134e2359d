//! Growing columns of values that become Arrow arrays without a copy.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, ArrowPrimitiveType, BinaryArray, BooleanArray, BooleanBufferBuilder, PrimitiveArray,
    StringViewArray,
};
use arrow::buffer::{BooleanBuffer, Buffer, MutableBuffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;

use crate::simd;

/// The rows of a column that are null, in ascending order. Present values, by
/// far the majority, cost nothing.
#[derive(Debug, Default)]
pub(crate) struct Nulls(Vec<usize>);

impl Nulls {
    pub(crate) fn push_row(&mut self, row: usize) {
        self.0.push(row);
    }

    /// Removes the nulls of row `rows` and of all later rows.
    pub(crate) fn truncate(&mut self, rows: usize) {
        while self.0.last().is_some_and(|&row| row >= rows) {
            self.0.pop();
        }
    }

    /// Takes the nulls as the validity of `rows` rows.
    pub(crate) fn finish_validity(&mut self, rows: usize) -> Option<NullBuffer> {
        if self.0.is_empty() {
            return None;
        }
        let mut bits = MutableBuffer::new(rows.div_ceil(8)).with_bitset(rows.div_ceil(8), true);
        for row in self.0.drain(..) {
            if let Some(byte) = bits.as_slice_mut().get_mut(row / 8) {
                *byte &= !(1 << (row % 8));
            }
        }
        Some(NullBuffer::new(BooleanBuffer::new(bits.into(), 0, rows)))
    }
}

/// The capacity for a batch when the previous batch had this many values: a
/// little more, because growing copies all of them.
fn capacity_for(values: usize) -> usize {
    values + values / 8
}

/// Numbers, dates and timestamps.
#[derive(Debug)]
pub(crate) struct Primitives<T: ArrowPrimitiveType> {
    values: Vec<T::Native>,
    nulls: Nulls,
}

impl<T: ArrowPrimitiveType> Primitives<T> {
    pub(crate) fn new() -> Self {
        Self {
            values: Vec::new(),
            nulls: Nulls::default(),
        }
    }

    #[inline(always)]
    pub(crate) fn push(&mut self, value: T::Native) {
        self.values.push(value);
    }

    pub(crate) fn push_null(&mut self) {
        self.nulls.push_row(self.values.len());
        self.values.push(T::Native::default());
    }

    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    pub(crate) fn truncate(&mut self, rows: usize) {
        self.values.truncate(rows);
        self.nulls.truncate(rows);
    }

    pub(crate) fn finish_array(&mut self, data_type: &DataType) -> Result<ArrayRef, ArrowError> {
        let room = capacity_for(self.values.len());
        let values = std::mem::replace(&mut self.values, Vec::with_capacity(room));
        let nulls = self.nulls.finish_validity(values.len());
        let array = PrimitiveArray::<T>::try_new(ScalarBuffer::from(values), nulls)?;
        Ok(Arc::new(array.with_data_type(data_type.clone())))
    }
}

#[derive(Debug)]
pub(crate) struct Booleans {
    values: BooleanBufferBuilder,
    nulls: Nulls,
}

impl Booleans {
    pub(crate) fn new() -> Self {
        Self {
            values: BooleanBufferBuilder::new(0),
            nulls: Nulls::default(),
        }
    }

    pub(crate) fn push(&mut self, value: bool) {
        self.values.append(value);
    }

    pub(crate) fn push_null(&mut self) {
        self.nulls.push_row(self.values.len());
        self.values.append(false);
    }

    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    pub(crate) fn truncate(&mut self, rows: usize) {
        self.values.truncate(rows);
        self.nulls.truncate(rows);
    }

    pub(crate) fn finish_array(&mut self) -> ArrayRef {
        let nulls = self.nulls.finish_validity(self.values.len());
        Arc::new(BooleanArray::new(self.values.finish(), nulls))
    }
}

/// Values of variable length, one after the other.
#[derive(Debug)]
pub(crate) struct ByteValues {
    /// Bytes of all values, and of the value being appended.
    pub(crate) bytes: Vec<u8>,
    ends: Vec<i32>,
    nulls: Nulls,
}

/// Offsets, bytes and validity of a finished [`ByteValues`].
type ByteParts = (OffsetBuffer<i32>, Buffer, Option<NullBuffer>);

impl ByteValues {
    pub(crate) fn new() -> Self {
        Self {
            bytes: Vec::new(),
            ends: vec![0],
            nulls: Nulls::default(),
        }
    }

    /// Ends the value being appended. Its end fits in 31 bits, because a batch
    /// ends long before that (`decoder::FLUSH_BYTES`) and a line has at most
    /// 1 GiB.
    #[inline(always)]
    pub(crate) fn close_value(&mut self) {
        self.ends.push(self.bytes.len() as i32);
    }

    /// The index at which the value being appended starts.
    #[inline(always)]
    pub(crate) fn open_value_start(&self) -> usize {
        self.ends.last().map_or(0, |&end| end as usize)
    }

    /// Discards the value being appended.
    pub(crate) fn abandon_value(&mut self) {
        self.bytes.truncate(self.open_value_start());
    }

    pub(crate) fn push_value(&mut self, value: &[u8]) {
        self.bytes.extend_from_slice(value);
        self.close_value();
    }

    pub(crate) fn push_null(&mut self) {
        self.nulls.push_row(self.len());
        self.close_value();
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len() - 1
    }

    pub(crate) fn truncate(&mut self, rows: usize) {
        self.ends.truncate(rows + 1);
        self.bytes.truncate(self.open_value_start());
        self.nulls.truncate(rows);
    }

    fn take_parts(&mut self) -> ByteParts {
        let rows = self.len();
        let mut ends = Vec::with_capacity(capacity_for(rows + 1));
        ends.push(0);
        let ends = std::mem::replace(&mut self.ends, ends);
        let room = capacity_for(self.bytes.len());
        let bytes = std::mem::replace(&mut self.bytes, Vec::with_capacity(room));
        let nulls = self.nulls.finish_validity(rows);
        let offsets = OffsetBuffer::new(ScalarBuffer::from(ends));
        (offsets, Buffer::from_vec(bytes), nulls)
    }
}

/// Strings: every closed value is UTF-8.
#[derive(Debug)]
pub(crate) struct Strings(ByteValues);

impl Strings {
    pub(crate) fn new() -> Self {
        Self(ByteValues::new())
    }

    /// Appends the bytes that `append` writes as one value, and returns the
    /// result of `append`; `None` if the bytes are not UTF-8.
    #[inline(always)]
    pub(crate) fn append_with<T, E>(
        &mut self,
        append: impl FnOnce(&mut Vec<u8>) -> Result<(T, Ascii), E>,
    ) -> Result<Option<T>, E> {
        match append(&mut self.0.bytes) {
            Ok((value, ascii)) => {
                if ascii == Ascii::No && !self.open_value_is_utf8() {
                    self.0.abandon_value();
                    return Ok(None);
                }
                self.0.close_value();
                Ok(Some(value))
            }
            Err(e) => {
                self.0.abandon_value();
                Err(e)
            }
        }
    }

    fn open_value_is_utf8(&self) -> bool {
        let open = self
            .0
            .bytes
            .get(self.0.open_value_start()..)
            .unwrap_or_default();
        std::str::from_utf8(open).is_ok()
    }

    pub(crate) fn push_str(&mut self, value: &str) {
        self.0.push_value(value.as_bytes());
    }

    pub(crate) fn push_null(&mut self) {
        self.0.push_null();
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn truncate(&mut self, rows: usize) {
        self.0.truncate(rows);
    }

    pub(crate) fn finish_array(&mut self) -> ArrayRef {
        let (offsets, bytes, nulls) = self.0.take_parts();
        Arc::new(simd::string_array(offsets, bytes, nulls))
    }

    pub(crate) fn finish_view_array(&mut self) -> ArrayRef {
        let (offsets, bytes, nulls) = self.0.take_parts();
        let strings = simd::string_array(offsets, bytes, nulls);
        Arc::new(StringViewArray::from(&strings))
    }
}

/// Whether the bytes of a value are known to be ASCII.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ascii {
    Yes,
    No,
}

#[derive(Debug)]
pub(crate) struct Binaries(pub(crate) ByteValues);

impl Binaries {
    pub(crate) fn finish_array(&mut self) -> Result<ArrayRef, ArrowError> {
        let (offsets, bytes, nulls) = self.0.take_parts();
        Ok(Arc::new(BinaryArray::try_new(offsets, bytes, nulls)?))
    }
}
