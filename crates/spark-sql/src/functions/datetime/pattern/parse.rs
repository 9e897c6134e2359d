//! Parses timestamps with a pattern, as strictly as Spark does.

use super::super::calendar::{
    MICROS_PER_SECOND, checked_days, civil_of_days, days_of_civil, is_leap_year, join_micros,
};
use super::super::zone::{OffsetForm, Zone};
use super::names::find_name;
use super::{Field, Item, Number, Pattern, Sign, ZoneForm};

/// What a text says of a date and time.
#[derive(Debug, Default, Clone)]
struct Parsed {
    values: Vec<(Field, i64)>,
    micros: Option<i64>,
    zone: Option<Zone>,
}

impl Pattern {
    /// The instant of a text, read in `zone` unless it names one; `None` when it
    /// does not have the form of the pattern or there is no such time.
    pub(crate) fn parse(&self, text: &str, zone: Zone) -> Option<i64> {
        let mut parsed = Parsed::default();
        let end = parse_items(&self.items, text, 0, &mut parsed)?;
        if end != text.len() {
            return None;
        }
        let local = join_micros(parsed.day()?, parsed.micros_of_day()?)?;
        parsed.zone.unwrap_or(zone).to_instant(local)
    }
}

impl Parsed {
    fn get(&self, field: Field) -> Option<i64> {
        self.values
            .iter()
            .find(|(known, _)| *known == field)
            .map(|(_, value)| *value)
    }

    /// Two values of one field must be equal.
    fn set(&mut self, field: Field, value: i64) -> Option<()> {
        let range = match field {
            Field::Era | Field::Half => 0..=1,
            Field::Year => -999_999_999..=999_999_999,
            Field::YearOfEra => 1..=999_999_999,
            Field::Quarter => 1..=4,
            Field::Month => 1..=12,
            Field::Day => 1..=31,
            Field::DayOfYear => 1..=366,
            Field::DayOfWeek | Field::WeekdayOfMonth => 1..=7,
            Field::Hour => 0..=23,
            Field::ClockHour => 1..=24,
            Field::HourOfHalf => 0..=11,
            Field::ClockHourOfHalf => 1..=12,
            Field::Minute | Field::Second => 0..=59,
        };
        if !range.contains(&value) {
            return None;
        }
        match self.get(field) {
            Some(known) if known != value => None,
            Some(_) => Some(()),
            None => {
                self.values.push((field, value));
                Some(())
            }
        }
    }

    fn year(&self) -> Option<i64> {
        match (self.get(Field::Year), self.get(Field::YearOfEra)) {
            (Some(year), _) => Some(year),
            // Without its era the year of an era says nothing.
            (None, Some(year)) => match self.get(Field::Era)? {
                1 => Some(year),
                _ => Some(1 - year),
            },
            (None, None) => Some(1970),
        }
    }

    /// Missing parts are those of 1970-01-01.
    fn day(&self) -> Option<i64> {
        let year = self.year()?;
        if let Some(day_of_year) = self.get(Field::DayOfYear)
            && (self.get(Field::Year).is_some() || self.get(Field::YearOfEra).is_some())
        {
            if day_of_year == 366 && !is_leap_year(year) {
                return None;
            }
            let days = days_of_civil(year, 1, 1) + day_of_year - 1;
            let civil = civil_of_days(days);
            let agrees = |field, value: u8| {
                self.get(field)
                    .is_none_or(|given| given == i64::from(value))
            };
            return (agrees(Field::Month, civil.month) && agrees(Field::Day, civil.day))
                .then_some(days);
        }
        let month = self.get(Field::Month).unwrap_or(1);
        let day = self.get(Field::Day).unwrap_or(1);
        checked_days(year, month, day)
    }

    fn micros_of_day(&self) -> Option<i64> {
        let half = self.get(Field::Half);
        let in_half = match (
            self.get(Field::HourOfHalf),
            self.get(Field::ClockHourOfHalf),
        ) {
            (Some(hour), Some(clock)) if hour != clock % 12 => return None,
            (Some(hour), _) => Some(hour),
            (None, clock) => clock.map(|clock| clock % 12),
        };
        let of_clock = self.get(Field::ClockHour).map(|clock| clock % 24);
        let whole = match (self.get(Field::Hour), of_clock) {
            (Some(hour), Some(clock)) if hour != clock => return None,
            (hour, clock) => hour.or(clock),
        };
        let hour = match (whole, in_half) {
            (Some(hour), _) => {
                let agrees = half.is_none_or(|half| hour / 12 == half)
                    && in_half.is_none_or(|in_half| hour % 12 == in_half);
                if !agrees {
                    return None;
                }
                hour
            }
            (None, Some(in_half)) => half.unwrap_or(0) * 12 + in_half,
            (None, None) => half.unwrap_or(0) * 12,
        };
        let minute = self.get(Field::Minute).unwrap_or(0);
        let second = self.get(Field::Second).unwrap_or(0);
        Some(((hour * 60 + minute) * 60 + second) * MICROS_PER_SECOND + self.micros.unwrap_or(0))
    }
}

/// Parses from `at`; returns the position after the items.
fn parse_items(items: &[Item], text: &str, mut at: usize, parsed: &mut Parsed) -> Option<usize> {
    for item in items {
        at = match item {
            Item::Literal(literal) => {
                let end = at + literal.len();
                let given = text.get(at..end)?;
                (given == literal || given.to_lowercase() == literal.to_lowercase())
                    .then_some(end)?
            }
            Item::Number(number) => parse_number(number, text, at, parsed)?,
            Item::Name(field, full) => {
                let (value, length) = find_name(*field, *full, text.get(at..)?)?;
                parsed.set(*field, value)?;
                at + length
            }
            Item::Fraction {
                min_width,
                max_width,
            } => {
                let digits = count_digits(text, at).min(*max_width);
                if digits < *min_width {
                    return None;
                }
                let nanos = format!("{:0<9}", text.get(at..at + digits)?);
                parsed.micros = Some(nanos.parse::<i64>().ok()? / 1000);
                at + digits
            }
            Item::Zone(form) => parse_zone(*form, text, at, parsed)?,
            Item::Optional(items) => {
                let mut attempt = parsed.clone();
                match parse_items(items, text, at, &mut attempt) {
                    Some(end) => {
                        *parsed = attempt;
                        end
                    }
                    None => at,
                }
            }
        };
    }
    Some(at)
}

fn count_digits(text: &str, at: usize) -> usize {
    text.bytes().skip(at).take_while(u8::is_ascii_digit).count()
}

fn parse_number(number: &Number, text: &str, at: usize, parsed: &mut Parsed) -> Option<usize> {
    let (negative, positive, start) = match text.as_bytes().get(at)? {
        b'-' => (true, false, at + 1),
        b'+' => (false, true, at + 1),
        _ => (false, false, at),
    };
    let sign_allowed = match number.sign {
        Sign::Normal => !positive,
        Sign::ExceedsPad => true,
        Sign::Never => !positive && !negative,
    };
    if !sign_allowed {
        return None;
    }
    let is_fixed = number.fixed
        || (number.reserved > 0
            && number.min_width == number.max_width
            && number.sign == Sign::Never);
    let most = number.max_width + if number.fixed { 0 } else { number.reserved };
    let available = count_digits(text, start).min(most);
    if available < number.min_width {
        return None;
    }
    let digits = if number.reserved > 0 && !number.fixed {
        // Numbers of fixed width that follow directly take their digits.
        available
            .saturating_sub(number.reserved)
            .max(number.min_width)
    } else {
        available
    };
    let digits = if is_fixed {
        digits.min(number.max_width)
    } else {
        digits
    };
    if number.sign == Sign::ExceedsPad && !negative {
        let exceeds = digits > number.min_width;
        if exceeds != positive {
            return None;
        }
    }
    let end = start + digits;
    let value: i64 = text.get(start..end)?.parse().ok()?;
    if negative && value == 0 {
        return None;
    }
    let value = match (negative, number.reduced) {
        (true, _) => -value,
        (false, true) => 2000 + value,
        (false, false) => value,
    };
    parsed.set(number.field, value)?;
    Some(end)
}

fn parse_zone(form: ZoneForm, text: &str, at: usize, parsed: &mut Parsed) -> Option<usize> {
    let rest = text.get(at..)?;
    let (zone, length) = match form {
        ZoneForm::Offset(form, zero) => parse_offset(form, zero, rest)?,
        ZoneForm::Localized | ZoneForm::LocalizedFull => {
            let offset = strip_word(rest, "GMT")?;
            let length = offset
                .bytes()
                .take_while(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b':'))
                .count();
            let zone = match length {
                0 => Zone::UTC,
                _ => Zone::find(offset.get(..length)?)?,
            };
            (zone, 3 + length)
        }
        ZoneForm::Id | ZoneForm::Name | ZoneForm::FullName => longest_zone(rest)?,
    };
    if parsed.zone.is_some_and(|known| known != zone) {
        return None;
    }
    parsed.zone = Some(zone);
    Some(at + length)
}

fn strip_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    text.get(..word.len())
        .filter(|start| start.eq_ignore_ascii_case(word))?;
    text.get(word.len()..)
}

/// The longest beginning of a text that names a zone.
fn longest_zone(text: &str) -> Option<(Zone, usize)> {
    let most = text
        .bytes()
        .take_while(|b| b.is_ascii_alphanumeric() || b"/_+-:".contains(b))
        .count();
    (1..=most).rev().find_map(|length| {
        let name = text.get(..length)?;
        // Names of summer time, which are no zones of their own.
        let zone = match name {
            "PDT" => Zone::find("PST"),
            "EDT" => Zone::find("America/New_York"),
            "CDT" => Zone::find("America/Chicago"),
            "MDT" => Zone::find("America/Denver"),
            "CEST" => Zone::find("Europe/Paris"),
            _ => Zone::find(name),
        }?;
        Some((zone, length))
    })
}

fn parse_offset(form: OffsetForm, zero: &str, text: &str) -> Option<(Zone, usize)> {
    if let Some(rest) = strip_word(text, zero)
        && (zero == "Z" || !rest.starts_with(|c: char| c.is_ascii_digit() || c == ':'))
    {
        return Some((Zone::UTC, zero.len()));
    }
    text.starts_with(['+', '-']).then_some(())?;
    let pairs = |colon: bool, text: &str| {
        // The position after each pair of digits.
        let mut ends = Vec::new();
        let mut at = 1;
        while ends.len() < 3 {
            if colon && !ends.is_empty() {
                if text.as_bytes().get(at) != Some(&b':') {
                    break;
                }
                at += 1;
            }
            let digits = text.bytes().skip(at).take(2);
            if digits.filter(u8::is_ascii_digit).count() != 2 {
                break;
            }
            at += 2;
            ends.push(at);
        }
        ends
    };
    let (colon, least, most) = match form {
        OffsetForm::Hours => (false, 1, 2),
        OffsetForm::Plain => (false, 2, 2),
        OffsetForm::Colons => (true, 2, 2),
        OffsetForm::PlainSeconds => (false, 2, 3),
        OffsetForm::ColonSeconds => (true, 2, 3),
    };
    let ends = pairs(colon, text);
    let count = ends.len().min(most);
    if count < least {
        return None;
    }
    let length = *ends.get(count - 1)?;
    Some((Zone::find(text.get(..length)?)?, length))
}
