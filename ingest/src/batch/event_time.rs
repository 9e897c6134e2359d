//! Reads an event's time from its field.
//!
//! A text means what it means in a TIMESTAMP column of a job: both are read by
//! `sluice-ndjson`. A number of milliseconds or microseconds, which a TIMESTAMP
//! column does not take, is recognized by its size.

/// Numbers from here on are milliseconds, and from a thousand times as much on
/// they are microseconds. As seconds, this would be the year 5138.
const MILLIS_FROM: i64 = 100_000_000_000;

/// Reads a field's text as it stands in the JSON object, and returns microseconds
/// since the Unix epoch. The text is a string with an ISO 8601 time (UTC if it
/// names no zone), or a number of seconds, milliseconds or microseconds since the
/// epoch.
pub(crate) fn parse_event_time(field: &str) -> Option<i64> {
    let text = field
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    match text {
        None => parse_epoch(field),
        Some(_) if field.contains('\\') => parse_text(&unescape(field)?),
        Some(text) => parse_text(text),
    }
}

fn parse_text(text: &str) -> Option<i64> {
    sluice_ndjson::parse_utc_timestamp(text.as_bytes()).or_else(|| parse_epoch(text.trim()))
}

#[cold]
fn unescape(string: &str) -> Option<String> {
    serde_json::from_str(string).ok()
}

fn parse_epoch(text: &str) -> Option<i64> {
    if let Ok(whole) = text.parse::<i64>() {
        return match whole.unsigned_abs() {
            small if small < MILLIS_FROM.unsigned_abs() => whole.checked_mul(1_000_000),
            middle if middle < MILLIS_FROM.unsigned_abs() * 1000 => whole.checked_mul(1000),
            _ => Some(whole),
        };
    }
    let seconds = text.parse::<f64>().ok()?;
    let scaled = if seconds.abs() < MILLIS_FROM as f64 {
        seconds * 1e6
    } else {
        seconds * 1e3
    };
    (scaled.abs() < 9e18).then_some(scaled as i64)
}

#[cfg(test)]
mod tests;
