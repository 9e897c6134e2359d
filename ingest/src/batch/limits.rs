//! Decides when a batch ends: `(state, event, elapsed time) → continue or close`.
//! No clock and no I/O.

use std::collections::BTreeMap;
use std::time::Duration;

use sluice_landing::CloseReason;

/// The limits of a batch. The first one that is reached ends it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct BatchLimits {
    /// Time since the batch began.
    pub(crate) duration: Option<Duration>,
    /// Lines and rejects together.
    pub(crate) max_records: Option<u64>,
    /// Bytes of the records' values.
    pub(crate) max_bytes: Option<u64>,
    /// Offsets to reach, by partition: records from there on are not accepted.
    pub(crate) target_offsets: Option<BTreeMap<i32, i64>>,
}

/// What can happen to a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BatchEvent {
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
pub(crate) struct BatchWindow {
    limits: BatchLimits,
    records: u64,
    bytes: u64,
    close_reason: Option<CloseReason>,
}

impl BatchWindow {
    /// A new batch. If it has reached its target offsets already, it ends at its
    /// first event.
    pub(crate) fn new(limits: BatchLimits) -> Self {
        Self {
            limits,
            records: 0,
            bytes: 0,
            close_reason: None,
        }
    }

    /// The offset to reach in this partition, if there is one and the batch is
    /// open.
    pub(crate) fn target_offset(&self, partition: i32) -> Option<i64> {
        let until = self.limits.target_offsets.as_ref()?;
        let end = until.get(&partition).copied();
        end.filter(|_| self.close_reason.is_none())
    }

    /// Whether a record at this offset belongs to the batch.
    pub(crate) fn accepts(&self, partition: i32, offset: i64) -> bool {
        let before = match &self.limits.target_offsets {
            // The map holds only partitions that have not reached their target.
            Some(until) => until.get(&partition).is_some_and(|end| offset < *end),
            None => true,
        };
        before && self.close_reason.is_none()
    }

    /// Records an event, `elapsed` after the start of the batch. Returns the
    /// reason to close, if there is one; the first reason stays.
    pub(crate) fn record_event(
        &mut self,
        event: BatchEvent,
        elapsed: Duration,
    ) -> Option<CloseReason> {
        if self.close_reason.is_some() {
            return self.close_reason;
        }
        let mut requested = None;
        match event {
            BatchEvent::Record { bytes } => {
                self.records += 1;
                self.bytes += bytes;
            }
            BatchEvent::Reached { partition, offset } => {
                if let Some(until) = &mut self.limits.target_offsets
                    && until.get(&partition).is_some_and(|end| offset >= *end)
                {
                    until.remove(&partition);
                }
            }
            BatchEvent::Tick => {}
            BatchEvent::Stop => requested = Some(CloseReason::Stopped),
            BatchEvent::Rebalance => requested = Some(CloseReason::Rebalanced),
            BatchEvent::Lost => requested = Some(CloseReason::Lost),
        }
        let reached = |bound: Option<u64>, value: u64| bound.is_some_and(|bound| value >= bound);
        self.close_reason = if requested.is_some() {
            requested
        } else if self
            .limits
            .target_offsets
            .as_ref()
            .is_some_and(BTreeMap::is_empty)
        {
            Some(CloseReason::CaughtUp)
        } else if reached(self.limits.max_records, self.records) {
            Some(CloseReason::Records)
        } else if reached(self.limits.max_bytes, self.bytes) {
            Some(CloseReason::Bytes)
        } else if self.limits.duration.is_some_and(|bound| elapsed >= bound) {
            Some(CloseReason::Duration)
        } else {
            None
        };
        self.close_reason
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
    pub(crate) fn max_wait(&self, elapsed: Duration, most: Duration) -> Duration {
        match self.limits.duration {
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
        let record = BatchEvent::Record { bytes: 10 };
        let bounds = BatchLimits {
            max_records: Some(2),
            ..BatchLimits::default()
        };
        let mut window = BatchWindow::new(bounds);
        assert_eq!(window.record_event(record, NOW), None);
        assert_eq!(window.record_event(record, NOW), Some(CloseReason::Records));
        assert!(!window.accepts(0, 0));

        let bounds = BatchLimits {
            max_bytes: Some(15),
            duration: Some(2 * NOW),
            ..BatchLimits::default()
        };
        let mut window = BatchWindow::new(bounds.clone());
        assert_eq!(window.record_event(record, NOW), None);
        assert_eq!(window.record_event(record, NOW), Some(CloseReason::Bytes));
        let mut window = BatchWindow::new(bounds);
        assert_eq!(window.max_wait(NOW / 2, NOW), NOW);
        assert_eq!(window.max_wait(NOW * 3 / 2, NOW), NOW / 2);
        assert_eq!(
            window.record_event(BatchEvent::Tick, 2 * NOW),
            Some(CloseReason::Duration)
        );

        let mut window = BatchWindow::new(BatchLimits::default());
        assert_eq!(window.record_event(BatchEvent::Tick, 900 * NOW), None);
        assert_eq!(
            window.record_event(BatchEvent::Stop, NOW),
            Some(CloseReason::Stopped)
        );
        assert_eq!(
            window.record_event(BatchEvent::Lost, NOW),
            Some(CloseReason::Stopped)
        );
    }

    #[test]
    fn offsets_to_reach_bound_what_is_taken() {
        let mut window = BatchWindow::new(BatchLimits {
            target_offsets: Some([(0, 5), (1, 3)].into()),
            ..BatchLimits::default()
        });
        assert!(window.accepts(0, 4) && !window.accepts(0, 5) && !window.accepts(2, 0));
        assert_eq!(
            (window.target_offset(0), window.target_offset(2)),
            (Some(5), None)
        );
        let reached = |partition, offset| BatchEvent::Reached { partition, offset };
        assert_eq!(window.record_event(reached(1, 2), NOW), None);
        assert_eq!(window.record_event(reached(1, 4), NOW), None);
        assert!(!window.accepts(1, 2));
        assert_eq!(
            window.record_event(reached(0, 5), NOW),
            Some(CloseReason::CaughtUp)
        );
        assert_eq!(window.target_offset(0), None);
        let mut window = BatchWindow::new(BatchLimits {
            target_offsets: Some(BTreeMap::new()),
            ..BatchLimits::default()
        });
        assert_eq!(
            window.record_event(BatchEvent::Tick, NOW),
            Some(CloseReason::CaughtUp)
        );
    }

    proptest! {
        #[test]
        fn no_more_records_than_asked_for_are_taken(
            most in 1..20u64,
            sizes in prop::collection::vec(0..100u64, 0..60),
        ) {
            let mut window = BatchWindow::new(BatchLimits { max_records: Some(most), ..BatchLimits::default() });
            let mut taken = 0;
            for (offset, bytes) in sizes.iter().enumerate() {
                if window.accepts(0, offset as i64) {
                    taken += 1;
                    window.record_event(BatchEvent::Record { bytes: *bytes }, NOW);
                }
            }
            prop_assert_eq!(taken, most.min(sizes.len() as u64));
        }
    }
}
