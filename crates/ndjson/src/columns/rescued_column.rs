//! The column of what records have and no other column holds.

use std::collections::HashMap;
use std::ops::Range;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Field};
use serde::de::IgnoredAny;

use crate::columns::column_decoder::ColumnDecoder;
use crate::columns::growing::Strings;
use crate::columns::object::{Member, StructDecoder};
use crate::error::SchemaError;
use crate::values::lex::{self, StringText, byte_at, bytes_in};
use crate::values::read_error::{ReadContext, ReadError};

/// The name of the member with the path of the file, as in Databricks.
const FILE_PATH: &str = "_file_path";

/// The rescued-data column. Rows after the last rescued one are implied.
#[derive(Debug)]
pub struct RescuedColumn(Strings);

impl RescuedColumn {
    /// A column without rows.
    ///
    /// # Errors
    /// When the field is not a nullable Utf8.
    pub fn new(field: &Field) -> Result<Self, SchemaError> {
        if field.data_type() == &DataType::Utf8 && field.is_nullable() {
            return Ok(Self(Strings::new()));
        }
        Err(SchemaError::Rescued {
            name: field.name().clone(),
            data_type: Box::new(field.data_type().clone()),
        })
    }

    /// Sets row `row`; rows must ascend.
    pub fn push_text(&mut self, row: usize, text: &str) {
        self.push_nulls(row);
        self.0.push_str(text);
    }

    /// Removes row `rows` and all later ones.
    pub(crate) fn truncate(&mut self, rows: usize) {
        self.0.truncate(rows.min(self.0.len()));
    }

    /// Takes the values as a column of `rows` rows.
    pub fn finish_array(&mut self, rows: usize) -> ArrayRef {
        self.push_nulls(rows);
        self.0.finish_array()
    }

    fn push_nulls(&mut self, rows: usize) {
        for _ in self.0.len()..rows {
            self.0.push_null();
        }
    }
}

/// A JSON object of what the record at `pos` has and its columns do not hold, and of the
/// path of its file; `None` when they hold all. The record was read and its row is not
/// closed.
pub(crate) fn describe_unheld(
    root: &mut StructDecoder,
    buf: &[u8],
    pos: usize,
    file: &str,
    cx: &mut ReadContext,
) -> Option<String> {
    // A record that was read is not broken.
    let members = find_unheld(root, buf, pos, cx).unwrap_or_default();
    if members.is_empty() {
        return None;
    }
    Some(rescued_object(members, file))
}

/// A value of the rescued-data column: a JSON object of these names and values, which are
/// JSON, and of the path of the file.
pub fn rescued_object(mut members: Vec<(String, String)>, file: &str) -> String {
    members.push((
        json_string(FILE_PATH.as_bytes()),
        json_string(file.as_bytes()),
    ));
    write_object(&members)
}

/// The members of the object at `pos` that its columns do not hold, as JSON: fields that
/// are not declared, and those with values that do not fit.
fn find_unheld(
    object: &mut StructDecoder,
    buf: &[u8],
    pos: usize,
    cx: &mut ReadContext,
) -> Result<Vec<(String, String)>, ReadError> {
    let mut found: Vec<(String, Option<String>)> = Vec::new();
    let mut places: HashMap<Vec<u8>, usize> = HashMap::new();
    let mut at = lex::skip_space(buf, pos + 1);
    while byte_at(buf, at) == b'"' {
        let (name, end) = lex::read_text(buf, at, cx)?;
        let name = match name {
            StringText::Plain(name) => name.to_vec(),
            StringText::Scratch => cx.scratch.clone(),
        };
        let colon = lex::skip_space(buf, end);
        let value = lex::skip_space(buf, colon + 1);
        let end = lex::skip_value(buf, value, cx)?;
        let index = object.names.get(name.as_slice());
        let member = index.and_then(|index| object.members.get_mut(*index as usize));
        let unheld = match member {
            Some(member) => find_unheld_value(member, buf, value..end, cx)?,
            None => Some(json_value(bytes_in(buf, value..end))),
        };
        // Of equal keys the last one wins, as in the columns.
        let key = json_string(&name);
        let place = *places.entry(name).or_insert(found.len());
        match found.get_mut(place) {
            Some(earlier) => *earlier = (key, unheld),
            None => found.push((key, unheld)),
        }
        at = lex::skip_space(buf, end);
        if byte_at(buf, at) == b',' {
            at = lex::skip_space(buf, at + 1);
        }
    }
    let found = found.into_iter();
    Ok(found
        .filter_map(|(key, value)| value.map(|value| (key, value)))
        .collect())
}

/// What the column of a member does not hold of the value at `range`.
fn find_unheld_value(
    member: &mut Member,
    buf: &[u8],
    range: Range<usize>,
    cx: &mut ReadContext,
) -> Result<Option<String>, ReadError> {
    if is_held(member, buf, range.start, cx)? {
        return Ok(None);
    }
    match &mut member.decoder {
        ColumnDecoder::Object(inner) if byte_at(buf, range.start) == b'{' => {
            let members = find_unheld(inner, buf, range.start, cx)?;
            Ok((!members.is_empty()).then(|| write_object(&members)))
        }
        _ => Ok(Some(json_value(bytes_in(buf, range)))),
    }
}

/// Whether the column of a member holds all of the value at `pos`. Null is a value, too.
fn is_held(
    member: &mut Member,
    buf: &[u8],
    pos: usize,
    cx: &mut ReadContext,
) -> Result<bool, ReadError> {
    let rows = member.decoder.len();
    let misfit = cx.misfit.take();
    cx.has_unheld = false;
    let read = member.decoder.read_value(buf, pos, cx);
    member.decoder.truncate(rows);
    cx.misfit = misfit;
    match read {
        Ok(_) => Ok(!cx.has_unheld),
        Err(ReadError::Null) => Ok(true),
        Err(ReadError::Conflict) => Ok(false),
        Err(ReadError::Broken) => Err(ReadError::Broken),
    }
}

fn write_object(members: &[(String, String)]) -> String {
    let members = members.iter().map(|(key, value)| format!("{key}:{value}"));
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}

/// A value as it is written in the record. What is skipped is not checked, so what is not
/// JSON, such as `NaN`, becomes a string.
fn json_value(text: &[u8]) -> String {
    let is_json = |text: &&str| serde_json::from_str::<IgnoredAny>(text).is_ok();
    match std::str::from_utf8(text).ok().filter(is_json) {
        Some(text) => text.to_owned(),
        None => json_string(text),
    }
}

/// A text as JSON; bytes that are not UTF-8 are replaced.
pub fn json_string(text: &[u8]) -> String {
    serde_json::Value::from(String::from_utf8_lossy(text)).to_string()
}
