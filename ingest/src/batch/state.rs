//! What one batch accepts of what the consumer delivers, and what it has read of
//! each partition. No clock and no I/O.
//!
//! A consumer delivers more than a batch may hold: it does not know where the batch
//! ends. All rules about that are here.

use std::collections::BTreeMap;
use std::time::Duration;

use sluice_landing::CloseReason;

use super::limits::{BatchEvent, BatchLimits, BatchWindow};

/// What a batch knows of a partition.
#[derive(Debug, Clone, Copy, Default)]
struct PartitionState {
    /// It had an event in this batch.
    active: bool,
    /// Its latest event was its end.
    at_end: bool,
    /// Records of it were skipped, because they lie after the end of the batch. Then
    /// neither its end nor the consumer's position says what the batch has read.
    truncated: bool,
}

/// What becomes of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    /// It belongs to the batch.
    Accept,
    /// It lies after the end of the batch.
    Skip {
        /// The offset up to which the batch has read the partition because of that.
        read_to: Option<i64>,
    },
}

/// The state of an open batch.
#[derive(Debug)]
pub(super) struct BatchState {
    window: BatchWindow,
    partitions: BTreeMap<i32, PartitionState>,
    has_skipped: bool,
}

impl BatchState {
    pub(super) fn new(limits: BatchLimits) -> Self {
        Self {
            window: BatchWindow::new(limits),
            partitions: BTreeMap::new(),
            has_skipped: false,
        }
    }

    pub(super) fn window(&self) -> &BatchWindow {
        &self.window
    }

    /// Whether the consumer has delivered more than the batch accepted.
    pub(super) fn has_skipped(&self) -> bool {
        self.has_skipped
    }

    /// See [`BatchWindow::record_event`].
    pub(super) fn record_event(
        &mut self,
        event: BatchEvent,
        elapsed: Duration,
    ) -> Option<CloseReason> {
        self.window.record_event(event, elapsed)
    }

    /// Notes that a partition was read up to this offset.
    pub(super) fn advance(&mut self, partition: i32, offset: i64, elapsed: Duration) {
        let reached = BatchEvent::Reached { partition, offset };
        self.window.record_event(reached, elapsed);
    }

    /// Decides about a record that the consumer has delivered.
    pub(super) fn admit(&mut self, partition: i32, offset: i64, elapsed: Duration) -> Admission {
        if self.window.accepts(partition, offset) {
            return Admission::Accept;
        }
        self.has_skipped = true;
        let target = self.window.target_offset(partition);
        let state = self.partition_mut(partition);
        let is_first = !std::mem::replace(&mut state.truncated, true);
        self.advance(partition, offset, elapsed);
        Admission::Skip {
            // Only control records and compacted offsets lie before the first record
            // after the end.
            read_to: target.filter(|_| is_first),
        }
    }

    /// Notes that a record was added to the batch.
    pub(super) fn on_record_added(
        &mut self,
        partition: i32,
        offset: i64,
        bytes: u64,
        elapsed: Duration,
    ) {
        let state = self.partition_mut(partition);
        (state.active, state.at_end) = (true, false);
        let record = BatchEvent::Record { bytes };
        self.window.record_event(record, elapsed);
        self.advance(partition, offset.saturating_add(1), elapsed);
    }

    /// Notes that the consumer has reached a partition's end. Returns whether the
    /// batch has read everything up to there.
    pub(super) fn on_partition_end(&mut self, partition: i32) -> bool {
        let state = self.partition_mut(partition);
        (state.active, state.at_end) = (true, true);
        !state.truncated
    }

    /// Whether the consumer's position says what the batch has read of a partition.
    /// For a moment after an assignment it is still that of the previous one, so
    /// the partition must have had an event in this batch.
    pub(super) fn may_use_position(&self, partition: i32) -> bool {
        let state = self.partition(partition);
        state.active && !state.truncated
    }

    /// Whether the latest event of a partition was its end.
    pub(super) fn is_at_end(&self, partition: i32) -> bool {
        self.partition(partition).at_end
    }

    fn partition(&self, partition: i32) -> PartitionState {
        self.partitions.get(&partition).copied().unwrap_or_default()
    }

    fn partition_mut(&mut self, partition: i32) -> &mut PartitionState {
        self.partitions.entry(partition).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::ZERO;

    fn state_until(target: &[(i32, i64)]) -> BatchState {
        BatchState::new(BatchLimits {
            target_offsets: Some(target.iter().copied().collect()),
            ..BatchLimits::default()
        })
    }

    #[test]
    fn the_first_record_after_the_end_says_that_the_end_is_reached() {
        let mut state = state_until(&[(0, 5), (1, 9)]);
        assert_eq!(state.admit(0, 3, NOW), Admission::Accept);
        state.on_record_added(0, 3, 1, NOW);
        assert!(!state.has_skipped() && state.may_use_position(0));
        // Offset 4 is a control record.
        let skip = Admission::Skip { read_to: Some(5) };
        assert_eq!(state.admit(0, 5, NOW), skip);
        let skip = Admission::Skip { read_to: None };
        assert_eq!(state.admit(0, 6, NOW), skip);
        assert!(state.has_skipped() && !state.may_use_position(0));
        // The end of a partition says nothing when records before it were skipped.
        assert!(!state.on_partition_end(0));
        assert!(state.is_at_end(0));
        assert!(state.on_partition_end(1) && state.may_use_position(1));
        assert_eq!(state.record_event(BatchEvent::Tick, NOW), None);
        state.advance(1, 9, NOW);
        let closed = state.record_event(BatchEvent::Tick, NOW);
        assert_eq!(closed, Some(CloseReason::CaughtUp));
    }

    #[test]
    fn a_record_after_the_end_of_a_partition_moves_the_end() {
        let mut state = BatchState::new(BatchLimits::default());
        assert!(!state.may_use_position(2) && !state.is_at_end(2));
        assert!(state.on_partition_end(2));
        assert!(state.is_at_end(2));
        state.on_record_added(2, 7, 10, NOW);
        assert!(!state.is_at_end(2));
        assert_eq!((state.window().records(), state.window().bytes()), (1, 10));
    }

    #[test]
    fn a_closed_batch_skips_records() {
        let mut state = BatchState::new(BatchLimits {
            max_records: Some(1),
            ..BatchLimits::default()
        });
        state.on_record_added(0, 0, 1, NOW);
        let skip = Admission::Skip { read_to: None };
        assert_eq!(state.admit(0, 1, NOW), skip);
        assert!(state.has_skipped());
    }
}
