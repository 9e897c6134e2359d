//! English names, as Java's locale `US` has them.

use super::Field;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

const WEEKDAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];

const HALVES: [&str; 2] = ["AM", "PM"];
const SHORT_QUARTERS: [&str; 4] = ["Q1", "Q2", "Q3", "Q4"];
const QUARTERS: [&str; 4] = ["1st quarter", "2nd quarter", "3rd quarter", "4th quarter"];
const SHORT_ERAS: [&str; 2] = ["BC", "AD"];
const ERAS: [&str; 2] = ["Before Christ", "Anno Domini"];

/// The names of a field's values and the value of the first.
fn names_of(field: Field, full: bool) -> (&'static [&'static str], i64) {
    match (field, full) {
        (Field::Month, _) => (&MONTHS, 1),
        (Field::DayOfWeek, _) => (&WEEKDAYS, 1),
        (Field::Quarter, true) => (&QUARTERS, 1),
        (Field::Quarter, false) => (&SHORT_QUARTERS, 1),
        (Field::Era, true) => (&ERAS, 0),
        (Field::Era, false) => (&SHORT_ERAS, 0),
        _ => (&HALVES, 0),
    }
}

fn shorten(name: &'static str, field: Field, full: bool) -> &'static str {
    match field {
        Field::Month | Field::DayOfWeek if !full => name.get(..3).unwrap_or(name),
        _ => name,
    }
}

pub(super) fn name_of(field: Field, full: bool, value: i64) -> Option<&'static str> {
    let (names, first) = names_of(field, full);
    let at = usize::try_from(value - first).ok()?;
    names.get(at).map(|name| shorten(name, field, full))
}

/// The value whose name `text` begins with, and the name's length.
pub(super) fn find_name(field: Field, full: bool, text: &str) -> Option<(i64, usize)> {
    let (names, first) = names_of(field, full);
    names.iter().zip(first..).find_map(|(name, value)| {
        let name = shorten(name, field, full);
        text.get(..name.len())
            .filter(|start| start.eq_ignore_ascii_case(name))
            .map(|_| (value, name.len()))
    })
}
