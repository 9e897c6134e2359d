//! What a landing file holds in addition to good events.

use std::ops::RangeInclusive;

use rand::RngExt;
use serde_json::Value;

use crate::json_text;
use crate::random::{RandomStream, pick_item};
use crate::topic::TopicGenerator;

/// How many of 1,000 lines are not simply a new and good event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Defects {
    /// Lines with the id of an earlier line: the same bytes, or (for every second
    /// duplicate of a transaction) a later message with another status.
    pub duplicates: u32,
    /// Lines that are not events, or in which a value has the wrong type; see
    /// [`Defect`].
    pub malformed: u32,
    /// Transactions of valid JSON in which a field that the example job needs (id,
    /// user, type, status or products) is absent or null.
    pub incomplete: u32,
    /// New and good events that arrive long after they happened: their timestamp
    /// is [`Defects::LATENESS_SECONDS`] before their neighbours'.
    pub late: u32,
}

impl Defects {
    /// Good events only.
    pub const NONE: Self = Self {
        duplicates: 0,
        malformed: 0,
        incomplete: 0,
        late: 0,
    };

    /// How long before its neighbours a late event happens: ten minutes to three
    /// days.
    pub const LATENESS_SECONDS: RangeInclusive<u32> = 600..=259_200;

    /// Whether the shares add up to 1,000 at most.
    pub fn fits_into_1000(&self) -> bool {
        let Self {
            duplicates,
            malformed,
            incomplete,
            late,
        } = *self;
        [duplicates, malformed, incomplete, late]
            .map(u64::from)
            .iter()
            .sum::<u64>()
            <= 1_000
    }
}

/// What is wrong with a malformed line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Defect {
    /// An event that ends in the middle.
    Truncated,
    /// Text that is not JSON.
    NotJson,
    /// An event in which one field has a value of another type.
    WrongType,
    /// JSON, but not an object.
    NotAnObject,
}

impl Defect {
    /// Every kind.
    pub const ALL: [Self; 4] = [
        Self::Truncated,
        Self::NotJson,
        Self::WrongType,
        Self::NotAnObject,
    ];
}

const NOT_JSON: &[&str] = &[
    "ERROR connection reset by peer",
    "<html><body>502 Bad Gateway</body></html>",
    "{event_id=17, user_id=abc}",
    "{\"event_id\" \"no colon\"}",
    "{\"user_id\": \"0123abcd\", \"timestamp\":}",
];

const NOT_OBJECTS: &[&str] = &["[1, 2, 3]", "\"heartbeat\"", "42", "true"];

/// Appends a malformed line, made from an intact event.
pub(crate) fn append_malformed<T: TopicGenerator>(
    defect: Defect,
    payload: &T::Payload,
    random: &mut RandomStream,
    out: &mut Vec<u8>,
) {
    match defect {
        // A proper prefix of an object is never JSON.
        Defect::Truncated => {
            let start = out.len();
            json_text::append_json(out, payload);
            let end = random.random_range(start + 1..out.len());
            out.truncate(end);
        }
        Defect::NotJson => out.extend_from_slice(pick_item(NOT_JSON, random).as_bytes()),
        Defect::NotAnObject => out.extend_from_slice(pick_item(NOT_OBJECTS, random).as_bytes()),
        Defect::WrongType => {
            let mut wrong_types = T::wrong_types();
            let choice = random.random_range(0..wrong_types.len());
            let (field, value) = wrong_types.swap_remove(choice);
            let mut fields = json_text::to_fields(payload);
            fields.insert(field.to_owned(), value);
            json_text::append_json(out, &fields);
        }
    }
}

/// Appends an event without a required field, or with null in it. Returns false when
/// the topic has no required fields; then the event is intact.
pub(crate) fn append_incomplete<T: TopicGenerator>(
    payload: &T::Payload,
    random: &mut RandomStream,
    out: &mut Vec<u8>,
) -> bool {
    if T::REQUIRED.is_empty() {
        json_text::append_json(out, payload);
        return false;
    }
    let field = pick_item(T::REQUIRED, random);
    let mut fields = json_text::to_fields(payload);
    if random.random_ratio(1, 2) {
        fields.shift_remove(field);
    } else {
        fields.insert(field.to_owned(), Value::Null);
    }
    json_text::append_json(out, &fields);
    true
}
