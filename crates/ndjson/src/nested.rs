//! Reads arrays into list columns, and objects with arbitrary keys into map columns.

use std::sync::Arc;

use arrow::array::{ArrayRef, ListArray, MapArray, StructArray};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;

use crate::column::{Nulls, Strings};
use crate::column_decoder::ColumnDecoder;
use crate::field_label::FieldLabel;
use crate::leaf;
use crate::lex::{self, byte_at};
use crate::read_error::{ReadContext, ReadError, ReadResult};

/// Where the elements of each row end in the column of elements.
#[derive(Debug)]
struct ListOffsets {
    ends: Vec<i32>,
    nulls: Nulls,
}

impl ListOffsets {
    fn new() -> Self {
        Self {
            ends: vec![0],
            nulls: Nulls::default(),
        }
    }

    fn len(&self) -> usize {
        self.ends.len() - 1
    }

    /// The number of elements in all finished rows.
    fn element_count(&self) -> usize {
        self.ends.last().map_or(0, |&end| end as usize)
    }

    /// Ends a row. A batch has fewer elements than bytes of input, and those fit
    /// in 31 bits.
    fn close_row(&mut self, elements: usize) {
        self.ends.push(elements as i32);
    }

    fn push_null(&mut self) {
        self.nulls.push_row(self.len());
        self.close_row(self.element_count());
    }

    fn truncate(&mut self, rows: usize) {
        self.ends.truncate(rows + 1);
        self.nulls.truncate(rows);
    }

    fn finish_offsets(&mut self) -> (OffsetBuffer<i32>, Option<arrow::buffer::NullBuffer>) {
        let nulls = self.nulls.finish_validity(self.len());
        let mut ends = Vec::with_capacity(self.ends.len());
        ends.push(0);
        let ends = std::mem::replace(&mut self.ends, ends);
        (OffsetBuffer::new(ScalarBuffer::from(ends)), nulls)
    }
}

/// A list column.
#[derive(Debug)]
pub(crate) struct ListDecoder {
    element: ColumnDecoder,
    element_nullable: bool,
    element_label: FieldLabel,
    offsets: ListOffsets,
    label: FieldLabel,
}

impl ListDecoder {
    pub(crate) fn new(
        element: ColumnDecoder,
        element_nullable: bool,
        element_label: FieldLabel,
        label: FieldLabel,
    ) -> Self {
        Self {
            element,
            element_nullable,
            element_label,
            offsets: ListOffsets::new(),
            label,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.offsets.len()
    }

    pub(crate) fn push_null(&mut self) {
        self.offsets.push_null();
    }

    pub(crate) fn truncate(&mut self, rows: usize) {
        self.offsets.truncate(rows);
        self.element.truncate(self.offsets.element_count());
    }

    pub(crate) fn finish_array(&mut self, data_type: &DataType) -> Result<ArrayRef, ArrowError> {
        let DataType::List(field) = data_type else {
            return Err(ArrowError::SchemaError(format!(
                "{data_type} is not a list"
            )));
        };
        let (offsets, nulls) = self.offsets.finish_offsets();
        let values = self.element.finish_array(field.data_type())?;
        let array = ListArray::try_new(Arc::clone(field), offsets, values, nulls)?;
        Ok(Arc::new(array))
    }

    /// Appends the array at `pos`.
    pub(crate) fn read_array(
        &mut self,
        buf: &[u8],
        pos: usize,
        cx: &mut ReadContext,
    ) -> ReadResult {
        if byte_at(buf, pos) != b'[' {
            return Err(leaf::misfit_error(buf, pos, &self.label, cx));
        }
        let mut at = lex::skip_space(buf, pos + 1);
        if byte_at(buf, at) == b']' {
            self.offsets.close_row(self.offsets.element_count());
            return Ok(at + 1);
        }
        loop {
            let end = match self.element.read_value(buf, at, cx) {
                Ok(end) => end,
                Err(ReadError::Null) => {
                    if !self.element_nullable {
                        cx.record_null_violation(at, &self.element_label);
                    }
                    self.element.push_null();
                    cx.value_end
                }
                Err(ReadError::Conflict) => {
                    // As in Spark, one element that does not fit makes the
                    // whole array null (but not one whose fields do not fit).
                    self.element.truncate(self.offsets.element_count());
                    cx.value_end = lex::skip_container(buf, pos, cx)?;
                    return Err(ReadError::Conflict);
                }
                Err(ReadError::Broken) => return Err(ReadError::Broken),
            };
            at = lex::skip_space(buf, end);
            match byte_at(buf, at) {
                b',' => at = lex::skip_space(buf, at + 1),
                b']' => {
                    self.offsets.close_row(self.element.len());
                    return Ok(at + 1);
                }
                b'\n' => return cx.fail_broken(at, "the line ends inside an array"),
                _ => return cx.fail_broken(at, "a comma or ] is expected"),
            }
        }
    }
}

/// A map column. A duplicate key is kept twice, as in Spark.
#[derive(Debug)]
pub(crate) struct MapDecoder {
    keys: Strings,
    value: ColumnDecoder,
    value_nullable: bool,
    value_label: FieldLabel,
    offsets: ListOffsets,
    label: FieldLabel,
}

impl MapDecoder {
    pub(crate) fn new(
        value: ColumnDecoder,
        value_nullable: bool,
        value_label: FieldLabel,
        label: FieldLabel,
    ) -> Self {
        Self {
            keys: Strings::new(),
            value,
            value_nullable,
            value_label,
            offsets: ListOffsets::new(),
            label,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.offsets.len()
    }

    pub(crate) fn push_null(&mut self) {
        self.offsets.push_null();
    }

    pub(crate) fn truncate(&mut self, rows: usize) {
        self.offsets.truncate(rows);
        self.keys.truncate(self.offsets.element_count());
        self.value.truncate(self.offsets.element_count());
    }

    pub(crate) fn finish_array(&mut self, data_type: &DataType) -> Result<ArrayRef, ArrowError> {
        let no_map = || ArrowError::SchemaError(format!("{data_type} is not a map"));
        let DataType::Map(entries, sorted) = data_type else {
            return Err(no_map());
        };
        let DataType::Struct(fields) = entries.data_type() else {
            return Err(no_map());
        };
        let value_field = fields.get(1).ok_or_else(no_map)?;
        let (offsets, nulls) = self.offsets.finish_offsets();
        let keys = self.keys.finish_array();
        let values = self.value.finish_array(value_field.data_type())?;
        let pairs = StructArray::try_new(fields.clone(), vec![keys, values], None)?;
        let array = MapArray::try_new(Arc::clone(entries), offsets, pairs, nulls, *sorted)?;
        Ok(Arc::new(array))
    }

    /// Appends the object at `pos`.
    pub(crate) fn read_map(&mut self, buf: &[u8], pos: usize, cx: &mut ReadContext) -> ReadResult {
        if byte_at(buf, pos) != b'{' {
            return Err(leaf::misfit_error(buf, pos, &self.label, cx));
        }
        let mut at = lex::skip_space(buf, pos + 1);
        if byte_at(buf, at) == b'}' {
            self.offsets.close_row(self.offsets.element_count());
            return Ok(at + 1);
        }
        loop {
            let end = match self.read_entry(buf, at, cx) {
                Ok(end) => end,
                Err(ReadError::Conflict) => {
                    // As in Spark, one value that does not fit makes the whole
                    // map null.
                    self.keys.truncate(self.offsets.element_count());
                    self.value.truncate(self.offsets.element_count());
                    cx.value_end = lex::skip_container(buf, pos, cx)?;
                    return Err(ReadError::Conflict);
                }
                Err(fault) => return Err(fault),
            };
            at = lex::skip_space(buf, end);
            match byte_at(buf, at) {
                b',' => at = lex::skip_space(buf, at + 1),
                b'}' => {
                    self.offsets.close_row(self.value.len());
                    return Ok(at + 1);
                }
                b'\n' => return cx.fail_broken(at, "the line ends inside an object"),
                _ => return cx.fail_broken(at, "a comma or } is expected"),
            }
        }
    }

    fn read_entry(&mut self, buf: &[u8], pos: usize, cx: &mut ReadContext) -> ReadResult {
        if byte_at(buf, pos) != b'"' {
            return cx.fail_broken(pos, "a field name in quotes is expected");
        }
        let end = leaf::append_string(&mut self.keys, buf, pos, cx)?;
        let colon = lex::skip_space(buf, end);
        if byte_at(buf, colon) != b':' {
            return cx.fail_broken(colon, "a colon is expected after the field name");
        }
        let at = lex::skip_space(buf, colon + 1);
        match self.value.read_value(buf, at, cx) {
            Err(ReadError::Null) => {
                if !self.value_nullable {
                    cx.record_null_violation(at, &self.value_label);
                }
                self.value.push_null();
                Ok(cx.value_end)
            }
            step => step,
        }
    }
}
