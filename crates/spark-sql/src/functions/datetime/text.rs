//! Dates and timestamps as text: Spark's casts in both directions.

use std::fmt::Write as _;

use super::calendar::{
    MICROS_PER_DAY, MICROS_PER_SECOND, checked_days, civil_of_days, join_micros, split_micros,
};
use super::zone::Zone;

/// Spark ignores spaces and control characters around a value.
pub(crate) fn trim_value(text: &str) -> &str {
    text.trim_matches(|c: char| c <= ' ' || c == '\u{7f}')
}

/// The day of texts such as `2024-02-29`, `2024-2-9`, `2024-02`, `2024`, and of
/// timestamps, whose time is ignored.
pub(crate) fn parse_date(text: &str) -> Option<i32> {
    let text = trim_value(text);
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let mut segments = [1_i64; 3];
    let mut at = 0;
    loop {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let possible = if at == 0 { 4..=7 } else { 1..=2 };
        if !possible.contains(&digits) {
            return None;
        }
        let (number, tail) = rest.split_at(digits);
        *segments.get_mut(at)? = number.parse().ok()?;
        rest = tail;
        match rest.bytes().next() {
            None => break,
            Some(b'-') if at < 2 => rest = rest.get(1..)?,
            Some(b' ' | b'T') if at == 2 => break,
            Some(_) => return None,
        }
        at += 1;
    }
    let [year, month, day] = segments;
    let year = if negative { -year } else { year };
    i32::try_from(checked_days(year, month, day)?).ok()
}

/// A text as a timestamp: the local time and the zone that it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LocalTime {
    /// Microseconds since 1970-01-01 on the clock.
    pub(crate) local: i64,
    pub(crate) zone: Option<Zone>,
}

/// The time of texts such as `2024-02-29 13:45:30.5`, `2024-02-29T13:45`,
/// `2024-02-29`, `2024`, with a zone after the seconds.
pub(crate) fn parse_local_time(text: &str) -> Option<LocalTime> {
    let text = trim_value(text);
    let bytes = text.as_bytes();
    let (negative, start) = match bytes.first()? {
        b'-' => (true, 1),
        b'+' => (false, 1),
        _ => (false, 0),
    };
    // Year, month, day, hour, minute, second, fraction.
    let mut segments = [1_i64, 1, 1, 0, 0, 0, 0];
    let mut at = 0;
    let mut position = start;
    let mut zone = None;
    loop {
        let digits = bytes
            .iter()
            .skip(position)
            .take_while(|b| b.is_ascii_digit())
            .count();
        let possible = match at {
            0 => (4..=6).contains(&digits),
            6 => true,
            _ => (1..=2).contains(&digits),
        };
        if !possible {
            return None;
        }
        let number = text.get(position..position + digits)?;
        // More than six digits of a fraction are cut off.
        let value = if at == 6 {
            format!("{:0<6}", number.get(..6).unwrap_or(number))
                .parse()
                .ok()?
        } else {
            number.parse().ok()?
        };
        *segments.get_mut(at)? = value;
        position += digits;
        let Some(next) = bytes.get(position) else {
            break;
        };
        match (at, next) {
            (0 | 1, b'-') | (2, b' ' | b'T') | (3 | 4, b':') | (5, b'.') => position += 1,
            (5 | 6, _) => {
                zone = Some(Zone::find(text.get(position..)?.trim())?);
                break;
            }
            _ => return None,
        }
        at += 1;
    }
    let [year, month, day, hour, minute, second, fraction] = segments;
    let year = if negative { -year } else { year };
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = checked_days(year, month, day)?;
    let micros = ((hour * 60 + minute) * 60 + second) * MICROS_PER_SECOND + fraction;
    Some(LocalTime {
        local: join_micros(days, micros)?,
        zone,
    })
}

/// The instant of a text, read in `zone` unless it names one.
pub(crate) fn parse_timestamp(text: &str, zone: Zone) -> Option<i64> {
    let time = parse_local_time(text)?;
    time.zone.unwrap_or(zone).to_instant(time.local)
}

/// `2024-02-29`; years after 9999 have a sign.
pub(crate) fn format_date(days: i64) -> String {
    let mut text = String::with_capacity(10);
    push_date(&mut text, days);
    text
}

fn push_date(text: &mut String, days: i64) {
    let civil = civil_of_days(days);
    let sign = match civil.year {
        year if year < 0 => "-",
        year if year > 9999 => "+",
        _ => "",
    };
    let _ = write!(
        text,
        "{sign}{:04}-{:02}-{:02}",
        civil.year.abs(),
        civil.month,
        civil.day
    );
}

/// `2024-02-29 13:45:30`, with as many digits of a fraction as it has.
pub(crate) fn format_local_time(local: i64) -> String {
    let (days, micros) = split_micros(local);
    let mut text = String::with_capacity(26);
    push_date(&mut text, days);
    let seconds = micros / MICROS_PER_SECOND;
    let fraction = micros % MICROS_PER_SECOND;
    let _ = write!(
        text,
        " {:02}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    );
    if fraction != 0 {
        let digits = format!(".{fraction:06}");
        text.push_str(digits.trim_end_matches('0'));
    }
    text
}

/// `INTERVAL '1 02:03:04.5' DAY TO SECOND`, or `INTERVAL '1' DAY` for the
/// difference of two dates.
pub(crate) fn format_interval(micros: i64, whole_days: bool) -> String {
    let sign = if micros < 0 { "-" } else { "" };
    let rest = micros.unsigned_abs();
    let (day, second) = (
        MICROS_PER_DAY.unsigned_abs(),
        MICROS_PER_SECOND.unsigned_abs(),
    );
    let days = rest / day;
    if whole_days {
        return format!("INTERVAL '{sign}{days}' DAY");
    }
    let (seconds, fraction) = (rest % day / second, rest % second);
    let mut text = format!(
        "INTERVAL '{sign}{days} {:02}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    );
    if fraction != 0 {
        let digits = format!(".{fraction:06}");
        text.push_str(digits.trim_end_matches('0'));
    }
    text.push_str("' DAY TO SECOND");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_text() {
        for (text, date) in [
            ("2024-02-29", Some("2024-02-29")),
            (" 2024-2-9 ", Some("2024-02-09")),
            ("2024-02", Some("2024-02-01")),
            ("2024", Some("2024-01-01")),
            ("0001-01-01", Some("0001-01-01")),
            ("9999-12-31", Some("9999-12-31")),
            ("1582-10-10", Some("1582-10-10")),
            ("12345-01-01", Some("+12345-01-01")),
            ("2024-01-15 10:00:00", Some("2024-01-15")),
            ("2024-01-15T", Some("2024-01-15")),
            ("2023-02-29", None),
            ("24-01-01", None),
            ("2024/01/01", None),
            ("2024-01-", None),
            ("20240101", None),
            ("2024-01-01x", None),
            ("", None),
        ] {
            let parsed = parse_date(text).map(|days| format_date(days.into()));
            assert_eq!(parsed.as_deref(), date, "{text}");
        }
    }

    #[test]
    fn intervals() {
        for (micros, whole_days, text) in [
            (45 * MICROS_PER_DAY, true, "INTERVAL '45' DAY"),
            (-MICROS_PER_DAY, true, "INTERVAL '-1' DAY"),
            (3_600_000_000, false, "INTERVAL '0 01:00:00' DAY TO SECOND"),
            (-90_500_000, false, "INTERVAL '-0 00:01:30.5' DAY TO SECOND"),
        ] {
            assert_eq!(format_interval(micros, whole_days), text);
        }
    }

    #[test]
    fn timestamps_of_text() {
        for (text, time) in [
            ("2024-01-15 13:45:30.5", Some("2024-01-15 13:45:30.5")),
            (
                "2024-01-15T13:45:30.123456789",
                Some("2024-01-15 13:45:30.123456"),
            ),
            ("2024-01-15 3:4", Some("2024-01-15 03:04:00")),
            ("2024-01-15", Some("2024-01-15 00:00:00")),
            ("2024-01-15 10", Some("2024-01-15 10:00:00")),
            ("2024-01-15T13:45:00+02:00", Some("2024-01-15 11:45:00")),
            (
                "2024-01-15 13:45:00 Europe/Rome",
                Some("2024-01-15 12:45:00"),
            ),
            ("2024-01-15 13:45:00Z", Some("2024-01-15 13:45:00")),
            ("2024-01-15 13:45:00.25Z", Some("2024-01-15 13:45:00.25")),
            ("0001-01-01 00:00:00", Some("0001-01-01 00:00:00")),
            (
                "9999-12-31 23:59:59.999999",
                Some("9999-12-31 23:59:59.999999"),
            ),
            ("2024-01-15 24:00:00", None),
            ("2024-01-15 10:00+02:00", None),
            ("2024-01-15 ten", None),
            ("2024-13-15", None),
        ] {
            let parsed = parse_timestamp(text, Zone::UTC).map(format_local_time);
            assert_eq!(parsed.as_deref(), time, "{text}");
        }
    }
}
