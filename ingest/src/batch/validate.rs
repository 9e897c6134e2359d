//! Decides which payloads become lines, and which become rejects.

use std::fmt;

use super::json_check::{JsonSyntaxError, check_object};

/// Why a payload cannot be a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RejectReason {
    /// The record has no value.
    Tombstone,
    /// The value is empty or only white space.
    Empty,
    NotUtf8,
    /// The value is a JSON object with a raw line break in it.
    LineBreak,
    /// The value is not one JSON object.
    NotAnObject(JsonSyntaxError),
}

impl RejectReason {
    /// The value of `reason` in the reject's line.
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Self::Tombstone => "tombstone",
            Self::Empty => "empty",
            Self::NotUtf8 => "not_utf8",
            Self::LineBreak => "line_break",
            Self::NotAnObject(_) => "not_an_object",
        }
    }
}

impl fmt::Display for RejectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tombstone => f.write_str("the record has no value"),
            Self::Empty => f.write_str("the value is empty"),
            Self::NotUtf8 => f.write_str("the value is not UTF-8"),
            Self::LineBreak => f.write_str("the value spans several lines"),
            Self::NotAnObject(error) => write!(
                f,
                "the value is not one JSON object: byte {}: {}",
                error.position, error.problem
            ),
        }
    }
}

/// Checks whether a payload becomes a line. Returns the text of its event time
/// field, including quotes.
pub(crate) fn validate_payload<'a>(
    payload: Option<&'a [u8]>,
    field: Option<&str>,
) -> Result<Option<&'a str>, RejectReason> {
    let payload = payload.ok_or(RejectReason::Tombstone)?;
    if payload.trim_ascii().is_empty() {
        return Err(RejectReason::Empty);
    }
    let text = simdutf8::basic::from_utf8(payload).map_err(|_| RejectReason::NotUtf8)?;
    let checked = check_object(text, field).map_err(RejectReason::NotAnObject)?;
    if checked.has_line_break {
        return Err(RejectReason::LineBreak);
    }
    Ok(checked.field_value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(payload: Option<&[u8]>) -> &'static str {
        match validate_payload(payload, None) {
            Ok(_) => "line",
            Err(reject) => reject.as_str(),
        }
    }

    #[test]
    fn every_kind_of_payload_has_its_place() {
        assert_eq!(reason(Some(b"{\"a\":1}")), "line");
        assert_eq!(reason(Some(b" {} ")), "line");
        assert_eq!(reason(Some("{\"a\":\"\u{e9}\"}".as_bytes())), "line");
        assert_eq!(reason(None), "tombstone");
        assert_eq!(reason(Some(b"")), "empty");
        assert_eq!(reason(Some(b" \n")), "empty");
        assert_eq!(reason(Some(b"{\"a\":\"\xff\"}")), "not_utf8");
        assert_eq!(reason(Some(b"{\n}")), "line_break");
        assert_eq!(reason(Some(b"{}\n")), "line_break");
        assert_eq!(reason(Some(b"{}\r")), "line_break");
        for broken in [
            "[1]",
            "1",
            "\"a\"",
            "null",
            "{\"a\":",
            "{} {}",
            "\u{feff}{}",
        ] {
            assert_eq!(reason(Some(broken.as_bytes())), "not_an_object", "{broken}");
        }
    }
}
