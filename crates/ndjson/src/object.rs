//! Reads objects into struct columns.

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
    /// From name to index in `members`.
    names: HashMap<Box<[u8]>, u32>,
    shape: Shape,
    /// A bit for each of the first 64 members.
    all: u64,
    /// For each member after the 64th, whether the object being read has it.
    seen_more: Vec<bool>,
    rows: usize,
    nulls: Nulls,
    place: Place,
}

/// What follows at a position where a key is expected.
enum Key {
    Found(Found),
    /// The closing brace, with the index after it.
    End(usize),
}

impl ObjectNode {
    /// A column of `members`, in the order of the struct's fields.
    pub(crate) fn new(members: Vec<(Box<[u8]>, Member)>, place: Place) -> Self {
        let all = match members.len() {
            count @ 0..64 => (1 << count) - 1,
            _ => u64::MAX,
        };
        let names = members.iter().zip(0..);
        let names = names.map(|((name, _), index)| (name.clone(), index));
        let names = names.collect();
        Self {
            names,
            all,
            seen_more: vec![false; members.len().saturating_sub(64)],
            members: members.into_iter().map(|(_, member)| member).collect(),
            shape: Shape::new(),
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
            return Err(ArrowError::SchemaError(format!(
                "{data_type} is not a struct"
            )));
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
        let mut seen = 0u64;
        if !self.seen_more.is_empty() {
            // A broken line may have left some set.
            self.seen_more.fill(false);
        }
        let mut at = shape::START;
        let mut pos = pos + 1;
        loop {
            let found = match self.shape.guess(at, buf, pos) {
                Some(found) => found,
                None => match self.read_key(at, buf, pos, cx)? {
                    Key::Found(found) => found,
                    Key::End(end) => {
                        self.close(seen, end - 1, cx);
                        return Ok(end);
                    }
                },
            };
            at = found.at;
            let value = lex::skip_space(buf, found.value);
            pos = match found.target {
                SKIP => lex::skip_value(buf, value, cx)?,
                target => self.read_member(target, &mut seen, buf, value, cx)?,
            };
        }
    }

    #[inline(always)]
    fn read_member(
        &mut self,
        index: u32,
        seen: &mut u64,
        buf: &[u8],
        pos: usize,
        cx: &mut Cx,
    ) -> Step {
        let index = index as usize;
        let Some(member) = self.members.get_mut(index) else {
            return lex::skip_value(buf, pos, cx);
        };
        let twice = if index < 64 {
            let bit = 1 << index;
            let twice = *seen & bit != 0;
            *seen |= bit;
            twice
        } else {
            let more = self.seen_more.get_mut(index - 64);
            more.is_some_and(|seen| std::mem::replace(seen, true))
        };
        if twice {
            // Of equal keys the last one wins.
            member.node.truncate(self.rows);
        }
        match member.node.read(buf, pos, cx) {
            Ok(end) => Ok(end),
            Err(Fault::Broken) => Err(Fault::Broken),
            Err(fault) => Ok(member.push_missing(fault, pos, cx)),
        }
    }

    /// Appends null for each member that the object does not have.
    #[inline(always)]
    fn close(&mut self, seen: u64, brace: usize, cx: &mut Cx) {
        let mut missing = self.all & !seen;
        while missing != 0 {
            let index = missing.trailing_zeros() as usize;
            missing &= missing - 1;
            if let Some(member) = self.members.get_mut(index) {
                member.push_missing(Fault::Null, brace, cx);
            }
        }
        if !self.seen_more.is_empty() {
            self.close_more(brace, cx);
        }
        self.rows += 1;
    }

    fn close_more(&mut self, brace: usize, cx: &mut Cx) {
        let members = self.members.iter_mut().skip(64);
        for (member, seen) in members.zip(&mut self.seen_more) {
            if !std::mem::replace(seen, false) {
                member.push_missing(Fault::Null, brace, cx);
            }
        }
    }

    /// Reads what follows a value or the opening brace, without a guess.
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
    /// returns the index after it (meaningless if the value is missing).
    #[cold]
    fn push_missing(&mut self, fault: Fault, at: usize, cx: &mut Cx) -> usize {
        self.node.push_null();
        if fault == Fault::Null && !self.nullable {
            cx.null_violation(at, &self.place);
        }
        cx.next
    }
}
