//! Logs of a condition that lasts: one line when it begins, counts at growing
//! intervals, and one line when it ends.

use std::collections::HashMap;
use std::fmt;
use std::time::{Duration, Instant};

/// After how long a condition that continues is logged first; each further line
/// waits twice as long.
const FIRST_INTERVAL: Duration = Duration::from_secs(60);
/// The longest time between two lines.
const MAX_INTERVAL: Duration = Duration::from_secs(60 * 60);
/// A message that was not seen for this long is new.
const FORGET_AFTER: Duration = Duration::from_secs(10 * 60);
/// How many messages are remembered.
const MAX_MESSAGES: usize = 1_000;

/// What to log about a condition now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutageNote {
    Began,
    /// It was seen `count` times in all since it began.
    Continues {
        count: u64,
        lasted: Duration,
    },
    Ended {
        count: u64,
        lasted: Duration,
    },
}

impl fmt::Display for OutageNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Began => write!(f, "logged again after a minute, and then less often"),
            Self::Continues { count, lasted } => {
                write!(f, "{count} times within {} s so far", lasted.as_secs())
            }
            Self::Ended { count, lasted } => {
                write!(f, "{count} times within {} s", lasted.as_secs())
            }
        }
    }
}

/// Counts how often a condition is seen, and decides when to log it.
#[derive(Debug, Default)]
pub struct Outage {
    seen: Option<OutageRecord>,
}

#[derive(Debug)]
struct OutageRecord {
    began: Instant,
    last_seen: Instant,
    logged: Instant,
    interval: Duration,
    count: u64,
}

impl Outage {
    /// The condition was seen; gives what to log.
    pub fn on_seen(&mut self, now: Instant) -> Option<OutageNote> {
        let Some(record) = &mut self.seen else {
            self.seen = Some(OutageRecord {
                began: now,
                last_seen: now,
                logged: now,
                interval: FIRST_INTERVAL,
                count: 1,
            });
            return Some(OutageNote::Began);
        };
        record.count += 1;
        record.last_seen = now;
        if now.duration_since(record.logged) < record.interval {
            return None;
        }
        record.logged = now;
        record.interval = (record.interval * 2).min(MAX_INTERVAL);
        Some(OutageNote::Continues {
            count: record.count,
            lasted: now.duration_since(record.began),
        })
    }

    /// The condition is over; gives what to log if it had begun.
    pub fn on_ended(&mut self, now: Instant) -> Option<OutageNote> {
        let record = self.seen.take()?;
        Some(OutageNote::Ended {
            count: record.count,
            lasted: now.duration_since(record.began),
        })
    }

    fn is_recent(&self, now: Instant) -> bool {
        let seen = self.seen.as_ref();
        seen.is_some_and(|record| now.saturating_duration_since(record.last_seen) < FORGET_AFTER)
    }
}

/// Messages whose condition has no known end, such as those of a library, each
/// counted like an outage.
#[derive(Debug, Default)]
pub struct RepeatedMessages {
    outages: HashMap<String, Outage>,
}

impl RepeatedMessages {
    /// A message arrived; gives what to log of it. `key` is its part that stays the
    /// same.
    pub fn on_message(&mut self, key: &str, now: Instant) -> Option<OutageNote> {
        if !self.outages.contains_key(key) {
            if self.outages.len() >= MAX_MESSAGES {
                self.outages.clear();
            }
            self.outages.insert(key.to_owned(), Outage::default());
        }
        let outage = self.outages.get_mut(key)?;
        if !outage.is_recent(now) {
            *outage = Outage::default();
        }
        outage.on_seen(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When the condition was logged, in seconds, if it is seen every second.
    fn logged_seconds(seconds: u64) -> Vec<u64> {
        let mut outage = Outage::default();
        let start = Instant::now();
        (0..seconds)
            .filter(|second| {
                let now = start + Duration::from_secs(*second);
                outage.on_seen(now).is_some()
            })
            .collect()
    }

    #[test]
    fn a_condition_that_lasts_is_logged_less_and_less_often() {
        assert_eq!(logged_seconds(59), [0]);
        assert_eq!(logged_seconds(1000), [0, 60, 180, 420, 900]);
        // A day has a few lines more than it has hours.
        assert_eq!(logged_seconds(24 * 60 * 60).len(), 29);
    }

    #[test]
    fn a_condition_that_ends_is_logged_with_its_count() {
        let mut outage = Outage::default();
        let start = Instant::now();
        assert_eq!(outage.on_ended(start), None);
        let notes: Vec<OutageNote> = (0..480)
            .filter_map(|tick| outage.on_seen(start + Duration::from_millis(250 * tick)))
            .collect();
        let lasted = Duration::from_secs(60);
        assert_eq!(
            notes,
            [
                OutageNote::Began,
                OutageNote::Continues { count: 241, lasted }
            ]
        );
        let end = start + Duration::from_secs(120);
        assert_eq!(
            outage.on_ended(end),
            Some(OutageNote::Ended {
                count: 480,
                lasted: Duration::from_secs(120)
            })
        );
        assert_eq!(outage.on_seen(end), Some(OutageNote::Began));
    }

    #[test]
    fn messages_are_counted_apart_and_forgotten() {
        let mut messages = RepeatedMessages::default();
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(messages.on_message("a", at(0)), Some(OutageNote::Began));
        assert_eq!(messages.on_message("b", at(1)), Some(OutageNote::Began));
        assert_eq!(messages.on_message("a", at(2)), None);
        let lasted = Duration::from_secs(61);
        assert_eq!(
            messages.on_message("a", at(61)),
            Some(OutageNote::Continues { count: 3, lasted })
        );
        assert_eq!(messages.on_message("a", at(2000)), Some(OutageNote::Began));
        for number in 0..2 * MAX_MESSAGES {
            messages.on_message(&number.to_string(), at(2000));
        }
        assert!(messages.outages.len() <= MAX_MESSAGES);
    }
}
