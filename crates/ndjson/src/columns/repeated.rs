//! Reads arrays into list columns, and objects with arbitrary keys into map columns.

use std::sync::Arc;

use arrow::array::{ArrayRef, ListArray, MapArray, StructArray};
use arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;

use crate::columns::growing::{Nulls, Strings};
use crate::columns::leaf;
use crate::columns::object::Member;
use crate::values::field_label::FieldLabel;
use crate::values::lex::{self, byte_at};
use crate::values::read_error::{ReadContext, ReadError, ReadResult};

/// What the rows of a list or map column consist of.
pub(crate) trait Items {
    const BRACKETS: Brackets;

    /// The number of items in all rows, finished or not.
    fn len(&self) -> usize;

    /// Removes item `items` and all later ones, finished or not.
    fn truncate(&mut self, items: usize);

    /// Appends the item at `pos`, which is not white space. The value of an item can be
    /// null.
    fn read_item(&mut self, buf: &[u8], pos: usize, cx: &mut ReadContext) -> ReadResult;

    /// Takes all items as an array of `data_type`.
    fn finish_array(
        &mut self,
        data_type: &DataType,
        offsets: OffsetBuffer<i32>,
        nulls: Option<NullBuffer>,
    ) -> Result<ArrayRef, ArrowError>;
}

/// What encloses the items of a row, with messages about what is missing.
pub(crate) struct Brackets {
    open: u8,
    close: u8,
    line_ends: &'static str,
    no_comma: &'static str,
}

/// A column whose rows have any number of items.
#[derive(Debug)]
pub(crate) struct RepeatedDecoder<I> {
    items: I,
    offsets: RowOffsets,
    label: FieldLabel,
}

pub(crate) type ListDecoder = RepeatedDecoder<ListElements>;
pub(crate) type MapDecoder = RepeatedDecoder<MapEntries>;

impl<I: Items> RepeatedDecoder<I> {
    fn with_items(items: I, label: FieldLabel) -> Self {
        Self {
            items,
            offsets: RowOffsets::new(),
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
        self.items.truncate(self.offsets.item_count());
    }

    pub(crate) fn finish_array(&mut self, data_type: &DataType) -> Result<ArrayRef, ArrowError> {
        let (offsets, nulls) = self.offsets.finish_offsets();
        self.items.finish_array(data_type, offsets, nulls)
    }

    /// Appends the array or object at `pos` as one row.
    pub(crate) fn read_items(
        &mut self,
        buf: &[u8],
        pos: usize,
        cx: &mut ReadContext,
    ) -> ReadResult {
        if byte_at(buf, pos) != I::BRACKETS.open {
            return Err(leaf::misfit_error(buf, pos, &self.label, cx));
        }
        let mut at = lex::skip_space(buf, pos + 1);
        if byte_at(buf, at) == I::BRACKETS.close {
            self.offsets.close_row(self.offsets.item_count());
            return Ok(at + 1);
        }
        loop {
            let end = match self.items.read_item(buf, at, cx) {
                Ok(end) => end,
                Err(ReadError::Conflict) => {
                    // As in Spark, one item that does not fit makes the whole array
                    // or map null (but not one whose fields do not fit).
                    self.items.truncate(self.offsets.item_count());
                    cx.value_end = lex::skip_container(buf, pos, cx)?;
                    return Err(ReadError::Conflict);
                }
                Err(error) => return Err(error),
            };
            at = lex::skip_space(buf, end);
            match byte_at(buf, at) {
                b',' => at = lex::skip_space(buf, at + 1),
                close if close == I::BRACKETS.close => {
                    self.offsets.close_row(self.items.len());
                    return Ok(at + 1);
                }
                b'\n' => return cx.fail_broken(at, I::BRACKETS.line_ends),
                _ => return cx.fail_broken(at, I::BRACKETS.no_comma),
            }
        }
    }
}

/// The elements of arrays.
#[derive(Debug)]
pub(crate) struct ListElements(Member);

impl ListDecoder {
    pub(crate) fn new(element: Member, label: FieldLabel) -> Self {
        Self::with_items(ListElements(element), label)
    }
}

impl Items for ListElements {
    const BRACKETS: Brackets = Brackets {
        open: b'[',
        close: b']',
        line_ends: "the line ends inside an array",
        no_comma: "a comma or ] is expected",
    };

    fn len(&self) -> usize {
        self.0.decoder.len()
    }

    fn truncate(&mut self, items: usize) {
        self.0.decoder.truncate(items);
    }

    #[inline(always)]
    fn read_item(&mut self, buf: &[u8], pos: usize, cx: &mut ReadContext) -> ReadResult {
        self.0.read_or_null(buf, pos, cx)
    }

    fn finish_array(
        &mut self,
        data_type: &DataType,
        offsets: OffsetBuffer<i32>,
        nulls: Option<NullBuffer>,
    ) -> Result<ArrayRef, ArrowError> {
        let DataType::List(field) = data_type else {
            return Err(ArrowError::SchemaError(format!(
                "{data_type} is not a list"
            )));
        };
        let values = self.0.decoder.finish_array(field.data_type())?;
        let array = ListArray::try_new(Arc::clone(field), offsets, values, nulls)?;
        Ok(Arc::new(array))
    }
}

/// The entries of maps. A duplicate key is kept twice, as in Spark.
#[derive(Debug)]
pub(crate) struct MapEntries {
    keys: Strings,
    value: Member,
}

impl MapDecoder {
    pub(crate) fn new(value: Member, label: FieldLabel) -> Self {
        let keys = Strings::new();
        Self::with_items(MapEntries { keys, value }, label)
    }
}

impl Items for MapEntries {
    const BRACKETS: Brackets = Brackets {
        open: b'{',
        close: b'}',
        line_ends: "the line ends inside an object",
        no_comma: "a comma or } is expected",
    };

    fn len(&self) -> usize {
        self.value.decoder.len()
    }

    fn truncate(&mut self, items: usize) {
        self.keys.truncate(items);
        self.value.decoder.truncate(items);
    }

    #[inline(always)]
    fn read_item(&mut self, buf: &[u8], pos: usize, cx: &mut ReadContext) -> ReadResult {
        if byte_at(buf, pos) != b'"' {
            return cx.fail_broken(pos, "a field name in quotes is expected");
        }
        let end = leaf::append_string(&mut self.keys, buf, pos, cx)?;
        let colon = lex::skip_space(buf, end);
        if byte_at(buf, colon) != b':' {
            return cx.fail_broken(colon, "a colon is expected after the field name");
        }
        let value = lex::skip_space(buf, colon + 1);
        self.value.read_or_null(buf, value, cx)
    }

    fn finish_array(
        &mut self,
        data_type: &DataType,
        offsets: OffsetBuffer<i32>,
        nulls: Option<NullBuffer>,
    ) -> Result<ArrayRef, ArrowError> {
        let not_a_map = || ArrowError::SchemaError(format!("{data_type} is not a map"));
        let DataType::Map(entries, sorted) = data_type else {
            return Err(not_a_map());
        };
        let DataType::Struct(fields) = entries.data_type() else {
            return Err(not_a_map());
        };
        let value_field = fields.get(1).ok_or_else(not_a_map)?;
        let keys = self.keys.finish_array();
        let values = self.value.decoder.finish_array(value_field.data_type())?;
        let pairs = StructArray::try_new(fields.clone(), vec![keys, values], None)?;
        let array = MapArray::try_new(Arc::clone(entries), offsets, pairs, nulls, *sorted)?;
        Ok(Arc::new(array))
    }
}

/// Where the items of each row end in the columns of items.
#[derive(Debug)]
struct RowOffsets {
    ends: Vec<i32>,
    nulls: Nulls,
}

impl RowOffsets {
    fn new() -> Self {
        Self {
            ends: vec![0],
            nulls: Nulls::default(),
        }
    }

    fn len(&self) -> usize {
        self.ends.len() - 1
    }

    /// The number of items in all finished rows.
    fn item_count(&self) -> usize {
        self.ends.last().map_or(0, |&end| end as usize)
    }

    /// Ends a row. A batch has fewer items than bytes of input, and those fit in 31
    /// bits.
    fn close_row(&mut self, items: usize) {
        self.ends.push(items as i32);
    }

    fn push_null(&mut self) {
        self.nulls.push_row(self.len());
        self.close_row(self.item_count());
    }

    fn truncate(&mut self, rows: usize) {
        self.ends.truncate(rows + 1);
        self.nulls.truncate(rows);
    }

    fn finish_offsets(&mut self) -> (OffsetBuffer<i32>, Option<NullBuffer>) {
        let nulls = self.nulls.finish_validity(self.len());
        let mut ends = Vec::with_capacity(self.ends.len());
        ends.push(0);
        let ends = std::mem::replace(&mut self.ends, ends);
        (OffsetBuffer::new(ScalarBuffer::from(ends)), nulls)
    }
}
