//! A topic's events with duplicates and malformed lines mixed in.

use crate::clock::EventClock;
use crate::defects::{self, Defect, Defects};
use crate::pools::UserId;
use crate::random::RandomStream;
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
pub struct Lines<T> {
    topic: T,
    clock: EventClock,
    defects: Defects,
    draw: RandomStream,
    index: u64,
    kept: Vec<KeptEvent>,
}

#[derive(Debug)]
struct KeptEvent {
    key: UserId,
    timestamp_micros: i64,
    value: Vec<u8>,
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
            draw: defect_stream::<T>(seed),
            index: 0,
            kept: Vec::new(),
        }
    }

    /// The next message, at the clock's time.
    pub fn next_event(&mut self) -> Event {
        let mut value = Vec::with_capacity(1_200);
        let facts = self.append_line(&mut value);
        facts.into_event(value)
    }

    /// The next message for a producer that sends live events: it happens at
    /// `at_micros`, or, if it is a late one, arrives then.
    pub fn next_event_at(&mut self, at_micros: i64) -> Event {
        let mut value = Vec::with_capacity(1_200);
        let facts = self.append_line_at(at_micros, &mut value);
        facts.into_event(value)
    }

    /// The start of the next line's step, in seconds since 1970-01-01 UTC.
    pub(crate) fn next_second(&self) -> i64 {
        self.clock.time_slot(self.index).0.div_euclid(1_000_000)
    }

    /// Appends the next line without its newline.
    pub(crate) fn append_line(&mut self, out: &mut Vec<u8>) -> LineInfo {
        let (first, width) = self.clock.time_slot(self.index);
        self.index += 1;
        let at_micros = first + i64::from(self.draw.next_below(width));
        self.append_line_at(at_micros, out)
    }

    fn append_line_at(&mut self, at_micros: i64, out: &mut Vec<u8>) -> LineInfo {
        let Defects {
            duplicates: repeats,
            malformed: broken,
            incomplete,
            late,
        } = self.defects;
        let choice = self.draw.next_below(1_000);
        if choice < broken {
            self.append_malformed(at_micros, out)
        } else if choice < broken + repeats && !self.kept.is_empty() {
            self.append_duplicate(at_micros, out)
        } else if choice >= 1_000_u32.saturating_sub(incomplete) {
            self.append_incomplete(at_micros, out)
        } else if (broken + repeats..broken + repeats + late).contains(&choice) {
            let (least, most) = Defects::LATENESS_SECONDS.into_inner();
            let seconds = i64::from(self.draw.next_between(least, most));
            self.append_good(at_micros - seconds * 1_000_000, LineKind::Late, out)
        } else {
            self.append_good(at_micros, LineKind::New, out)
        }
    }

    fn append_good(
        &mut self,
        timestamp_micros: i64,
        kind: LineKind,
        out: &mut Vec<u8>,
    ) -> LineInfo {
        let start = out.len();
        let key = self.topic.append_event(timestamp_micros, out);
        self.keep_event(key, timestamp_micros, &out[start..]);
        LineInfo {
            key,
            timestamp_micros,
            kind,
        }
    }

    fn append_malformed(&mut self, at_micros: i64, out: &mut Vec<u8>) -> LineInfo {
        let fault = Defect::ALL[self.draw.next_below(Defect::ALL.len() as u32) as usize];
        let mut line = Vec::new();
        let key = self.topic.append_event(at_micros, &mut line);
        defects::damage_line::<T>(fault, &mut line, &mut self.draw);
        out.extend_from_slice(&line);
        LineInfo {
            key,
            timestamp_micros: at_micros,
            kind: LineKind::Malformed(fault),
        }
    }

    fn append_incomplete(&mut self, at_micros: i64, out: &mut Vec<u8>) -> LineInfo {
        let mut line = Vec::new();
        let key = self.topic.append_event(at_micros, &mut line);
        let kind = match defects::make_incomplete::<T>(&mut line, &mut self.draw) {
            true => LineKind::Incomplete,
            false => LineKind::New,
        };
        out.extend_from_slice(&line);
        LineInfo {
            key,
            timestamp_micros: at_micros,
            kind,
        }
    }

    fn append_duplicate(&mut self, at_micros: i64, out: &mut Vec<u8>) -> LineInfo {
        let kept = &self.kept[self.draw.next_below(self.kept.len() as u32) as usize];
        let start = out.len();
        out.extend_from_slice(&kept.value);
        if self.draw.next_below(2) == 0 {
            let mut line = out.split_off(start);
            let changed = T::make_update(&mut line, at_micros, self.draw.next_bits());
            out.extend_from_slice(&line);
            if changed {
                let (key, kind) = (kept.key, LineKind::Update);
                return LineInfo {
                    key,
                    timestamp_micros: at_micros,
                    kind,
                };
            }
        }
        LineInfo {
            key: kept.key,
            timestamp_micros: kept.timestamp_micros,
            kind: LineKind::Duplicate,
        }
    }

    fn keep_event(&mut self, key: UserId, timestamp_micros: i64, value: &[u8]) {
        if self.defects.duplicates == 0 {
            return;
        }
        if self.kept.len() < KEPT_EVENTS {
            self.kept.push(KeptEvent {
                key,
                timestamp_micros,
                value: value.to_vec(),
            });
        } else if self.draw.next_below(KEEP_EVERY) == 0 {
            let slot = self.draw.next_below(KEPT_EVENTS as u32) as usize;
            let kept = &mut self.kept[slot];
            kept.key = key;
            kept.timestamp_micros = timestamp_micros;
            kept.value.clear();
            kept.value.extend_from_slice(value);
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
