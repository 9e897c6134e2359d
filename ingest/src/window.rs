//! Decides when a batch ends: `(state, event, elapsed time) → continue or close`.
//! No clock and no I/O.

use std::collections::BTreeMap;
use std::time::Duration;

use sluice_landing::Closed;

/// The limits of a batch. The first one that is reached ends it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Bounds {
    /// Time since the batch began.
    pub(crate) duration: Option<Duration>,
    /// Lines and rejects together.
    pub(crate) records: Option<u64>,
    /// Bytes of the records' values.
    pub(crate) bytes: Option<u64>,
    /// Offsets to reach, by partition: records from there on are not accepted.
    pub(crate) until: Option<BTreeMap<i32, i64>>,
}

/// What can happen to a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// A record was accepted.
    Record {
        /// Bytes of the record's value.
        bytes: u64,
    },
    /// A partition was read up to an offset, with or without records.
    Reached {
        partition: i32,
        /// The partition's next offset.
        offset: i64,
    },
    /// Only time has passed.
    Tick,
    /// The process was asked to stop.
    Stop,
    /// The group revoked partitions.
    Rebalance,
    /// The broker cannot continue at the batch's offsets.
    Lost,
}

/// The state of an open batch: what it has read of its limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Window {
    bounds: Bounds,
    records: u64,
    bytes: u64,
    closed: Option<Closed>,
}

impl Window {
    /// A new batch. If it has reached its target offsets already, it ends at its
    /// first event.
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            records: 0,
            bytes: 0,
            closed: None,
        }
    }

    /// The offset to reach in this partition, if there is one and the batch is
    /// open.
    pub(crate) fn end(&self, partition: i32) -> Option<i64> {
        let until = self.bounds.until.as_ref()?;
        let end = until.get(&partition).copied();
        end.filter(|_| self.closed.is_none())
    }

    /// Whether a record at this offset belongs to the batch.
    pub(crate) fn takes(&self, partition: i32, offset: i64) -> bool {
        let before = match &self.bounds.until {
            // The map holds only partitions that have not reached their target.
            Some(until) => until.get(&partition).is_some_and(|end| offset < *end),
            None => true,
        };
        before && self.closed.is_none()
    }

    /// Records an event, `elapsed` after the start of the batch. Returns the
    /// reason to close, if there is one; the first reason stays.
    pub(crate) fn on(&mut self, event: Event, elapsed: Duration) -> Option<Closed> {
        if self.closed.is_some() {
            return self.closed;
        }
        let mut asked = None;
        match event {
            Event::Record { bytes } => {
                self.records += 1;
                self.bytes += bytes;
            }
            Event::Reached { partition, offset } => {
                if let Some(until) = &mut self.bounds.until
                    && until.get(&partition).is_some_and(|end| offset >= *end)
                {
                    until.remove(&partition);
                }
            }
            Event::Tick => {}
            Event::Stop => asked = Some(Closed::Stopped),
            Event::Rebalance => asked = Some(Closed::Rebalanced),
            Event::Lost => asked = Some(Closed::Lost),
        }
        let reached = |bound: Option<u64>, value: u64| bound.is_some_and(|bound| value >= bound);
        self.closed = if asked.is_some() {
            asked
        } else if self.bounds.until.as_ref().is_some_and(BTreeMap::is_empty) {
            Some(Closed::CaughtUp)
        } else if reached(self.bounds.records, self.records) {
            Some(Closed::Records)
        } else if reached(self.bounds.bytes, self.bytes) {
            Some(Closed::Bytes)
        } else if self.bounds.duration.is_some_and(|bound| elapsed >= bound) {
            Some(Closed::Duration)
        } else {
            None
        };
        self.closed
    }

    /// How many records were accepted.
    pub(crate) fn records(&self) -> u64 {
        self.records
    }

    /// Bytes of the accepted values.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How long to wait for records: what remains of the duration, at most `most`.
    pub(crate) fn patience(&self, elapsed: Duration, most: Duration) -> Duration {
        match self.bounds.duration {
            Some(bound) => bound.saturating_sub(elapsed).min(most),
            None => most,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Duration = Duration::from_secs(1);

    #[test]
    fn each_bound_ends_the_batch() {
        let record = Event::Record { bytes: 10 };
        let bounds = Bounds {
            records: Some(2),
            ..Bounds::default()
        };
        let mut window = Window::new(bounds);
        assert_eq!(window.on(record, NOW), None);
        assert_eq!(window.on(record, NOW), Some(Closed::Records));
        assert!(!window.takes(0, 0));

        let bounds = Bounds {
            bytes: Some(15),
            duration: Some(2 * NOW),
            ..Bounds::default()
        };
        let mut window = Window::new(bounds.clone());
        assert_eq!(window.on(record, NOW), None);
        assert_eq!(window.on(record, NOW), Some(Closed::Bytes));
        let mut window = Window::new(bounds);
        assert_eq!(window.patience(NOW / 2, NOW), NOW);
        assert_eq!(window.patience(NOW * 3 / 2, NOW), NOW / 2);
        assert_eq!(window.on(Event::Tick, 2 * NOW), Some(Closed::Duration));

        let mut window = Window::new(Bounds::default());
        assert_eq!(window.on(Event::Tick, 900 * NOW), None);
        assert_eq!(window.on(Event::Stop, NOW), Some(Closed::Stopped));
        assert_eq!(window.on(Event::Lost, NOW), Some(Closed::Stopped));
    }

    #[test]
    fn offsets_to_reach_bound_what_is_taken() {
        let mut window = Window::new(Bounds {
            until: Some([(0, 5), (1, 3)].into()),
            ..Bounds::default()
        });
        assert!(window.takes(0, 4) && !window.takes(0, 5) && !window.takes(2, 0));
        assert_eq!((window.end(0), window.end(2)), (Some(5), None));
        let reached = |partition, offset| Event::Reached { partition, offset };
        assert_eq!(window.on(reached(1, 2), NOW), None);
        assert_eq!(window.on(reached(1, 4), NOW), None);
        assert!(!window.takes(1, 2));
        assert_eq!(window.on(reached(0, 5), NOW), Some(Closed::CaughtUp));
        assert_eq!(window.end(0), None);
        let mut window = Window::new(Bounds {
            until: Some(BTreeMap::new()),
            ..Bounds::default()
        });
        assert_eq!(window.on(Event::Tick, NOW), Some(Closed::CaughtUp));
    }

    proptest! {
        #[test]
        fn no_more_records_than_asked_for_are_taken(
            most in 1..20u64,
            sizes in prop::collection::vec(0..100u64, 0..60),
        ) {
            let mut window = Window::new(Bounds { records: Some(most), ..Bounds::default() });
            let mut taken = 0;
            for (offset, bytes) in sizes.iter().enumerate() {
                if window.takes(0, offset as i64) {
                    taken += 1;
                    window.on(Event::Record { bytes: *bytes }, NOW);
                }
            }
            prop_assert_eq!(taken, most.min(sizes.len() as u64));
        }
    }
}
