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

/// How far an event's time may be ahead of the clocks that saw its record: two
/// machines' clocks differ.
const CLOCK_TOLERANCE_MS: i64 = 5 * 60 * 1000;

/// The event time, in microseconds since the epoch, as far as it says how complete
/// a partition is: never after its record's own time. `None` for an event from the
/// future, `logged` being the record's time and `now` the time of the poll, both in
/// milliseconds since the epoch: such a clock says nothing.
pub(crate) fn plausible_time(micros: i64, logged: Option<i64>, now: i64) -> Option<i64> {
    let seen = logged.map_or(now, |logged| logged.min(now));
    let limit = seen.saturating_add(CLOCK_TOLERANCE_MS).saturating_mul(1000);
    let cap = logged.unwrap_or(i64::MAX).saturating_mul(1000);
    (micros <= limit).then(|| micros.min(cap))
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
