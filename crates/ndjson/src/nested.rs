//! Reads arrays into list columns, and objects with arbitrary keys into map columns.

use std::sync::Arc;

use arrow::array::{ArrayRef, ListArray, MapArray, StructArray};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;

use crate::column::{Nulls, Strings};
use crate::fault::{Cx, Fault, Step};
use crate::leaf;
use crate::lex::{self, byte};
use crate::node::Node;
use crate::place::Place;

/// Where the elements of each row end in the column of elements.
#[derive(Debug)]
struct Spans {
    ends: Vec<i32>,
    nulls: Nulls,
}

impl Spans {
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
    fn elements(&self) -> usize {
        self.ends.last().map_or(0, |&end| end as usize)
    }

    /// Ends a row. A batch has fewer elements than bytes of input, and those fit
    /// in 31 bits.
    fn close(&mut self, elements: usize) {
        self.ends.push(elements as i32);
    }

    fn push_null(&mut self) {
        self.nulls.push(self.len());
        self.close(self.elements());
    }

    fn truncate(&mut self, rows: usize) {
        self.ends.truncate(rows + 1);
        self.nulls.truncate(rows);
    }

    fn finish(&mut self) -> (OffsetBuffer<i32>, Option<arrow::buffer::NullBuffer>) {
        let nulls = self.nulls.finish(self.len());
        let mut ends = Vec::with_capacity(self.ends.len());
        ends.push(0);
        let ends = std::mem::replace(&mut self.ends, ends);
        (OffsetBuffer::new(ScalarBuffer::from(ends)), nulls)
    }
}

/// A list column.
#[derive(Debug)]
pub(crate) struct ListNode {
    element: Node,
    element_nullable: bool,
    element_place: Place,
    spans: Spans,
    place: Place,
}

impl ListNode {
    pub(crate) fn new(
        element: Node,
        element_nullable: bool,
        element_place: Place,
        place: Place,
    ) -> Self {
        Self {
            element,
            element_nullable,
            element_place,
            spans: Spans::new(),
            place,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.spans.len()
    }

    pub(crate) fn push_null(&mut self) {
        self.spans.push_null();
    }

    pub(crate) fn truncate(&mut self, rows: usize) {
        self.spans.truncate(rows);
        self.element.truncate(self.spans.elements());
    }

    pub(crate) fn finish(&mut self, data_type: &DataType) -> Result<ArrayRef, ArrowError> {
        let DataType::List(field) = data_type else {
            return Err(ArrowError::SchemaError(format!(
                "{data_type} is not a list"
            )));
        };
        let (offsets, nulls) = self.spans.finish();
        let values = self.element.finish(field.data_type())?;
        let array = ListArray::try_new(Arc::clone(field), offsets, values, nulls)?;
        Ok(Arc::new(array))
    }

    /// Appends the array at `pos`.
    pub(crate) fn read(&mut self, buf: &[u8], pos: usize, cx: &mut Cx) -> Step {
        if byte(buf, pos) != b'[' {
            return Err(leaf::misfit(buf, pos, &self.place, cx));
        }
        let mut at = lex::skip_space(buf, pos + 1);
        if byte(buf, at) == b']' {
            self.spans.close(self.spans.elements());
            return Ok(at + 1);
        }
        loop {
            let end = match self.element.read(buf, at, cx) {
                Ok(end) => end,
                Err(Fault::Null) => {
                    if !self.element_nullable {
                        cx.null_violation(at, &self.element_place);
                    }
                    self.element.push_null();
                    cx.next
                }
                Err(Fault::Conflict) => {
                    // As in Spark, one element that does not fit makes the
                    // whole array null (but not one whose fields do not fit).
                    self.element.truncate(self.spans.elements());
                    cx.next = lex::skip_container(buf, pos, cx)?;
                    return Err(Fault::Conflict);
                }
                Err(Fault::Broken) => return Err(Fault::Broken),
            };
            at = lex::skip_space(buf, end);
            match byte(buf, at) {
                b',' => at = lex::skip_space(buf, at + 1),
                b']' => {
                    self.spans.close(self.element.len());
                    return Ok(at + 1);
                }
                b'\n' => return cx.broken(at, "the line ends inside an array"),
                _ => return cx.broken(at, "a comma or ] is expected"),
            }
        }
    }
}

/// A map column. A duplicate key is kept twice, as in Spark.
#[derive(Debug)]
pub(crate) struct MapNode {
    keys: Strings,
    value: Node,
    value_nullable: bool,
    value_place: Place,
    spans: Spans,
    place: Place,
}

impl MapNode {
    pub(crate) fn new(value: Node, value_nullable: bool, value_place: Place, place: Place) -> Self {
        Self {
            keys: Strings::new(),
            value,
            value_nullable,
            value_place,
            spans: Spans::new(),
            place,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.spans.len()
    }

    pub(crate) fn push_null(&mut self) {
        self.spans.push_null();
    }

    pub(crate) fn truncate(&mut self, rows: usize) {
        self.spans.truncate(rows);
        self.keys.truncate(self.spans.elements());
        self.value.truncate(self.spans.elements());
    }

    pub(crate) fn finish(&mut self, data_type: &DataType) -> Result<ArrayRef, ArrowError> {
        let no_map = || ArrowError::SchemaError(format!("{data_type} is not a map"));
        let DataType::Map(entries, sorted) = data_type else {
            return Err(no_map());
        };
        let DataType::Struct(fields) = entries.data_type() else {
            return Err(no_map());
        };
        let value_field = fields.get(1).ok_or_else(no_map)?;
        let (offsets, nulls) = self.spans.finish();
        let keys = self.keys.finish();
        let values = self.value.finish(value_field.data_type())?;
        let pairs = StructArray::try_new(fields.clone(), vec![keys, values], None)?;
        let array = MapArray::try_new(Arc::clone(entries), offsets, pairs, nulls, *sorted)?;
        Ok(Arc::new(array))
    }

    /// Appends the object at `pos`.
    pub(crate) fn read(&mut self, buf: &[u8], pos: usize, cx: &mut Cx) -> Step {
        if byte(buf, pos) != b'{' {
            return Err(leaf::misfit(buf, pos, &self.place, cx));
        }
        let mut at = lex::skip_space(buf, pos + 1);
        if byte(buf, at) == b'}' {
            self.spans.close(self.spans.elements());
            return Ok(at + 1);
        }
        loop {
            let end = match self.read_entry(buf, at, cx) {
                Ok(end) => end,
                Err(Fault::Conflict) => {
                    // As in Spark, one value that does not fit makes the whole
                    // map null.
                    self.keys.truncate(self.spans.elements());
                    self.value.truncate(self.spans.elements());
                    cx.next = lex::skip_container(buf, pos, cx)?;
                    return Err(Fault::Conflict);
                }
                Err(fault) => return Err(fault),
            };
            at = lex::skip_space(buf, end);
            match byte(buf, at) {
                b',' => at = lex::skip_space(buf, at + 1),
                b'}' => {
                    self.spans.close(self.value.len());
                    return Ok(at + 1);
                }
                b'\n' => return cx.broken(at, "the line ends inside an object"),
                _ => return cx.broken(at, "a comma or } is expected"),
            }
        }
    }

    fn read_entry(&mut self, buf: &[u8], pos: usize, cx: &mut Cx) -> Step {
        if byte(buf, pos) != b'"' {
            return cx.broken(pos, "a field name in quotes is expected");
        }
        let end = leaf::append_string(&mut self.keys, buf, pos, cx)?;
        let colon = lex::skip_space(buf, end);
        if byte(buf, colon) != b':' {
            return cx.broken(colon, "a colon is expected after the field name");
        }
        let at = lex::skip_space(buf, colon + 1);
        match self.value.read(buf, at, cx) {
            Err(Fault::Null) => {
                if !self.value_nullable {
                    cx.null_violation(at, &self.value_place);
                }
                self.value.push_null();
                Ok(cx.next)
            }
            step => step,
        }
    }
}
