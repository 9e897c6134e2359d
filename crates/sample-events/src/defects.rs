//! What a landing file holds in addition to good events.

use std::ops::RangeInclusive;

use crate::json_text;
use crate::random::RandomStream;
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
            duplicates: repeats,
            malformed: broken,
            incomplete,
            late,
        } = *self;
        [repeats, broken, incomplete, late]
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

/// Damages an intact line in place.
pub(crate) fn damage_line<T: TopicGenerator>(
    fault: Defect,
    line: &mut Vec<u8>,
    draw: &mut RandomStream,
) {
    match fault {
        // A proper prefix of an object is never JSON.
        Defect::Truncated => {
            let keep = draw.next_between(1, line.len() as u32 - 1);
            line.truncate(keep as usize);
        }
        Defect::NotJson => replace_line(line, draw.pick_item(NOT_JSON)),
        Defect::NotAnObject => replace_line(line, draw.pick_item(NOT_OBJECTS)),
        Defect::WrongType => {
            let (field, value) =
                T::WRONG_TYPES[draw.next_below(T::WRONG_TYPES.len() as u32) as usize];
            json_text::replace_value(line, field, value.as_bytes());
        }
    }
}

/// Removes a required field or sets it to null; false when the topic has no
/// required fields.
pub(crate) fn make_incomplete<T: TopicGenerator>(
    line: &mut Vec<u8>,
    draw: &mut RandomStream,
) -> bool {
    if T::REQUIRED.is_empty() {
        return false;
    }
    let field = draw.pick_item(T::REQUIRED);
    if draw.next_below(2) == 0 {
        json_text::remove_field(line, field)
    } else {
        json_text::replace_value(line, field, b"null")
    }
}

fn replace_line(line: &mut Vec<u8>, with: &str) {
    line.clear();
    line.extend_from_slice(with.as_bytes());
}
