//! Finds the type of one record.

use crate::record::ReadRecord;
use crate::types::inferred_type::{InferredType, type_of_integer};
use crate::values::lex::{self, Scalar, StringText, byte_at, bytes_in};
use crate::values::read_error::{ReadContext, ReadError, ReadResult};

/// What is deeper in a record is a text.
const MAX_DEPTH: usize = 50;

/// The type of all records that were read, a struct.
#[derive(Debug)]
pub(crate) struct TypeReader {
    pub(crate) found: InferredType,
    /// The fields of records are those that no record before had: its type is to be
    /// counted.
    pub(crate) has_grown: bool,
}

impl TypeReader {
    pub(crate) const fn new() -> Self {
        Self {
            found: InferredType::EMPTY,
            has_grown: false,
        }
    }
}

impl ReadRecord for TypeReader {
    /// Adds the type of the object at `pos`; of a broken one nothing.
    fn read_record(&mut self, buf: &[u8], pos: usize, cx: &mut ReadContext) -> ReadResult {
        let (end, is_known) = read_value(Some(&self.found), buf, pos, 0, cx)?;
        if !is_known {
            let (found, _) = infer_value(buf, pos, 0, cx)?;
            let known = std::mem::replace(&mut self.found, InferredType::Null);
            self.found = known.merge(found);
            self.has_grown = true;
        }
        Ok(end)
    }
}

/// The end of the value at `pos`, and whether `known` holds it already.
fn read_value(
    known: Option<&InferredType>,
    buf: &[u8],
    pos: usize,
    depth: usize,
    cx: &mut ReadContext,
) -> Result<(usize, bool), ReadError> {
    match byte_at(buf, pos) {
        b'{' | b'[' if depth == MAX_DEPTH => {
            let end = lex::skip_container(buf, pos, cx)?;
            Ok((end, known == Some(&InferredType::String)))
        }
        b'{' => {
            let fields = match known {
                Some(InferredType::Struct(fields)) => Some(fields.as_slice()),
                _ => None,
            };
            let mut is_known = fields.is_some() || known == Some(&InferredType::String);
            let end = read_members(buf, pos, cx, |name, value, cx| {
                let of = fields.and_then(|fields| find_field(fields, name));
                let (end, holds) = read_value(of, buf, value, depth + 1, cx)?;
                let is_named = std::str::from_utf8(name).is_ok();
                is_known &= fields.is_none() || !is_named || (of.is_some() && holds);
                Ok(end)
            })?;
            Ok((end, is_known))
        }
        b'[' => {
            let element = match known {
                Some(InferredType::Array(element)) => Some(element.as_ref()),
                _ => None,
            };
            let mut is_known = element.is_some() || known == Some(&InferredType::String);
            let end = read_elements(buf, pos, cx, |value, cx| {
                let (end, holds) = read_value(element, buf, value, depth + 1, cx)?;
                is_known &= element.is_none() || holds;
                Ok(end)
            })?;
            Ok((end, is_known))
        }
        _ => {
            let (found, end) = infer_scalar(buf, pos, cx)?;
            Ok((end, known.is_some_and(|known| holds_scalar(known, &found))))
        }
    }
}

/// Whether merging a scalar changes a type.
fn holds_scalar(known: &InferredType, found: &InferredType) -> bool {
    use InferredType as Of;
    match (known, found) {
        (_, Of::Null) | (Of::String, _) | (Of::Double, Of::Long | Of::Decimal(..)) => true,
        (known, found) => known == found,
    }
}

/// The type of the value at `pos`, and its end. It was read before, so it is not broken.
fn infer_value(
    buf: &[u8],
    pos: usize,
    depth: usize,
    cx: &mut ReadContext,
) -> Result<(InferredType, usize), ReadError> {
    match byte_at(buf, pos) {
        b'{' | b'[' if depth == MAX_DEPTH => {
            let end = lex::skip_container(buf, pos, cx)?;
            Ok((InferredType::String, end))
        }
        b'{' => {
            let mut fields: Vec<(String, InferredType)> = Vec::new();
            let end = read_members(buf, pos, cx, |name, value, cx| {
                // Nothing is called by what is not UTF-8.
                let name = std::str::from_utf8(name).ok().map(str::to_owned);
                let (found, end) = infer_value(buf, value, depth + 1, cx)?;
                if let Some(name) = name {
                    fields.push((name, found));
                }
                Ok(end)
            })?;
            // Of equal names the types are merged: which one counts is the decoder's matter.
            fields.sort_by(|(a, _), (b, _)| a.cmp(b));
            let mut distinct: Vec<(String, InferredType)> = Vec::with_capacity(fields.len());
            for (name, found) in fields {
                match distinct.last_mut() {
                    Some((last, of)) if *last == name => {
                        let known = std::mem::replace(of, InferredType::Null);
                        *of = known.merge(found);
                    }
                    _ => distinct.push((name, found)),
                }
            }
            Ok((InferredType::Struct(distinct), end))
        }
        b'[' => {
            let mut element = InferredType::Null;
            let end = read_elements(buf, pos, cx, |value, cx| {
                let (found, end) = infer_value(buf, value, depth + 1, cx)?;
                let known = std::mem::replace(&mut element, InferredType::Null);
                element = known.merge(found);
                Ok(end)
            })?;
            Ok((InferredType::Array(Box::new(element)), end))
        }
        _ => infer_scalar(buf, pos, cx),
    }
}

fn infer_scalar(
    buf: &[u8],
    pos: usize,
    cx: &mut ReadContext,
) -> Result<(InferredType, usize), ReadError> {
    if byte_at(buf, pos) == b'"' {
        // A column of texts has the line broken by an escape that does not exist.
        let (_, end) = lex::read_text(buf, pos, cx)?;
        // Writers of JSON may have no other null.
        let is_empty = end == pos + 2;
        let found = match is_empty {
            true => InferredType::Null,
            false => InferredType::String,
        };
        return Ok((found, end));
    }
    let (scalar, end) = lex::read_scalar(buf, pos, cx)?;
    let found = match scalar {
        Scalar::Null => InferredType::Null,
        Scalar::True | Scalar::False => InferredType::Boolean,
        Scalar::Integer => type_of_integer(bytes_in(buf, pos..end)),
        Scalar::Fraction | Scalar::Special(_) => InferredType::Double,
    };
    Ok((found, end))
}

fn find_field<'a>(fields: &'a [(String, InferredType)], name: &[u8]) -> Option<&'a InferredType> {
    let index = fields.binary_search_by(|(known, _)| known.as_bytes().cmp(name));
    let (_, of) = fields.get(index.ok()?)?;
    Some(of)
}

/// Reads the object at `pos`: `read` gets the name of each member and where its value
/// begins, and gives where that ends.
fn read_members(
    buf: &[u8],
    pos: usize,
    cx: &mut ReadContext,
    mut read: impl FnMut(&[u8], usize, &mut ReadContext) -> ReadResult,
) -> ReadResult {
    let mut at = lex::skip_space(buf, pos + 1);
    if byte_at(buf, at) == b'}' {
        return Ok(at + 1);
    }
    loop {
        if byte_at(buf, at) != b'"' {
            return cx.fail_broken(at, "a key in double quotes is expected");
        }
        let (name, end) = lex::read_text(buf, at, cx)?;
        let owned;
        let name = match name {
            StringText::Plain(name) => name,
            StringText::Scratch => {
                owned = cx.scratch.clone();
                &owned
            }
        };
        let colon = lex::skip_space(buf, end);
        if byte_at(buf, colon) != b':' {
            return cx.fail_broken(colon, "a colon is expected after the key");
        }
        let value = lex::skip_space(buf, colon + 1);
        let end = read(name, value, cx)?;
        at = lex::skip_space(buf, end);
        match byte_at(buf, at) {
            b',' => at = lex::skip_space(buf, at + 1),
            b'}' => return Ok(at + 1),
            _ => return cx.fail_broken(at, "a comma or a closing brace is expected"),
        }
    }
}

/// Reads the array at `pos`: `read` gets where each element begins, and gives where it
/// ends.
fn read_elements(
    buf: &[u8],
    pos: usize,
    cx: &mut ReadContext,
    mut read: impl FnMut(usize, &mut ReadContext) -> ReadResult,
) -> ReadResult {
    let mut at = lex::skip_space(buf, pos + 1);
    if byte_at(buf, at) == b']' {
        return Ok(at + 1);
    }
    loop {
        let end = read(at, cx)?;
        at = lex::skip_space(buf, end);
        match byte_at(buf, at) {
            b',' => at = lex::skip_space(buf, at + 1),
            b']' => return Ok(at + 1),
            _ => return cx.fail_broken(at, "a comma or a closing bracket is expected"),
        }
    }
}
