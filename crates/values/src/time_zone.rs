//! Time zones under the names that Spark takes, with java.time's rules.

use std::str::FromStr as _;

use chrono::{DateTime, Datelike as _, NaiveDate, NaiveDateTime, Offset as _, TimeZone as _};

const MICROS_PER_SECOND: i64 = 1_000_000;
const SECONDS_PER_DAY: i64 = 86_400;
/// The calendar repeats after this many seconds: 400 years.
const SECONDS_PER_CYCLE: i64 = 146_097 * SECONDS_PER_DAY;
/// 2000-01-01, where a cycle begins.
const CYCLE_START: i64 = 946_684_800;
/// 2099-01-01. The zone database lists no changes of later years.
const KNOWN_END: i64 = 4_070_908_800;

/// A time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeZone {
    /// Seconds east of UTC.
    Fixed(i32),
    /// A zone of the zone database.
    Named(chrono_tz::Tz),
}

/// Java's short names; those that are not zones of the database.
const SHORT_NAMES: &[(&str, &str)] = &[
    ("ACT", "Australia/Darwin"),
    ("AET", "Australia/Sydney"),
    ("AGT", "America/Argentina/Buenos_Aires"),
    ("ART", "Africa/Cairo"),
    ("AST", "America/Anchorage"),
    ("BET", "America/Sao_Paulo"),
    ("BST", "Asia/Dhaka"),
    ("CAT", "Africa/Harare"),
    ("CNT", "America/St_Johns"),
    ("CST", "America/Chicago"),
    ("CTT", "Asia/Shanghai"),
    ("EAT", "Africa/Addis_Ababa"),
    ("ECT", "Europe/Paris"),
    ("EST", "-05:00"),
    ("HST", "-10:00"),
    ("IET", "America/Indiana/Indianapolis"),
    ("IST", "Asia/Kolkata"),
    ("JST", "Asia/Tokyo"),
    ("MIT", "Pacific/Apia"),
    ("MST", "-07:00"),
    ("NET", "Asia/Yerevan"),
    ("NST", "Pacific/Auckland"),
    ("PLT", "Asia/Karachi"),
    ("PNT", "America/Phoenix"),
    ("PRT", "America/Puerto_Rico"),
    ("PST", "America/Los_Angeles"),
    ("SST", "Pacific/Guadalcanal"),
    ("VST", "Asia/Ho_Chi_Minh"),
];

const MAX_OFFSET_SECONDS: i32 = 18 * 3600;

impl TimeZone {
    /// Coordinated universal time.
    pub const UTC: Self = Self::Fixed(0);

    /// The zone of a name such as `Europe/Rome`, `GMT+2`, `+02:00`, `Z`, `PST`;
    /// `None` when there is no such zone.
    pub fn find(name: &str) -> Option<Self> {
        if let Some((_, long)) = SHORT_NAMES.iter().find(|(short, _)| *short == name) {
            return Self::find(long);
        }
        match name {
            "Z" | "UTC" | "GMT" | "UT" => return Some(Self::UTC),
            _ => {}
        }
        if name.starts_with(['+', '-']) {
            return parse_offset(name).map(Self::Fixed);
        }
        for prefix in ["UTC", "GMT", "UT"] {
            if let Some(rest) = name.strip_prefix(prefix)
                && rest.starts_with(['+', '-'])
            {
                return parse_offset(rest).map(Self::Fixed);
            }
        }
        chrono_tz::Tz::from_str(name).ok().map(Self::Named)
    }

    /// Seconds east of UTC at an instant.
    pub fn offset_at(self, instant_seconds: i64) -> i64 {
        match self {
            Self::Fixed(offset) => i64::from(offset),
            Self::Named(zone) => match time_with_known_rules(instant_seconds) {
                Some(time) => {
                    i64::from(zone.offset_from_utc_datetime(&time).fix().local_minus_utc())
                }
                None => 0,
            },
        }
    }

    /// The clock's time in this zone, as microseconds since 1970-01-01 there.
    pub fn to_local(self, instant: i64) -> Option<i64> {
        let offset = self.offset_at(instant.div_euclid(MICROS_PER_SECOND));
        instant.checked_add(offset * MICROS_PER_SECOND)
    }

    /// The instant at which this zone's clocks show `local`. Where they skip it,
    /// the time is later by the length of the gap; where they show it twice, it
    /// is the first.
    pub fn to_instant(self, local: i64) -> Option<i64> {
        if self == Self::UTC {
            return Some(local);
        }
        let seconds = local.div_euclid(MICROS_PER_SECOND);
        local.checked_sub(self.offset_of_local(seconds) * MICROS_PER_SECOND)
    }

    fn offset_of_local(self, local_seconds: i64) -> i64 {
        let zone = match self {
            Self::Fixed(offset) => return i64::from(offset),
            Self::Named(zone) => zone,
        };
        let Some(time) = time_with_known_rules(local_seconds) else {
            return 0;
        };
        let seconds = |offset: chrono_tz::TzOffset| i64::from(offset.fix().local_minus_utc());
        match zone.offset_from_local_datetime(&time) {
            chrono::LocalResult::Single(offset) => seconds(offset),
            // The earlier instant is the one with the greater offset.
            chrono::LocalResult::Ambiguous(one, other) => seconds(one).max(seconds(other)),
            // In a gap the offset before it counts: the one with which the time
            // would be at or after the change.
            chrono::LocalResult::None => {
                let known = time.and_utc().timestamp();
                let day_before = self.offset_at(known - SECONDS_PER_DAY);
                let after = self.offset_at(known - day_before);
                self.offset_at(known - after)
            }
        }
    }

    /// The zone's own abbreviation at an instant, such as `CET`; `None` for
    /// offsets, and for zones without one.
    pub fn abbreviation_at(self, instant: i64) -> Option<String> {
        let Self::Named(zone) = self else { return None };
        let time = time_with_known_rules(instant.div_euclid(MICROS_PER_SECOND))?;
        let name = zone.offset_from_utc_datetime(&time).to_string();
        // Zones without a name of their own have an offset there.
        name.starts_with(|c: char| c.is_ascii_alphabetic())
            .then_some(name)
    }
}

/// The time of a second, in a year that the zone database knows: after 2098 the
/// rules of the last years continue, as in Java, which the database does not list.
fn time_with_known_rules(seconds: i64) -> Option<NaiveDateTime> {
    if seconds < KNOWN_END {
        return DateTime::from_timestamp(seconds, 0).map(|time| time.naive_utc());
    }
    let in_cycle = CYCLE_START + (seconds - CYCLE_START).rem_euclid(SECONDS_PER_CYCLE);
    let time = DateTime::from_timestamp(in_cycle, 0)?.naive_utc();
    let first = |year: i32| NaiveDate::from_ymd_opt(year, 1, 1);
    let weekday = first(time.year())?.weekday();
    let leap = time.date().leap_year();
    // Every kind of year is among 28 years that follow each other.
    (2071..=2098)
        .find(|year| {
            first(*year).is_some_and(|day| day.weekday() == weekday && day.leap_year() == leap)
        })
        .and_then(|year| time.with_year(year))
}

/// Seconds of `+h`, `+hh`, `+h:mm`, `+hh:mm`, `+hhmm`, `+hh:mm:ss` or `+hhmmss`.
fn parse_offset(text: &str) -> Option<i32> {
    let negative = text.starts_with('-');
    let digits = text.get(1..)?;
    let parts: Vec<&str> = if digits.contains(':') {
        // Spark also takes one digit for the hour and for the minute.
        digits.split(':').collect()
    } else {
        match digits.len() {
            1 | 2 => vec![digits],
            4 => vec![digits.get(..2)?, digits.get(2..)?],
            6 => vec![digits.get(..2)?, digits.get(2..4)?, digits.get(4..)?],
            _ => return None,
        }
    };
    if parts.len() > 3 {
        return None;
    }
    let mut seconds = 0;
    for (at, part) in parts.iter().enumerate() {
        if part.is_empty() || part.len() > 2 || !part.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let number: i32 = part.parse().ok()?;
        if at > 0 && number > 59 {
            return None;
        }
        seconds += number * [3600, 60, 1].get(at)?;
    }
    (seconds <= MAX_OFFSET_SECONDS).then_some(if negative { -seconds } else { seconds })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn micros(text: &str) -> i64 {
        let time = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap();
        time.and_utc().timestamp_micros()
    }

    #[test]
    fn names() {
        let fixed = |seconds| Some(TimeZone::Fixed(seconds));
        for (name, zone) in [
            ("Z", fixed(0)),
            ("UTC", fixed(0)),
            ("+02:00", fixed(7200)),
            ("-7", fixed(-25_200)),
            ("+7:30", fixed(27_000)),
            ("GMT+2", fixed(7200)),
            ("UTC-03:30", fixed(-12_600)),
            ("EST", fixed(-18_000)),
            (
                "PST",
                Some(TimeZone::Named(chrono_tz::America::Los_Angeles)),
            ),
            (
                "Europe/Rome",
                Some(TimeZone::Named(chrono_tz::Europe::Rome)),
            ),
            ("+19:00", None),
            ("europe/rome", None),
            ("Rome", None),
            ("", None),
        ] {
            assert_eq!(TimeZone::find(name), zone, "{name}");
        }
    }

    #[test]
    fn gaps_and_overlaps_are_as_in_java() {
        let rome = TimeZone::find("Europe/Rome").unwrap();
        for (local, instant) in [
            ("2024-03-31 01:00", "2024-03-31 00:00"),
            // The clocks go from 02:00 to 03:00.
            ("2024-03-31 02:30", "2024-03-31 01:30"),
            ("2024-03-31 03:30", "2024-03-31 01:30"),
            // 02:30 is shown twice.
            ("2024-10-27 02:30", "2024-10-27 00:30"),
            ("2024-10-27 01:30", "2024-10-26 23:30"),
            ("2024-10-27 03:30", "2024-10-27 02:30"),
            // After the last year that the database lists.
            ("2150-07-01 12:00", "2150-07-01 10:00"),
            ("9999-12-31 12:00", "9999-12-31 11:00"),
        ] {
            assert_eq!(
                rome.to_instant(micros(local)),
                Some(micros(instant)),
                "{local}"
            );
        }
        // A day that a zone left out.
        let apia = TimeZone::find("Pacific/Apia").unwrap();
        assert_eq!(
            apia.to_instant(micros("2011-12-30 12:00")),
            Some(micros("2011-12-30 22:00"))
        );
    }

    #[test]
    fn offsets_before_standard_time_are_the_local_mean() {
        let rome = TimeZone::find("Europe/Rome").unwrap();
        let offset = rome.offset_at(micros("0001-01-01 00:00") / MICROS_PER_SECOND);
        assert_eq!(offset, 49 * 60 + 56);
    }

    #[test]
    fn years_after_the_database_repeat_its_last_ones() {
        let rome = TimeZone::find("Europe/Rome").unwrap();
        for seconds in [i64::from(u32::MAX) * 40, i64::MAX / MICROS_PER_SECOND] {
            assert!([3600, 7200].contains(&rome.offset_at(seconds)), "{seconds}");
        }
    }
}
