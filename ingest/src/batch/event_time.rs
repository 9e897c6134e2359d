//! Reads an event's time from its field.

use chrono::{DateTime, NaiveDate, NaiveDateTime};

/// Numbers from here on are milliseconds, and from a thousand times as much on
/// they are microseconds. As seconds, this would be the year 5138.
const MILLIS_FROM: i64 = 100_000_000_000;

/// Reads a field's text as it stands in the JSON object, and returns microseconds
/// since the Unix epoch. The text is a string with an ISO 8601 time (UTC if it
/// names no zone), or a number of seconds, milliseconds or microseconds since the
/// epoch.
pub(crate) fn parse_event_time(field: &[u8]) -> Option<i64> {
    match field {
        [b'"', text @ .., b'"'] => parse_exact(text).or_else(|| parse_lenient(text)),
        number => parse_epoch(std::str::from_utf8(number).ok()?),
    }
}

/// Reads `2026-01-07T20:58:29[.f…][Z]`, which nearly all producers write.
fn parse_exact(text: &[u8]) -> Option<i64> {
    let (head, tail) = text.split_at_checked(19)?;
    let two = |at: usize| -> Option<i64> {
        let (high, low) = (head.get(at)?, head.get(at + 1)?);
        (high.is_ascii_digit() && low.is_ascii_digit())
            .then(|| i64::from(high - b'0') * 10 + i64::from(low - b'0'))
    };
    let marks = [(4, b'-'), (7, b'-'), (13, b':'), (16, b':')];
    if !marks.iter().all(|(at, mark)| head.get(*at) == Some(mark))
        || !matches!(head.get(10), Some(b'T' | b' '))
    {
        return None;
    }
    let year = two(0)? * 100 + two(2)?;
    let (month, day) = (two(5)?, two(8)?);
    let (hour, minute, second) = (two(11)?, two(14)?, two(17)?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let tail = tail.strip_suffix(b"Z").unwrap_or(tail);
    let fraction = match tail.strip_prefix(b".") {
        None if tail.is_empty() => 0,
        Some(digits) if (1..=9).contains(&digits.len()) => {
            let mut micros = 0;
            for at in 0..6 {
                let digit = digits.get(at).copied().unwrap_or(b'0');
                if !digit.is_ascii_digit() {
                    return None;
                }
                micros = micros * 10 + i64::from(digit - b'0');
            }
            if !digits.iter().all(u8::is_ascii_digit) {
                return None;
            }
            micros
        }
        _ => return None,
    };
    let days = days_since_epoch(year, month, day)?;
    let seconds = ((days * 24 + hour) * 60 + minute) * 60 + second;
    Some(seconds * 1_000_000 + fraction)
}

/// Days since the epoch of a date in the proleptic Gregorian calendar, by
/// Howard Hinnant's `days_from_civil`.
fn days_since_epoch(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=length).contains(&day) {
        return None;
    }
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year - era * 400;
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

#[cold]
fn parse_lenient(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?.trim();
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.timestamp_micros());
    }
    if let Ok(time) = DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z") {
        return Some(time.timestamp_micros());
    }
    for form in ["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"] {
        if let Ok(time) = NaiveDateTime::parse_from_str(text, form) {
            return Some(time.and_utc().timestamp_micros());
        }
    }
    if let Ok(day) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return Some(day.and_hms_opt(0, 0, 0)?.and_utc().timestamp_micros());
    }
    parse_epoch(text)
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
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_usual_ways_to_write_a_time_are_read() {
        let noon = 1_767_787_200_000_000;
        for text in [
            "\"2026-01-07T12:00:00Z\"",
            "\"2026-01-07T12:00:00\"",
            "\"2026-01-07 12:00:00.000000\"",
            "\"2026-01-07T13:00:00+01:00\"",
            "\"2026-01-07T13:00:00.000+0100\"",
            "\"2026-01-07T12:00\"",
            "1767787200",
            "1767787200000",
            "1767787200000000",
            "1767787200.0",
            "1.7677872e9",
            "\"1767787200\"",
        ] {
            assert_eq!(parse_event_time(text.as_bytes()), Some(noon), "{text}");
        }
        assert_eq!(
            parse_event_time(b"\"2026-01-07\""),
            Some(noon - 12 * 3_600_000_000)
        );
        assert_eq!(
            parse_event_time(b"\"2026-01-07T12:00:00.123456789Z\""),
            Some(noon + 123_456)
        );
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "\"\"",
            "\"yesterday\"",
            "\"2026-02-30T12:00:00Z\"",
            "\"2026-01-07T24:00:00Z\"",
            "\"2026-01-07T12:00:00.Z\"",
            "1e300",
            "\"",
        ] {
            assert_eq!(parse_event_time(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn agrees_with_chrono(micros_since in -60_000_000_000_000_000i64..250_000_000_000_000_000) {
            let time = DateTime::from_timestamp_micros(micros_since).unwrap_or_default();
            let text = format!("\"{}\"", time.format("%Y-%m-%dT%H:%M:%S%.6fZ"));
            prop_assert_eq!(parse_event_time(text.as_bytes()), Some(micros_since));
        }

        #[test]
        fn no_bytes_do_harm(text in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = parse_event_time(&text);
        }
    }
}
