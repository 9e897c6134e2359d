//! Writes lines that hold more than a value: envelopes and rejects.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::validate::RejectReason;
use crate::kafka::Record;

/// Appends the envelope of a record whose value is one JSON object. The value is
/// copied byte for byte.
pub(crate) fn append_envelope(record: &Record<'_>, value: &[u8], to: &mut Vec<u8>) {
    append_head(record, to);
    to.extend_from_slice(b",\"value\":");
    to.extend_from_slice(value);
    to.extend_from_slice(b"}\n");
}

/// Appends the line of a reject, with the value in base64.
pub(crate) fn append_reject(record: &Record<'_>, why: &RejectReason, to: &mut Vec<u8>) {
    append_head(record, to);
    to.extend_from_slice(b",\"reason\":\"");
    to.extend_from_slice(why.as_str().as_bytes());
    to.extend_from_slice(b"\",\"detail\":");
    append_string(&why.to_string(), to);
    to.extend_from_slice(b",\"value_base64\":");
    match record.value {
        Some(value) => append_base64(value, to),
        None => to.extend_from_slice(b"null"),
    }
    to.extend_from_slice(b"}\n");
}

/// Appends `{"partition":…,"offset":…` and the metadata, without the closing
/// brace.
fn append_head(record: &Record<'_>, to: &mut Vec<u8>) {
    to.extend_from_slice(b"{\"partition\":");
    append_number(i64::from(record.partition), to);
    to.extend_from_slice(b",\"offset\":");
    append_number(record.offset, to);
    if let Some((millis, by_broker)) = record.metadata.timestamp() {
        to.extend_from_slice(b",\"timestamp_ms\":");
        append_number(millis, to);
        to.extend_from_slice(match by_broker {
            true => b",\"timestamp_type\":\"log_append\"".as_slice(),
            false => b",\"timestamp_type\":\"create\"",
        });
    }
    if let Some(key) = record.metadata.key() {
        to.push(b',');
        append_text_or_base64("key", key, to);
    }
    let mut any = false;
    record.metadata.headers(&mut |name, value| {
        to.extend_from_slice(match any {
            true => b",".as_slice(),
            false => b",\"headers\":[",
        });
        any = true;
        to.extend_from_slice(b"{\"name\":");
        append_string(name, to);
        to.push(b',');
        match value {
            Some(value) => append_text_or_base64("value", value, to),
            None => to.extend_from_slice(b"\"value\":null"),
        }
        to.push(b'}');
    });
    if any {
        to.push(b']');
    }
}

fn append_number(number: i64, to: &mut Vec<u8>) {
    to.extend_from_slice(number.to_string().as_bytes());
}

/// Appends `"name":"text"`, or `"name_base64":"…"` for bytes that are not UTF-8.
fn append_text_or_base64(name: &str, bytes: &[u8], to: &mut Vec<u8>) {
    to.push(b'"');
    to.extend_from_slice(name.as_bytes());
    match simdutf8::basic::from_utf8(bytes) {
        Ok(text) => {
            to.extend_from_slice(b"\":");
            append_string(text, to);
        }
        Err(_) => {
            to.extend_from_slice(b"_base64\":");
            append_base64(bytes, to);
        }
    }
}

fn append_string(text: &str, to: &mut Vec<u8>) {
    // Writing a string to memory cannot fail.
    let _ = serde_json::to_writer(to, text);
}

fn append_base64(bytes: &[u8], to: &mut Vec<u8>) {
    to.push(b'"');
    to.extend_from_slice(STANDARD.encode(bytes).as_bytes());
    to.push(b'"');
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::batch::json_check::JsonSyntaxError;
    use crate::kafka::RecordMetadata;

    type Header = (String, Option<Vec<u8>>);

    #[derive(Debug, Default)]
    pub(crate) struct FakeMetadata {
        pub(crate) key: Option<Vec<u8>>,
        pub(crate) timestamp: Option<(i64, bool)>,
        pub(crate) headers: Vec<Header>,
    }

    impl RecordMetadata for FakeMetadata {
        fn key(&self) -> Option<&[u8]> {
            self.key.as_deref()
        }

        fn timestamp(&self) -> Option<(i64, bool)> {
            self.timestamp
        }

        fn headers(&self, each: &mut dyn FnMut(&str, Option<&[u8]>)) {
            for (name, value) in &self.headers {
                each(name, value.as_deref());
            }
        }
    }

    fn parse_line(line: &[u8]) -> Value {
        assert_eq!(line.iter().filter(|b| **b == b'\n').count(), 1);
        serde_json::from_slice(line).unwrap()
    }

    #[test]
    fn an_envelope_holds_everything_and_the_value_unchanged() {
        let meta = FakeMetadata {
            key: Some(b"user\"1".to_vec()),
            timestamp: Some((1_700_000_000_123, false)),
            headers: vec![
                ("trace".to_owned(), Some(b"a\xff".to_vec())),
                ("none".to_owned(), None),
            ],
        };
        let value = b"{ \"a\" : 1.50 }";
        let record = Record {
            partition: 3,
            offset: 42,
            value: Some(value),
            metadata: &meta,
        };
        let mut out = Vec::new();
        append_envelope(&record, value, &mut out);
        assert!(out.windows(value.len()).any(|part| part == value));
        assert_eq!(
            parse_line(&out),
            json!({
                "partition": 3, "offset": 42, "timestamp_ms": 1_700_000_000_123_i64,
                "timestamp_type": "create", "key": "user\"1",
                "headers": [{"name": "trace", "value_base64": "Yf8="}, {"name": "none", "value": null}],
                "value": {"a": 1.5},
            })
        );
    }

    #[test]
    fn a_reject_says_why_and_keeps_the_bytes() {
        let meta = FakeMetadata::default();
        let mut record = Record {
            partition: 0,
            offset: 7,
            value: Some(b"{\n"),
            metadata: &meta,
        };
        let why = RejectReason::NotAnObject(JsonSyntaxError {
            position: 2,
            problem: "the object is not closed".to_owned(),
        });
        let mut out = Vec::new();
        append_reject(&record, &why, &mut out);
        assert_eq!(
            parse_line(&out),
            json!({
                "partition": 0, "offset": 7, "reason": "not_an_object",
                "detail": "the value is not one JSON object: byte 2: the object is not closed",
                "value_base64": "ewo=",
            })
        );
        record.value = None;
        out.clear();
        append_reject(&record, &RejectReason::Tombstone, &mut out);
        assert_eq!(parse_line(&out)["value_base64"], Value::Null);
    }
}
