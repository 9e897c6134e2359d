//! Writes events as JSON in the form of Python's `json.dumps`, and the values for
//! which serde_json has no form of its own.

use std::io;

use chrono::{DateTime, SecondsFormat};
use serde::{Serialize, Serializer};
use serde_json::ser::Formatter;
use serde_json::{Map, Value};

/// Appends `value` as one line without its newline.
#[allow(
    clippy::expect_used,
    reason = "values of this crate have text keys, and a write to memory does not fail"
)]
pub(crate) fn append_json(out: &mut Vec<u8>, value: &impl Serialize) {
    let mut serializer = serde_json::Serializer::with_formatter(out, PythonStyle);
    value
        .serialize(&mut serializer)
        .expect("an event can be serialized");
}

/// The fields of an event, in their order.
pub(crate) fn to_fields(event: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(event) {
        Ok(Value::Object(fields)) => fields,
        // Every event is a struct.
        _ => Map::new(),
    }
}

/// A space after each comma and colon.
struct PythonStyle;

impl Formatter for PythonStyle {
    fn begin_array_value<W>(&mut self, writer: &mut W, first: bool) -> io::Result<()>
    where
        W: ?Sized + io::Write,
    {
        writer.write_all(if first { b"" } else { b", " })
    }

    fn begin_object_key<W>(&mut self, writer: &mut W, first: bool) -> io::Result<()>
    where
        W: ?Sized + io::Write,
    {
        writer.write_all(if first { b"" } else { b", " })
    }

    fn begin_object_value<W>(&mut self, writer: &mut W) -> io::Result<()>
    where
        W: ?Sized + io::Write,
    {
        writer.write_all(b": ")
    }
}

/// An amount of cents, written as a number of dollars: `1930.73`, `289.9`, `89.0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cents(pub(crate) i64);

impl Serialize for Cents {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0 as f64 / 100.0)
    }
}

/// Microseconds since 1970-01-01 UTC, written as `2026-01-07T20:58:29.292017Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EventTime(pub(crate) i64);

impl Serialize for EventTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let time = DateTime::from_timestamp_micros(self.0).unwrap_or_default();
        serializer.serialize_str(&time.to_rfc3339_opts(SecondsFormat::Micros, true))
    }
}
