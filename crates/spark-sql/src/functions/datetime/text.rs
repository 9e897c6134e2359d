//! Dates and timestamps as text: Spark's casts in both directions.

use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

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
    let parts = TimeParts::parse(text)?;
    Some(LocalTime {
        local: join_micros(parts.days?, parts.micros)?,
        zone: parts.zone,
    })
}

/// The instant of a text, read in `zone` unless it names one. A time without a date,
/// such as `12:30` or `T12`, is today's.
pub(crate) fn parse_timestamp(text: &str, zone: Zone) -> Option<i64> {
    parse_instant(text, zone, current_day)
}

/// The day that it is in `zone`. As in Spark, the clock is asked for each text that needs
/// it.
fn current_day(zone: Zone) -> Option<i64> {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    let local = zone.to_local(i64::try_from(since_1970.as_micros()).ok()?)?;
    Some(split_micros(local).0)
}

fn parse_instant(text: &str, zone: Zone, today: impl Fn(Zone) -> Option<i64>) -> Option<i64> {
    let parts = TimeParts::parse(text)?;
    let zone = parts.zone.unwrap_or(zone);
    let days = match parts.days {
        Some(days) => days,
        None => today(zone)?,
    };
    zone.to_instant(join_micros(days, parts.micros)?)
}

/// What a text says of a time.
struct TimeParts {
    /// `None` if it has no date.
    days: Option<i64>,
    /// Microseconds of the day.
    micros: i64,
    zone: Option<Zone>,
}

/// The positions of a text's numbers.
const HOUR: usize = 3;
const SECOND: usize = 5;
const FRACTION: usize = 6;

impl TimeParts {
    fn parse(untrimmed: &str) -> Option<Self> {
        let text = trim_value(untrimmed);
        let bytes = text.as_bytes();
        let (year_sign, start) = match bytes.first()? {
            b'-' => (Some(-1), 1),
            b'+' => (Some(1), 1),
            _ => (None, 0),
        };
        // Not after a blank, as in Spark.
        let begins_with_t = untrimmed.starts_with('T');
        let (mut at, mut position) = if begins_with_t { (HOUR, 1) } else { (0, start) };
        let mut has_date = !begins_with_t;
        // Year, month, day, hour, minute, second, fraction.
        let mut segments = [1_i64, 1, 1, 0, 0, 0, 0];
        let mut zone = None;
        loop {
            let rest = bytes.iter().skip(position);
            let digits = rest.take_while(|b| b.is_ascii_digit()).count();
            let next = bytes.get(position + digits);
            if at == 0 && next == Some(&b':') && year_sign.is_none() {
                (at, has_date) = (HOUR, false);
            }
            let possible = match at {
                0 => (4..=6).contains(&digits),
                FRACTION => true,
                _ => (1..=2).contains(&digits),
            };
            if !possible {
                return None;
            }
            let number = text.get(position..position + digits)?;
            // More than six digits of a fraction are cut off.
            let value = if at == FRACTION {
                format!("{:0<6}", number.get(..6).unwrap_or(number))
                    .parse()
                    .ok()?
            } else {
                number.parse().ok()?
            };
            *segments.get_mut(at)? = value;
            position += digits;
            let Some(next) = next else {
                break;
            };
            match (at, next) {
                (0 | 1, b'-') | (2, b' ' | b'T') | (HOUR | 4, b':') | (SECOND, b'.') => {
                    position += 1;
                }
                (SECOND | FRACTION, _) => {
                    zone = Some(Zone::find(text.get(position..)?.trim())?);
                    break;
                }
                _ => return None,
            }
            at += 1;
        }
        let [year, month, day, hour, minute, second, fraction] = segments;
        if hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let year = year * year_sign.unwrap_or(1);
        Some(Self {
            days: if has_date {
                Some(checked_days(year, month, day)?)
            } else {
                None
            },
            micros: ((hour * 60 + minute) * 60 + second) * MICROS_PER_SECOND + fraction,
            zone,
        })
    }
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

    #[test]
    fn times_without_a_date_are_todays() {
        let berlin = Zone::find("Europe/Berlin").unwrap();
        // It is the 2nd of January 1970 in Berlin, and the 1st elsewhere.
        let today = |zone: Zone| Some(i64::from(zone == berlin));
        for (text, time) in [
            ("12:00", Some("1970-01-02 11:00:00")),
            (" 1:2:3 ", Some("1970-01-02 00:02:03")),
            ("T12", Some("1970-01-02 11:00:00")),
            ("T3:04:05.25", Some("1970-01-02 02:04:05.25")),
            ("12:00:30+02:00", Some("1970-01-01 10:00:30")),
            ("12:00:00 UTC", Some("1970-01-01 12:00:00")),
            ("12", None),
            ("12:", None),
            ("T", None),
            (" T12", None),
            ("t12:00", None),
            ("+12:00", None),
            ("-12:00", None),
            ("123:00", None),
            ("12:00.5", None),
            ("12:00Z", None),
            ("T12Z", None),
            ("24:00", None),
            ("12:60", None),
        ] {
            let parsed = parse_instant(text, berlin, today).map(format_local_time);
            assert_eq!(parsed.as_deref(), time, "{text}");
        }
        assert_eq!(parse_local_time("12:00"), None);
        assert!(parse_timestamp("12:00", Zone::UTC).is_some());
    }
}
