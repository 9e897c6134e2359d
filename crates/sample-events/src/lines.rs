//! A topic's events with duplicates and malformed lines mixed in.

use rand::RngExt;

use crate::clock::EventClock;
use crate::defects::{self, Defect, Defects};
use crate::json_text;
use crate::pools::UserId;
use crate::random::{RandomStream, pick_item};
use crate::topic::{TopicGenerator, defect_stream};

/// How many events are kept as originals of duplicates.
const KEPT_EVENTS: usize = 256;
/// One event of this many replaces a kept one, so that a duplicate comes some
/// thousand lines after its original, in another file if files are small.
const KEEP_EVERY: u32 = 32;

/// One message that a producer would send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The customer's id, the message's key.
    pub key: UserId,
    /// One line of JSON without its newline.
    pub value: Vec<u8>,
    /// When the event happened, in microseconds since 1970-01-01 UTC. A duplicate
    /// with the same bytes has the original's time.
    pub timestamp_micros: i64,
    /// Whether the line is good, or what is wrong with it.
    pub kind: LineKind,
}

/// Whether a line is good, or what is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LineKind {
    /// A good event with a new id.
    New,
    /// The same bytes as an earlier line.
    Duplicate,
    /// The id of an earlier line, with another status and time.
    Update,
    /// An event that lacks a required field.
    Incomplete,
    /// A good event with a new id and a timestamp long before its neighbours'.
    Late,
    /// Not an event, or an event with a value of the wrong type.
    Malformed(Defect),
}

/// An endless stream of lines.
#[derive(Debug)]
pub struct Lines<T: TopicGenerator> {
    topic: T,
    clock: EventClock,
    defects: Defects,
    random: RandomStream,
    index: u64,
    kept: Vec<KeptEvent<T::Payload>>,
}

#[derive(Debug)]
struct KeptEvent<P> {
    key: UserId,
    timestamp_micros: i64,
    payload: P,
}

/// What is known about a line in addition to its bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LineInfo {
    pub(crate) key: UserId,
    pub(crate) timestamp_micros: i64,
    pub(crate) kind: LineKind,
}

impl<T: TopicGenerator> Lines<T> {
    /// Lines of a topic. `seed` must be the seed of `topic`.
    pub fn new(seed: u64, topic: T, clock: EventClock, defects: Defects) -> Self {
        Self {
            topic,
            clock,
            defects,
            random: defect_stream::<T>(seed),
            index: 0,
            kept: Vec::new(),
        }
    }

    /// The next message, at the clock's time.
    pub fn next_event(&mut self) -> Event {
        let mut value = Vec::with_capacity(1_200);
        let info = self.append_line(&mut value);
        info.into_event(value)
    }

    /// The next message for a producer that sends live events: it happens at
    /// `at_micros`, or, if it is a late one, arrives then.
    pub fn next_event_at(&mut self, at_micros: i64) -> Event {
        let mut value = Vec::with_capacity(1_200);
        let info = self.append_line_at(at_micros, &mut value);
        info.into_event(value)
    }

    /// The start of the next line's step, in seconds since 1970-01-01 UTC.
    pub(crate) fn next_second(&self) -> i64 {
        self.clock.time_slot(self.index).0.div_euclid(1_000_000)
    }

    /// Appends the next line without its newline.
    pub(crate) fn append_line(&mut self, out: &mut Vec<u8>) -> LineInfo {
        let (first, width) = self.clock.time_slot(self.index);
        self.index += 1;
        let at_micros = first + i64::from(self.random.random_range(0..width));
        self.append_line_at(at_micros, out)
    }

    fn append_line_at(&mut self, at_micros: i64, out: &mut Vec<u8>) -> LineInfo {
        let Defects {
            duplicates,
            malformed,
            incomplete,
            late,
        } = self.defects;
        let late_from = malformed + duplicates;
        let choice = self.random.random_range(0..1_000);
        if choice < malformed {
            self.append_malformed(at_micros, out)
        } else if choice < late_from && !self.kept.is_empty() {
            self.append_duplicate(at_micros, out)
        } else if choice >= 1_000_u32.saturating_sub(incomplete) {
            self.append_incomplete(at_micros, out)
        } else if (late_from..late_from + late).contains(&choice) {
            let seconds = self.random.random_range(Defects::LATENESS_SECONDS);
            let earlier = at_micros - i64::from(seconds) * 1_000_000;
            self.append_intact(earlier, LineKind::Late, out)
        } else {
            self.append_intact(at_micros, LineKind::New, out)
        }
    }

    fn append_intact(
        &mut self,
        timestamp_micros: i64,
        kind: LineKind,
        out: &mut Vec<u8>,
    ) -> LineInfo {
        let (key, payload) = self.topic.next_payload(timestamp_micros);
        json_text::append_json(out, &payload);
        self.keep_event(KeptEvent {
            key,
            timestamp_micros,
            payload,
        });
        LineInfo {
            key,
            timestamp_micros,
            kind,
        }
    }

    fn append_malformed(&mut self, timestamp_micros: i64, out: &mut Vec<u8>) -> LineInfo {
        let defect = pick_item(&Defect::ALL, &mut self.random);
        let (key, payload) = self.topic.next_payload(timestamp_micros);
        defects::append_malformed::<T>(defect, &payload, &mut self.random, out);
        LineInfo {
            key,
            timestamp_micros,
            kind: LineKind::Malformed(defect),
        }
    }

    fn append_incomplete(&mut self, timestamp_micros: i64, out: &mut Vec<u8>) -> LineInfo {
        let (key, payload) = self.topic.next_payload(timestamp_micros);
        let incomplete = defects::append_incomplete::<T>(&payload, &mut self.random, out);
        LineInfo {
            key,
            timestamp_micros,
            kind: if incomplete {
                LineKind::Incomplete
            } else {
                LineKind::New
            },
        }
    }

    /// Appends an earlier event: every second time with another status and time, if
    /// the topic has such messages.
    fn append_duplicate(&mut self, at_micros: i64, out: &mut Vec<u8>) -> LineInfo {
        let original = &self.kept[self.random.random_range(0..self.kept.len())];
        let update = if self.random.random_ratio(1, 2) {
            T::make_update(&original.payload, at_micros, &mut self.random)
        } else {
            None
        };
        json_text::append_json(out, update.as_ref().unwrap_or(&original.payload));
        let (timestamp_micros, kind) = match update {
            Some(_) => (at_micros, LineKind::Update),
            None => (original.timestamp_micros, LineKind::Duplicate),
        };
        LineInfo {
            key: original.key,
            timestamp_micros,
            kind,
        }
    }

    fn keep_event(&mut self, event: KeptEvent<T::Payload>) {
        if self.defects.duplicates == 0 {
            return;
        }
        if self.kept.len() < KEPT_EVENTS {
            self.kept.push(event);
        } else if self.random.random_ratio(1, KEEP_EVERY) {
            let index = self.random.random_range(0..KEPT_EVENTS);
            self.kept[index] = event;
        }
    }
}

impl<T: TopicGenerator> Iterator for Lines<T> {
    type Item = Event;

    /// Never `None`.
    fn next(&mut self) -> Option<Event> {
        Some(self.next_event())
    }
}

impl LineInfo {
    fn into_event(self, value: Vec<u8>) -> Event {
        let Self {
            key,
            timestamp_micros,
            kind,
        } = self;
        Event {
            key,
            value,
            timestamp_micros,
            kind,
        }
    }
}
