//! Formats timestamps with a pattern.

use std::fmt::Write as _;

use super::super::calendar::{
    self, MICROS_PER_SECOND, civil_of_days, split_micros, weekday_of_days,
};
use super::super::zone::{OffsetForm, Zone, format_offset, zone_abbreviation, zone_id};
use super::names::name_of;
use super::{Field, Item, Number, Pattern, Sign, ZoneForm};

/// A time on the clock of a zone.
struct ZonedTime {
    instant: i64,
    zone: Zone,
    days: i64,
    civil: calendar::Civil,
    micros: i64,
}

impl Pattern {
    /// The text of an instant in a zone.
    ///
    /// # Errors
    /// When a value has more digits than the pattern allows.
    pub(crate) fn format(&self, instant: i64, zone: Zone) -> Result<String, String> {
        let local = zone
            .to_local(instant)
            .ok_or_else(|| "the timestamp is outside the calendar".to_owned())?;
        let (days, micros) = split_micros(local);
        let time = ZonedTime {
            instant,
            zone,
            days,
            civil: civil_of_days(days),
            micros,
        };
        let mut text = String::with_capacity(self.text.len() + 8);
        write_items(&self.items, &time, &mut text)?;
        Ok(text)
    }
}

fn write_items(items: &[Item], time: &ZonedTime, text: &mut String) -> Result<(), String> {
    for item in items {
        match item {
            Item::Literal(literal) => text.push_str(literal),
            Item::Number(number) => write_number(number, time.value_of(number.field), text)?,
            Item::Name(field, full) => {
                text.push_str(name_of(*field, *full, time.value_of(*field)).unwrap_or_default());
            }
            Item::Fraction { max_width, .. } => {
                let nanos = format!("{:09}", time.micros % MICROS_PER_SECOND * 1000);
                text.push_str(nanos.get(..*max_width).unwrap_or(&nanos));
            }
            Item::Zone(form) => write_zone(*form, time, text)?,
            Item::Optional(items) => write_items(items, time, text)?,
        }
    }
    Ok(())
}

impl ZonedTime {
    fn value_of(&self, field: Field) -> i64 {
        let seconds = self.micros / MICROS_PER_SECOND;
        let hour = seconds / 3600;
        let year = self.civil.year;
        match field {
            Field::Era => i64::from(year > 0),
            Field::Year => year,
            Field::YearOfEra if year > 0 => year,
            Field::YearOfEra => 1 - year,
            Field::Quarter => i64::from((self.civil.month - 1) / 3 + 1),
            Field::Month => i64::from(self.civil.month),
            Field::Day => i64::from(self.civil.day),
            Field::DayOfYear => calendar::day_of_year(self.days),
            Field::DayOfWeek => weekday_of_days(self.days),
            Field::WeekdayOfMonth => i64::from((self.civil.day - 1) % 7 + 1),
            Field::Hour => hour,
            Field::ClockHour => (hour + 23) % 24 + 1,
            Field::HourOfHalf => hour % 12,
            Field::ClockHourOfHalf => (hour + 11) % 12 + 1,
            Field::Half => hour / 12,
            Field::Minute => seconds / 60 % 60,
            Field::Second => seconds % 60,
        }
    }
}

fn write_number(number: &Number, value: i64, text: &mut String) -> Result<(), String> {
    if number.reduced {
        let _ = write!(text, "{:02}", value.abs() % 100);
        return Ok(());
    }
    let digits = value.unsigned_abs().to_string();
    if digits.len() > number.max_width {
        return Err(format!(
            "the number {value} has more than {} digits",
            number.max_width
        ));
    }
    match number.sign {
        _ if value < 0 && number.sign == Sign::Never => {
            return Err(format!("the number {value} is negative"));
        }
        _ if value < 0 => text.push('-'),
        Sign::ExceedsPad if digits.len() > number.min_width => text.push('+'),
        _ => {}
    }
    let _ = write!(text, "{digits:0>width$}", width = number.min_width);
    Ok(())
}

fn write_zone(form: ZoneForm, time: &ZonedTime, text: &mut String) -> Result<(), String> {
    let offset = time
        .zone
        .offset_at(time.instant.div_euclid(MICROS_PER_SECOND));
    match form {
        ZoneForm::Id => match time.zone {
            Zone::Fixed(0) => text.push_str("UTC"),
            zone => text.push_str(&zone_id(zone)),
        },
        ZoneForm::Name => match zone_abbreviation(time.zone, time.instant) {
            Some(name) => text.push_str(&name),
            None => text.push_str(&zone_id(time.zone)),
        },
        ZoneForm::FullName if time.zone == Zone::UTC => {
            text.push_str("Coordinated Universal Time");
        }
        ZoneForm::FullName => {
            return Err("full names of zones (zzzz) are not available; write z or VV".to_owned());
        }
        ZoneForm::Localized | ZoneForm::LocalizedFull => {
            text.push_str("GMT");
            if offset != 0 {
                if form == ZoneForm::LocalizedFull {
                    text.push_str(&format_offset(offset, OffsetForm::ColonSeconds));
                } else {
                    let full = format_offset(offset, OffsetForm::ColonSeconds);
                    // The hour has no leading zero, and minutes only where needed.
                    let full = full.strip_suffix(":00").unwrap_or(&full);
                    let (sign, rest) = full.split_at(1);
                    text.push_str(sign);
                    text.push_str(rest.strip_prefix('0').unwrap_or(rest));
                }
            }
        }
        ZoneForm::Offset(_, zero) if offset == 0 => text.push_str(zero),
        ZoneForm::Offset(form, _) => text.push_str(&format_offset(offset, form)),
    }
    Ok(())
}
