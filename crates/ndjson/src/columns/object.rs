//! Reads objects into struct columns.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, StructArray};
use arrow::datatypes::{DataType, Fields};
use arrow::error::ArrowError;

use crate::columns::column_decoder::ColumnDecoder;
use crate::columns::growing::Nulls;
use crate::columns::key_predictor::{self, FoundKey, KeyPredictor, KeyState, NO_FIELD};
use crate::columns::leaf;
use crate::record::ReadRecord;
use crate::values::field_label::FieldLabel;
use crate::values::lex::{self, StringText, byte_at, bytes_in};
use crate::values::read_error::{ReadContext, ReadError, ReadResult};

/// A field of an object.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) decoder: ColumnDecoder,
    pub(crate) nullable: bool,
    pub(crate) label: FieldLabel,
    /// Whether its values are returned. Otherwise they are only checked: what a
    /// query reads must not decide which records are malformed.
    pub(crate) returned: bool,
}

/// A struct column.
#[derive(Debug)]
pub(crate) struct StructDecoder {
    pub(super) members: Vec<Member>,
    /// From name to index in `members`.
    pub(super) names: HashMap<Box<[u8]>, u32>,
    key_predictor: KeyPredictor,
    /// A bit for each of the first 64 members.
    all_members: u64,
    /// For each member after the 64th, whether the object being read has it.
    seen_beyond_64: Vec<bool>,
    rows: usize,
    nulls: Nulls,
    label: FieldLabel,
}

/// What follows at a position where a key is expected.
enum NextKey {
    Found(FoundKey),
    /// The closing brace, with the index after it.
    End(usize),
}

impl StructDecoder {
    /// A column of `members`, in the order of the struct's fields.
    pub(crate) fn new(members: Vec<(Box<[u8]>, Member)>, label: FieldLabel) -> Self {
        let all_members = match members.len() {
            count @ 0..64 => (1 << count) - 1,
            _ => u64::MAX,
        };
        let names = members.iter().zip(0..);
        let names = names.map(|((name, _), index)| (name.clone(), index));
        let names = names.collect();
        Self {
            names,
            all_members,
            seen_beyond_64: vec![false; members.len().saturating_sub(64)],
            members: members.into_iter().map(|(_, member)| member).collect(),
            key_predictor: KeyPredictor::new(),
            rows: 0,
            nulls: Nulls::default(),
            label,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.rows
    }

    pub(crate) fn push_null(&mut self) {
        for member in &mut self.members {
            member.decoder.push_null();
        }
        self.nulls.push_row(self.rows);
        self.rows += 1;
    }

    pub(crate) fn truncate(&mut self, rows: usize) {
        for member in &mut self.members {
            member.decoder.truncate(rows);
        }
        self.nulls.truncate(rows);
        self.rows = self.rows.min(rows);
    }

    /// The arrays of the returned members, whose fields are `fields`, for a
    /// struct or for a batch's columns.
    pub(crate) fn finish_members(&mut self, fields: &Fields) -> Result<Vec<ArrayRef>, ArrowError> {
        self.rows = 0;
        self.nulls.truncate(0);
        let mut arrays = Vec::with_capacity(fields.len());
        let mut fields = fields.iter();
        for member in &mut self.members {
            if !member.returned {
                member.decoder.truncate(0);
            } else if let Some(field) = fields.next() {
                arrays.push(member.decoder.finish_array(field.data_type())?);
            }
        }
        Ok(arrays)
    }

    pub(crate) fn finish_array(&mut self, data_type: &DataType) -> Result<ArrayRef, ArrowError> {
        let DataType::Struct(fields) = data_type else {
            return Err(ArrowError::SchemaError(format!(
                "{data_type} is not a struct"
            )));
        };
        let rows = self.rows;
        let nulls = self.nulls.finish_validity(rows);
        let arrays = self.finish_members(fields)?;
        let array = StructArray::try_new_with_length(fields.clone(), arrays, nulls, rows)?;
        Ok(Arc::new(array))
    }

    /// Appends the object at `pos`.
    pub(crate) fn read_object(
        &mut self,
        buf: &[u8],
        pos: usize,
        cx: &mut ReadContext,
    ) -> ReadResult {
        if byte_at(buf, pos) != b'{' {
            return Err(leaf::misfit_error(buf, pos, &self.label, cx));
        }
        if self.members.is_empty() {
            let end = lex::skip_container(buf, pos, cx)?;
            if !cx.has_unheld && byte_at(buf, lex::skip_space(buf, pos + 1)) != b'}' {
                cx.record_new_field(buf, pos + 1, &self.label);
            }
            self.rows += 1;
            return Ok(end);
        }
        let mut seen = 0u64;
        if !self.seen_beyond_64.is_empty() {
            // A broken line may have left some set.
            self.seen_beyond_64.fill(false);
        }
        let mut at = key_predictor::AFTER_BRACE;
        let mut pos = pos + 1;
        loop {
            let found = match self.key_predictor.guess_key(at, buf, pos) {
                Some(found) => found,
                None => match self.read_key(at, buf, pos, cx)? {
                    NextKey::Found(found) => found,
                    NextKey::End(end) => {
                        self.close_object(seen, end - 1, cx);
                        return Ok(end);
                    }
                },
            };
            at = found.state;
            let value = lex::skip_space(buf, found.value_start);
            pos = match found.target {
                NO_FIELD => {
                    if !cx.has_unheld {
                        cx.record_new_field(buf, pos, &self.label);
                    }
                    lex::skip_value(buf, value, cx)?
                }
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
        cx: &mut ReadContext,
    ) -> ReadResult {
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
            let more = self.seen_beyond_64.get_mut(index - 64);
            more.is_some_and(|seen| std::mem::replace(seen, true))
        };
        if twice {
            // Of equal keys the last one wins.
            member.decoder.truncate(self.rows);
        }
        match member.decoder.read_value(buf, pos, cx) {
            Ok(end) => Ok(end),
            Err(ReadError::Broken) => Err(ReadError::Broken),
            Err(fault) => Ok(member.push_missing(fault, pos, cx)),
        }
    }

    /// Appends null for each member that the object does not have.
    #[inline(always)]
    fn close_object(&mut self, seen: u64, brace: usize, cx: &mut ReadContext) {
        let mut missing = self.all_members & !seen;
        while missing != 0 {
            let index = missing.trailing_zeros() as usize;
            missing &= missing - 1;
            if let Some(member) = self.members.get_mut(index) {
                member.push_missing(ReadError::Null, brace, cx);
            }
        }
        if !self.seen_beyond_64.is_empty() {
            self.close_beyond_64(brace, cx);
        }
        self.rows += 1;
    }

    fn close_beyond_64(&mut self, brace: usize, cx: &mut ReadContext) {
        let members = self.members.iter_mut().skip(64);
        for (member, seen) in members.zip(&mut self.seen_beyond_64) {
            if !std::mem::replace(seen, false) {
                member.push_missing(ReadError::Null, brace, cx);
            }
        }
    }

    /// Reads what follows a value or the opening brace, without a guess.
    fn read_key(
        &mut self,
        last_key: KeyState,
        buf: &[u8],
        pos: usize,
        cx: &mut ReadContext,
    ) -> Result<NextKey, ReadError> {
        let mut at = lex::skip_space(buf, pos);
        match byte_at(buf, at) {
            b'}' => return Ok(NextKey::End(at + 1)),
            b',' if last_key != key_predictor::AFTER_BRACE => at = lex::skip_space(buf, at + 1),
            b'"' if last_key == key_predictor::AFTER_BRACE => {}
            b'\n' => return cx.fail_broken(at, "the line ends inside an object"),
            _ if last_key == key_predictor::AFTER_BRACE => {
                return cx.fail_broken(at, "a field name in quotes or } is expected");
            }
            _ => return cx.fail_broken(at, "a comma or } is expected"),
        }
        if byte_at(buf, at) != b'"' {
            return cx.fail_broken(at, "a field name in quotes is expected");
        }
        let (name, end) = lex::read_text(buf, at, cx)?;
        let name = match name {
            StringText::Plain(name) => name,
            StringText::Scratch => &cx.scratch,
        };
        let target = self.names.get(name).copied().unwrap_or(NO_FIELD);
        let colon = lex::skip_space(buf, end);
        if byte_at(buf, colon) != b':' {
            return cx.fail_broken(colon, "a colon is expected after the field name");
        }
        let value = lex::skip_space(buf, colon + 1);
        let at = self
            .key_predictor
            .learn_key(last_key, bytes_in(buf, pos..value), target);
        Ok(NextKey::Found(FoundKey {
            state: at,
            target,
            value_start: value,
        }))
    }
}

impl ReadRecord for StructDecoder {
    #[inline(always)]
    fn read_record(&mut self, buf: &[u8], pos: usize, cx: &mut ReadContext) -> ReadResult {
        self.read_object(buf, pos, cx)
    }
}

impl Member {
    /// Appends the value at `pos`; null is a value too.
    #[inline(always)]
    pub(crate) fn read_or_null(
        &mut self,
        buf: &[u8],
        pos: usize,
        cx: &mut ReadContext,
    ) -> ReadResult {
        match self.decoder.read_value(buf, pos, cx) {
            Err(ReadError::Null) => Ok(self.push_missing(ReadError::Null, pos, cx)),
            result => result,
        }
    }

    /// Appends null for a value that is missing, null or in conflict, and
    /// returns the index after it (meaningless if the value is missing).
    #[cold]
    fn push_missing(&mut self, fault: ReadError, at: usize, cx: &mut ReadContext) -> usize {
        self.decoder.push_null();
        // A value in conflict is a misfit already, unless it is rescued.
        if (fault == ReadError::Null || cx.rescues) && !self.nullable {
            cx.record_null_violation(at, &self.label);
        }
        cx.value_end
    }
}
