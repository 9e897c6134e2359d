//! A topic's events with duplicates and malformed lines mixed in.

use crate::clock::Clock;
use crate::draw::Draw;
use crate::faults::{self, Fault, Faults};
use crate::pools::UserId;
use crate::topic::{Topic, fault_draw};

/// How many events are kept as originals of duplicates.
const KEPT: usize = 256;
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
    Repeat,
    /// The id of an earlier line, with another status and time.
    Update,
    /// An event that lacks a required field.
    Incomplete,
    /// A good event with a new id and a timestamp long before its neighbours'.
    Late,
    /// Not an event, or an event with a value of the wrong type.
    Broken(Fault),
}

/// An endless stream of lines.
#[derive(Debug)]
pub struct Lines<T> {
    topic: T,
    clock: Clock,
    faults: Faults,
    draw: Draw,
    index: u64,
    kept: Vec<Kept>,
}

#[derive(Debug)]
struct Kept {
    key: UserId,
    timestamp_micros: i64,
    value: Vec<u8>,
}

/// What is known about a line in addition to its bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts {
    pub(crate) key: UserId,
    pub(crate) timestamp_micros: i64,
    pub(crate) kind: LineKind,
}

impl<T: Topic> Lines<T> {
    /// Lines of a topic. `seed` must be the seed of `topic`.
    pub fn new(seed: u64, topic: T, clock: Clock, faults: Faults) -> Self {
        Self {
            topic,
            clock,
            faults,
            draw: fault_draw::<T>(seed),
            index: 0,
            kept: Vec::new(),
        }
    }

    /// The next message, at the clock's time.
    pub fn next_event(&mut self) -> Event {
        let mut value = Vec::with_capacity(1_200);
        let facts = self.append(&mut value);
        facts.with(value)
    }

    /// The next message for a producer that sends live events: it happens at
    /// `at_micros`, or, if it is a late one, arrives then.
    pub fn next_event_at(&mut self, at_micros: i64) -> Event {
        let mut value = Vec::with_capacity(1_200);
        let facts = self.append_at(at_micros, &mut value);
        facts.with(value)
    }

    /// The start of the next line's step, in seconds since 1970-01-01 UTC.
    pub(crate) fn next_second(&self) -> i64 {
        self.clock.step(self.index).0.div_euclid(1_000_000)
    }

    /// Appends the next line without its newline.
    pub(crate) fn append(&mut self, out: &mut Vec<u8>) -> Facts {
        let (first, width) = self.clock.step(self.index);
        self.index += 1;
        let at_micros = first + i64::from(self.draw.below(width));
        self.append_at(at_micros, out)
    }

    fn append_at(&mut self, at_micros: i64, out: &mut Vec<u8>) -> Facts {
        let Faults {
            repeats,
            broken,
            incomplete,
            late,
        } = self.faults;
        let choice = self.draw.below(1_000);
        if choice < broken {
            self.broken(at_micros, out)
        } else if choice < broken + repeats && !self.kept.is_empty() {
            self.repeat(at_micros, out)
        } else if choice >= 1_000_u32.saturating_sub(incomplete) {
            self.incomplete(at_micros, out)
        } else if (broken + repeats..broken + repeats + late).contains(&choice) {
            let (least, most) = Faults::LATENESS_SECONDS.into_inner();
            let seconds = i64::from(self.draw.between(least, most));
            self.good(at_micros - seconds * 1_000_000, LineKind::Late, out)
        } else {
            self.good(at_micros, LineKind::New, out)
        }
    }

    fn good(&mut self, timestamp_micros: i64, kind: LineKind, out: &mut Vec<u8>) -> Facts {
        let start = out.len();
        let key = self.topic.append(timestamp_micros, out);
        self.keep(key, timestamp_micros, &out[start..]);
        Facts {
            key,
            timestamp_micros,
            kind,
        }
    }

    fn broken(&mut self, at_micros: i64, out: &mut Vec<u8>) -> Facts {
        let fault = Fault::ALL[self.draw.below(Fault::ALL.len() as u32) as usize];
        let mut line = Vec::new();
        let key = self.topic.append(at_micros, &mut line);
        faults::damage::<T>(fault, &mut line, &mut self.draw);
        out.extend_from_slice(&line);
        Facts {
            key,
            timestamp_micros: at_micros,
            kind: LineKind::Broken(fault),
        }
    }

    fn incomplete(&mut self, at_micros: i64, out: &mut Vec<u8>) -> Facts {
        let mut line = Vec::new();
        let key = self.topic.append(at_micros, &mut line);
        let kind = match faults::make_incomplete::<T>(&mut line, &mut self.draw) {
            true => LineKind::Incomplete,
            false => LineKind::New,
        };
        out.extend_from_slice(&line);
        Facts {
            key,
            timestamp_micros: at_micros,
            kind,
        }
    }

    fn repeat(&mut self, at_micros: i64, out: &mut Vec<u8>) -> Facts {
        let kept = &self.kept[self.draw.below(self.kept.len() as u32) as usize];
        let start = out.len();
        out.extend_from_slice(&kept.value);
        if self.draw.below(2) == 0 {
            let mut line = out.split_off(start);
            let changed = T::change(&mut line, at_micros, self.draw.bits());
            out.extend_from_slice(&line);
            if changed {
                let (key, kind) = (kept.key, LineKind::Update);
                return Facts {
                    key,
                    timestamp_micros: at_micros,
                    kind,
                };
            }
        }
        Facts {
            key: kept.key,
            timestamp_micros: kept.timestamp_micros,
            kind: LineKind::Repeat,
        }
    }

    fn keep(&mut self, key: UserId, timestamp_micros: i64, value: &[u8]) {
        if self.faults.repeats == 0 {
            return;
        }
        if self.kept.len() < KEPT {
            self.kept.push(Kept {
                key,
                timestamp_micros,
                value: value.to_vec(),
            });
        } else if self.draw.below(KEEP_EVERY) == 0 {
            let slot = self.draw.below(KEPT as u32) as usize;
            let kept = &mut self.kept[slot];
            kept.key = key;
            kept.timestamp_micros = timestamp_micros;
            kept.value.clear();
            kept.value.extend_from_slice(value);
        }
    }
}

impl<T: Topic> Iterator for Lines<T> {
    type Item = Event;

    /// Never `None`.
    fn next(&mut self) -> Option<Event> {
        Some(self.next_event())
    }
}

impl Facts {
    fn with(self, value: Vec<u8>) -> Event {
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
