//! Checks that a payload is one JSON object, without building a value.
//!
//! `serde_json` skips values with a stack on the heap: a payload of a million
//! opening brackets must become a reject, and never overflow the stack. Names and
//! values are skipped and not decoded, so that RFC 8259's grammar alone decides:
//! numbers of any size and `\ud800` alone are valid.

use std::fmt;

use memchr::memchr2;
use serde::Deserializer as _;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Where and why a payload is not a JSON object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JsonSyntaxError {
    /// The position of the byte at which this was noticed.
    pub(crate) position: usize,
    pub(crate) problem: String,
}

/// What was found in a valid object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct CheckedObject<'a> {
    /// Whether there is a line feed or carriage return between two tokens.
    pub(crate) has_line_break: bool,
    /// The text of the wanted field's value, including quotes, if it is a string
    /// or a number at the outermost level; the last one if it occurs twice.
    pub(crate) field_value: Option<&'a str>,
}

/// Checks that `text` is one JSON object with nothing but white space around it,
/// and looks for the value of `field`.
pub(crate) fn check_object<'a>(
    text: &'a str,
    field: Option<&str>,
) -> Result<CheckedObject<'a>, JsonSyntaxError> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let field_value = deserializer
        .deserialize_map(FieldFinder { field })
        .and_then(|value| deserializer.end().map(|()| value))
        .map_err(|error| locate_error(text, &error))?;
    Ok(CheckedObject {
        // In a string they must be escaped, so they stand between two tokens.
        has_line_break: memchr2(b'\n', b'\r', text.as_bytes()).is_some(),
        field_value,
    })
}

/// Goes through an object's fields and finds the value of one.
struct FieldFinder<'f> {
    field: Option<&'f str>,
}

impl<'de> Visitor<'de> for FieldFinder<'_> {
    type Value = Option<&'de str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(name) = fields.next_key::<&RawValue>()? {
            let name = name.get();
            // Without its quotes.
            if name.get(1..name.len() - 1) == self.field {
                let value = fields.next_value::<&RawValue>()?.get();
                let is_scalar = value.starts_with(['"', '-']) || value.starts_with(is_digit);
                found = is_scalar.then_some(value);
            } else {
                fields.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

fn is_digit(c: char) -> bool {
    c.is_ascii_digit()
}

fn error_position(text: &str, error: &serde_json::Error) -> usize {
    if error.is_eof() {
        return text.len();
    }
    let lines_before = text
        .split_inclusive('\n')
        .take(error.line().saturating_sub(1));
    let line_start: usize = lines_before.map(str::len).sum();
    line_start + error.column().saturating_sub(1)
}

/// The error with its position as a number of bytes; `serde_json` counts lines and
/// columns, and says so in its message.
fn locate_error(text: &str, error: &serde_json::Error) -> JsonSyntaxError {
    let (line, column) = (error.line(), error.column());
    let message = error.to_string();
    let suffix = format!(" at line {line} column {column}");
    JsonSyntaxError {
        position: error_position(text, error),
        problem: message.strip_suffix(&suffix).unwrap_or(&message).to_owned(),
    }
}

#[cfg(test)]
mod tests;
