//! Postal addresses.

use rand::RngExt;
use serde::Serialize;

use crate::random::{RandomStream, pick_item};
use crate::words;

#[derive(Debug, Clone, Serialize)]
pub(crate) struct Address {
    street: String,
    city: String,
    state: &'static str,
    zip_code: String,
    country: &'static str,
}

impl Address {
    pub(crate) fn new(random: &mut RandomStream) -> Self {
        Self {
            street: make_street(random),
            city: make_city(random),
            state: pick_item(words::STATES, random),
            zip_code: format!("{:05}", random.random_range(501..=99_950)),
            country: pick_item(words::COUNTRIES, random),
        }
    }
}

/// A town: `Lake Benjaminview`, `Perrymouth`.
pub(crate) fn make_city(random: &mut RandomStream) -> String {
    let town_suffix = pick_item(words::TOWN_SUFFIXES, random);
    if random.random_ratio(1, 2) {
        let town_prefix = pick_item(words::TOWN_PREFIXES, random);
        let name = pick_item(words::FIRST_NAMES, random);
        format!("{town_prefix} {name}{town_suffix}")
    } else {
        let name = pick_item(words::LAST_NAMES, random);
        format!("{name}{town_suffix}")
    }
}

/// A street: `90516 Bridget Passage Suite 640`.
fn make_street(random: &mut RandomStream) -> String {
    let digits = random.random_range(3..=5);
    let house = random.random_range(0..10_u32.pow(digits));
    let width = digits as usize;
    let names = if random.random_ratio(1, 2) {
        words::FIRST_NAMES
    } else {
        words::LAST_NAMES
    };
    let name = pick_item(names, random);
    let kind = pick_item(words::STREETS, random);
    let street = format!("{house:0width$} {name} {kind}");
    let part = match random.random_range(0..4) {
        0 => "Apt.",
        1 => "Suite",
        _ => return street,
    };
    format!("{street} {part} {:03}", random.random_range(0..1_000))
}
