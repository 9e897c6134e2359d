//! Objects into struct columns

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, StructArray};
use arrow::datatypes::{DataType, Fields};
use arrow::error::ArrowError;

use crate::column::Nulls;
use crate::fault::{Cx, Fault, Step};
use crate::leaf;
use crate::lex::{self, Text, byte, slice};
use crate::node::Node;
use crate::place::Place;
use crate::shape::{self, At, Found, SKIP, Shape};

/// A field of an object.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) node: Node,
    pub(crate) nullable: bool,
    pub(crate) place: Place,
}

/// A struct column.
#[derive(Debug)]
pub(crate) struct ObjectNode {
    members: Vec<Member>,
    /// Name to index in `members`.
    names: HashMap<Box<[u8]>, u32>,
    shape: Shape,
    /// A bit per member: the object being read has it.
    seen: Vec<u64>,
    /// What `seen` is when no member is missing.
    all: Vec<u64>,
    rows: usize,
    nulls: Nulls,
    place: Place,
}

/// What stands where a key is expected.
enum Key {
    Found(Found),
    /// The closing brace; the index behind it.
    End(usize),
}

impl ObjectNode {
    /// A column of `members`, in the order of the struct's fields.
    pub(crate) fn new(members: Vec<(Box<[u8]>, Member)>, place: Place) -> Self {
        let mut all = vec![0u64; members.len().div_ceil(64)];
        for index in 0..members.len() {
            if let Some(word) = all.get_mut(index / 64) {
                *word |= 1 << (index % 64);
            }
        }
        let names = members.iter().zip(0..);
        let names = names.map(|((name, _), index)| (name.clone(), index));
        Self {
            names: names.collect(),
            members: members.into_iter().map(|(_, member)| member).collect(),
            shape: Shape::new(),
            seen: all.clone(),
            all,
            rows: 0,
            nulls: Nulls::default(),
            place,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.rows
    }

    pub(crate) fn push_null(&mut self) {
        for member in &mut self.members {
            member.node.push_null();
        }
        self.nulls.push(self.rows);
        self.rows += 1;
    }

    pub(crate) fn truncate(&mut self, rows: usize) {
        for member in &mut self.members {
            member.node.truncate(rows);
        }
        self.nulls.truncate(rows);
        self.rows = self.rows.min(rows);
    }

    /// The arrays of the members, for a struct or for a batch's columns.
    pub(crate) fn finish_members(&mut self, fields: &Fields) -> Result<Vec<ArrayRef>, ArrowError> {
        self.rows = 0;
        self.nulls.truncate(0);
        let members = self.members.iter_mut().zip(fields);
        members
            .map(|(member, field)| member.node.finish(field.data_type()))
            .collect()
    }

    pub(crate) fn finish(&mut self, data_type: &DataType) -> Result<ArrayRef, ArrowError> {
        let DataType::Struct(fields) = data_type else {
            return Err(ArrowError::SchemaError(format!("{data_type} is no struct")));
        };
        let rows = self.rows;
        let nulls = self.nulls.finish(rows);
        let arrays = self.finish_members(fields)?;
        let array = StructArray::try_new_with_length(fields.clone(), arrays, nulls, rows)?;
        Ok(Arc::new(array))
    }

    /// Appends the object at `pos`.
    pub(crate) fn read(&mut self, buf: &[u8], pos: usize, cx: &mut Cx) -> Step {
        if byte(buf, pos) != b'{' {
            return Err(leaf::misfit(buf, pos, &self.place, cx));
        }
        if self.members.is_empty() {
            let end = lex::skip_container(buf, pos, cx)?;
            self.rows += 1;
            return Ok(end);
        }
        self.seen.fill(0);
        let mut at = shape::START;
        let mut pos = pos + 1;
        loop {
            let found = match self.shape.guess(at, buf, pos) {
                Some(found) => found,
                None => match self.read_key(at, buf, pos, cx)? {
                    Key::Found(found) => found,
                    Key::End(end) => {
                        self.close(end - 1, cx);
                        return Ok(end);
                    }
                },
            };
            at = found.at;
            let value = lex::skip_space(buf, found.value);
            pos = match found.target {
                SKIP => lex::skip_value(buf, value, cx)?,
                target => self.read_member(target, buf, value, cx)?,
            };
        }
    }

    #[inline(always)]
    fn read_member(&mut self, index: u32, buf: &[u8], pos: usize, cx: &mut Cx) -> Step {
        let index = index as usize;
        let Some(member) = self.members.get_mut(index) else {
            return lex::skip_value(buf, pos, cx);
        };
        if let Some(word) = self.seen.get_mut(index / 64) {
            let bit = 1 << (index % 64);
            if *word & bit != 0 {
                // The key stands twice: the last one wins.
                member.node.truncate(self.rows);
            }
            *word |= bit;
        }
        match member.node.read(buf, pos, cx) {
            Ok(end) => Ok(end),
            Err(Fault::Broken) => Err(Fault::Broken),
            Err(fault) => Ok(member.push_missing(fault, pos, cx)),
        }
    }

    /// The members that the object did not have are null.
    #[inline(always)]
    fn close(&mut self, brace: usize, cx: &mut Cx) {
        self.rows += 1;
        if self.seen != self.all {
            self.fill_missing(brace, cx);
        }
    }

    fn fill_missing(&mut self, brace: usize, cx: &mut Cx) {
        for (word, (&seen, &all)) in self.seen.iter().zip(&self.all).enumerate() {
            let mut missing = all & !seen;
            while missing != 0 {
                let index = word * 64 + missing.trailing_zeros() as usize;
                missing &= missing - 1;
                if let Some(member) = self.members.get_mut(index) {
                    member.push_missing(Fault::Null, brace, cx);
                }
            }
        }
    }

    /// Reads what follows a value, or the opening brace, the long way.
    fn read_key(&mut self, from: At, buf: &[u8], pos: usize, cx: &mut Cx) -> Result<Key, Fault> {
        let mut at = lex::skip_space(buf, pos);
        match byte(buf, at) {
            b'}' => return Ok(Key::End(at + 1)),
            b',' if from != shape::START => at = lex::skip_space(buf, at + 1),
            b'"' if from == shape::START => {}
            b'\n' => return cx.broken(at, "the line ends inside an object"),
            _ if from == shape::START => {
                return cx.broken(at, "a field name in quotes or } is expected");
            }
            _ => return cx.broken(at, "a comma or } is expected"),
        }
        if byte(buf, at) != b'"' {
            return cx.broken(at, "a field name in quotes is expected");
        }
        let (name, end) = lex::text(buf, at, cx)?;
        let name = match name {
            Text::Plain(name) => name,
            Text::Scratch => &cx.scratch,
        };
        let target = self.names.get(name).copied().unwrap_or(SKIP);
        let colon = lex::skip_space(buf, end);
        if byte(buf, colon) != b':' {
            return cx.broken(colon, "a colon is expected after the field name");
        }
        let value = lex::skip_space(buf, colon + 1);
        let at = self.shape.learn(from, slice(buf, pos..value), target);
        Ok(Key::Found(Found { at, target, value }))
    }
}

impl Member {
    /// Appends null for a value that is missing, null or in conflict, and
    /// returns the index behind it (of no meaning when it is missing).
    #[cold]
    fn push_missing(&mut self, fault: Fault, at: usize, cx: &mut Cx) -> usize {
        self.node.push_null();
        if fault == Fault::Null && !self.nullable {
            cx.null_violation(at, &self.place);
        }
        cx.next
    }
}
