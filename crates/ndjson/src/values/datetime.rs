//! Parses dates and timestamps as Spark's default formatters do
//! (`stringToTimestamp` and `stringToDate` of its `DateTimeUtils`).

use sluice_values::TimeZone;

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

/// Whether a text may name its time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Zones {
    /// A zone may follow the time; without one, the time is in this zone.
    Allowed(TimeZone),
    /// The times are local: a zone is a conflict.
    Refused,
}

impl Zones {
    /// A time that names no zone.
    fn instant_of(self, local: i64) -> Option<i64> {
        match self {
            Self::Refused => Some(local),
            Self::Allowed(zone) => zone.to_instant(local),
        }
    }
}

/// Microseconds since 1970-01-01T00:00:00 (UTC, or local if zones are refused).
/// Digits of the fraction after the sixth are dropped.
#[inline]
pub fn parse_timestamp(text: &[u8], zones: Zones) -> Option<i64> {
    match text.as_array::<27>() {
        Some(text) if matches!(zones, Zones::Allowed(_)) => {
            parse_exact(text).or_else(|| parse_canonical(text, zones))
        }
        _ => parse_canonical(text, zones),
    }
    .or_else(|| parse_lenient(text, zones))
}

/// Microseconds since 1970-01-01T00:00:00Z of a text that a TIMESTAMP column
/// accepts. A text without a zone is in UTC.
pub fn parse_utc_timestamp(text: &[u8]) -> Option<i64> {
    parse_timestamp(text, Zones::Allowed(TimeZone::UTC))
}

/// Parses `YYYY-MM-DDThh:mm:ss.ffffffZ`, the form that most producers write,
/// eight bytes at a time.
#[inline(always)]
fn parse_exact(text: &[u8; 27]) -> Option<i64> {
    const DATE: TextForm = TextForm::new(b"0000-00-");
    const TIME: TextForm = TextForm::new(b"00T00:00");
    const END: TextForm = TextForm::new(b":00.0000");
    let (words, rest) = text.as_chunks::<8>();
    let ([date, time, end], [tens, ones, b'Z']) = (words, rest) else {
        return None;
    };
    if !(tens.is_ascii_digit() && ones.is_ascii_digit()) {
        return None;
    }
    let [y0, _, y2, _, _, month, _, _] = DATE.digit_pairs(date)?;
    let [day, _, _, hour, _, _, minute, _] = TIME.digit_pairs(time)?;
    let [_, second, _, _, f0, _, f2, _] = END.digit_pairs(end)?;
    let days = days_since_epoch(y0 * 100 + y2, month, day)?;
    let clock = time_of_day_micros(hour, minute, second)?;
    let ones = i64::from(tens & 15) * 10 + i64::from(ones & 15);
    Some(days * DAY + clock + f0 * 10_000 + f2 * 100 + ones)
}

/// A pattern of eight bytes: zeros stand for digits, other characters for
/// themselves.
struct TextForm {
    text: u64,
    /// Added to a byte, it carries into the byte's highest bit if the byte is not
    /// a digit or not the expected character.
    limits: u64,
}

impl TextForm {
    const fn new(text: &[u8; 8]) -> Self {
        let mut limits = [0; 8];
        let mut n = 0;
        while n < 8 {
            limits[n] = if text[n] == b'0' { 0x76 } else { 0x7f };
            n += 1;
        }
        Self {
            text: u64::from_le_bytes(*text),
            limits: u64::from_le_bytes(limits),
        }
    }

    /// For each byte, ten times its digit plus the next digit.
    #[inline(always)]
    fn digit_pairs(&self, text: &[u8; 8]) -> Option<[i64; 8]> {
        let digits = u64::from_le_bytes(*text) ^ self.text;
        if (digits.wrapping_add(self.limits) | digits) & 0x8080_8080_8080_8080 != 0 {
            return None;
        }
        let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
        Some(pairs.to_le_bytes().map(i64::from))
    }
}

/// Parses `YYYY-MM-DDThh:mm:ss`, with or without a fraction of up to nine
/// digits and a `Z`.
#[inline(always)]
fn parse_canonical(text: &[u8], zones: Zones) -> Option<i64> {
    let (head, tail) = text.split_first_chunk::<19>()?;
    let [
        y0,
        y1,
        y2,
        y3,
        b'-',
        m0,
        m1,
        b'-',
        d0,
        d1,
        b'T' | b' ',
        rest @ ..,
    ] = head
    else {
        return None;
    };
    let [h0, h1, b':', n0, n1, b':', s0, s1] = rest else {
        return None;
    };
    let digits = [y0, y1, y2, y3, m0, m1, d0, d1, h0, h1, n0, n1, s0, s1];
    if !digits.iter().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let two = |a: &u8, b: &u8| i64::from(a & 15) * 10 + i64::from(b & 15);
    let year = two(y0, y1) * 100 + two(y2, y3);
    let days = days_since_epoch(year, two(m0, m1), two(d0, d1))?;
    let clock = time_of_day_micros(two(h0, h1), two(n0, n1), two(s0, s1))?;
    let (fraction, zone) = match tail {
        [b'.', rest @ ..] => parse_fraction(rest)?,
        rest => (0, rest),
    };
    let zoned = match zone {
        [] => false,
        [b'Z'] => true,
        _ => return None,
    };
    let local = days * DAY + clock + fraction;
    match zones {
        Zones::Refused => (!zoned).then_some(local),
        Zones::Allowed(_) if zoned => Some(local),
        Zones::Allowed(zone) => zone.to_instant(local),
    }
}

/// Up to nine digits of a fraction as microseconds, and the rest of the text.
#[inline(always)]
fn parse_fraction(text: &[u8]) -> Option<(i64, &[u8])> {
    let length = text.iter().take_while(|b| b.is_ascii_digit()).count();
    if length > 9 {
        return None;
    }
    let (digits, rest) = text.split_at_checked(length)?;
    let mut micros = 0;
    for digit_index in 0..6 {
        let digit = digits.get(digit_index).map_or(0, |b| i64::from(b & 15));
        micros = micros * 10 + digit;
    }
    Some((micros, rest))
}

/// Microseconds since midnight.
#[inline(always)]
fn time_of_day_micros(hour: i64, minute: i64, second: i64) -> Option<i64> {
    let valid = hour < 24 && minute < 60 && second < 60;
    valid.then_some((hour * 3600 + minute * 60 + second) * SECOND)
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar, by H. Hinnant,
/// "chrono-Compatible Low-Level Date Algorithms".
#[inline(always)]
fn days_since_epoch(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if day < 1 || day > last {
        return None;
    }
    // Years begin in March, so that the leap day comes last.
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    let era = year.div_euclid(400);
    let year = year.rem_euclid(400);
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    let day_of_era = year * 365 + year / 4 - year / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

/// Days since 1970-01-01 of a date; anything after a `T` or a space is ignored:
/// `[+-]yyyy[-[m]m[-[d]d[T| ...]]]`.
pub fn parse_date(text: &[u8]) -> Option<i32> {
    let (days, rest) = parse_leading_date(text.trim_ascii())?;
    if !matches!(rest, [] | [b' ' | b'T', ..]) {
        return None;
    }
    i32::try_from(days).ok()
}

/// A date, and the rest of the text.
fn parse_leading_date(text: &[u8]) -> Option<(i64, &[u8])> {
    let (negative, rest) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let (year, rest) = parse_digits(rest, 4, 7)?;
    let year = if negative { -year } else { year };
    let (month, rest) = match rest {
        [b'-', rest @ ..] => parse_digits(rest, 1, 2)?,
        [] => (1, rest),
        _ => return None,
    };
    let (day, rest) = match rest {
        [b'-', rest @ ..] => parse_digits(rest, 1, 2)?,
        [] => (1, rest),
        _ => return None,
    };
    Some((days_since_epoch(year, month, day)?, rest))
}

/// A number of `least` to `most` digits, and the rest of the text.
fn parse_digits(text: &[u8], least: usize, most: usize) -> Option<(i64, &[u8])> {
    let length = text.iter().take_while(|b| b.is_ascii_digit()).count();
    if length < least || length > most {
        return None;
    }
    let (digits, rest) = text.split_at_checked(length)?;
    let value = digits
        .iter()
        .fold(0, |value, digit| value * 10 + i64::from(digit & 15));
    Some((value, rest))
}

/// Parses the forms that Spark accepts in addition to the canonical one: parts
/// missing at the end, months to seconds of one digit, offsets and zone names.
#[cold]
fn parse_lenient(text: &[u8], zones: Zones) -> Option<i64> {
    let (days, rest) = parse_leading_date(text.trim_ascii())?;
    let midnight = days.checked_mul(DAY)?;
    let time = match rest {
        [] => return zones.instant_of(midnight),
        [b'T' | b' ', time @ ..] => time,
        _ => return None,
    };
    let (hour, rest) = parse_digits(time, 1, 2)?;
    let rest = rest.strip_prefix(b":")?;
    let (minute, rest) = parse_digits(rest, 1, 2)?;
    let (second, fraction, zone) = match rest {
        [b':', rest @ ..] => {
            let (second, rest) = parse_digits(rest, 1, 2)?;
            match rest {
                [b'.', rest @ ..] => {
                    let (fraction, rest) = parse_fraction(rest)?;
                    (second, fraction, rest)
                }
                rest => (second, 0, rest),
            }
        }
        rest => (0, 0, rest),
    };
    let local = midnight
        .checked_add(time_of_day_micros(hour, minute, second)?)?
        .checked_add(fraction)?;
    if zone.is_empty() {
        return zones.instant_of(local);
    }
    if zones == Zones::Refused {
        return None;
    }
    let zone = std::str::from_utf8(zone).ok()?.trim();
    TimeZone::find(zone)?.to_instant(local)
}

#[cfg(test)]
mod tests {
    use sluice_values::TimeZone;

    use super::{Zones, parse_date, parse_timestamp};

    fn utc(text: &str) -> Option<String> {
        let micros = parse_timestamp(text.as_bytes(), Zones::Allowed(TimeZone::UTC))?;
        let time = chrono::DateTime::from_timestamp_micros(micros)?;
        Some(time.format("%Y-%m-%dT%H:%M:%S%.6f").to_string())
    }

    #[test]
    fn timestamps_as_spark_reads_them() {
        let cases = [
            ("2026-01-07T20:58:29.292017Z", "2026-01-07T20:58:29.292017"),
            ("2026-01-07T20:58:29.292017", "2026-01-07T20:58:29.292017"),
            ("2026-01-07 20:58:29Z", "2026-01-07T20:58:29.000000"),
            ("2026-01-07T20:58:29.5", "2026-01-07T20:58:29.500000"),
            (
                "2026-01-07T20:58:29.123456789Z",
                "2026-01-07T20:58:29.123456",
            ),
            ("2026-01-07T20:58:29+02:00", "2026-01-07T18:58:29.000000"),
            ("2026-01-07T20:58:29.25-0330", "2026-01-08T00:28:29.250000"),
            ("2026-01-07T20:58:29 +1", "2026-01-07T19:58:29.000000"),
            ("2026-01-07T20:58:29GMT+01:00", "2026-01-07T19:58:29.000000"),
            ("2026-01-07T20:58:29 UTC", "2026-01-07T20:58:29.000000"),
            (
                "2026-07-07T20:58:29 Europe/Rome",
                "2026-07-07T18:58:29.000000",
            ),
            ("2026-1-7T2:5:9", "2026-01-07T02:05:09.000000"),
            ("2026-01-07T20:58", "2026-01-07T20:58:00.000000"),
            ("2026-01-07", "2026-01-07T00:00:00.000000"),
            ("2026-01", "2026-01-01T00:00:00.000000"),
            ("2026", "2026-01-01T00:00:00.000000"),
            (" 2026-01-07 ", "2026-01-07T00:00:00.000000"),
            ("1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999"),
            ("2000-02-29T00:00:00Z", "2000-02-29T00:00:00.000000"),
            ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000"),
        ];
        for (text, expected) in cases {
            assert_eq!(utc(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn every_byte_of_the_exact_form_counts() {
        let good = b"2026-01-07T20:58:29.292017Z";
        for at in 0..good.len() {
            for byte in 0..=255 {
                let mut text = *good;
                text[at] = byte;
                let long = super::parse_canonical(&text, Zones::Allowed(TimeZone::UTC));
                assert!(super::parse_exact(&text).is_none_or(|micros| long == Some(micros)));
                if !matches!(at, 10 | 26) {
                    assert_eq!(
                        super::parse_exact(&text),
                        long,
                        "{}",
                        String::from_utf8_lossy(&text)
                    );
                }
            }
        }
    }

    #[test]
    fn what_is_no_timestamp() {
        for text in [
            "",
            "x",
            "202",
            "2026-13-01",
            "2026-02-30",
            "1900-02-29T00:00:00Z",
            "2026-01-07T24:00:00Z",
            "2026-01-07T20:60:00Z",
            "2026-01-07T20:00:60",
            "2026-01-07T20:58:29.1234567890",
            "2026-01-07T20:58:29+19:00",
            "2026-01-07T20:58:29 Mars/Base",
            "2026-01-07X20:58:29",
            "12:30:00",
            "2026-01-07T20",
            "2026-01-07T20:58:29+",
            "9999999-01-01T00:00:00Z",
        ] {
            assert_eq!(
                parse_timestamp(text.as_bytes(), Zones::Allowed(TimeZone::UTC)),
                None,
                "{text}"
            );
        }
    }

    #[test]
    fn local_times_take_no_zone() {
        let local = |text: &str| parse_timestamp(text.as_bytes(), Zones::Refused);
        assert_eq!(local("1970-01-01T00:00:01"), Some(1_000_000));
        assert_eq!(local("1970-01-01T00:00:01Z"), None);
        assert_eq!(local("1970-01-01T00:00:01+01:00"), None);
    }

    #[test]
    fn dates() {
        assert_eq!(parse_date(b"1970-01-02"), Some(1));
        assert_eq!(parse_date(b"1969-12-31"), Some(-1));
        assert_eq!(parse_date(b"2026-01-07T20:58:29Z"), Some(20_460));
        assert_eq!(parse_date(b"1970-1-2 anything"), Some(1));
        assert_eq!(parse_date(b"1970"), Some(0));
        assert_eq!(parse_date(b"1970-01-02x"), None);
        assert_eq!(parse_date(b"70-01-02"), None);
        assert_eq!(parse_date(b""), None);
    }

    #[test]
    fn days_agree_with_chrono() {
        for days in (-800_000..800_000).step_by(37) {
            let text = chrono::NaiveDate::from_epoch_days(days)
                .unwrap()
                .to_string();
            assert_eq!(parse_date(text.as_bytes()), Some(days), "{text}");
        }
    }
}
