//! The times of events.

/// Spreads events over a period: event number i happens at a random time within
/// the i-th step, so that timestamps rise without a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventClock {
    /// The start of the period, in microseconds since 1970-01-01 UTC.
    pub start_micros: i64,
    /// The length of the period in microseconds.
    pub length_micros: i64,
    /// How many events share the period; later ones follow at the same pace.
    pub events: u64,
}

impl EventClock {
    /// A thousand events in a day; for examples and tests.
    pub const EXAMPLE: Self = Self {
        start_micros: 1_767_818_000_000_000,
        length_micros: 86_400_000_000,
        events: 1_000,
    };

    /// The step of event number `index`: its first microsecond and its length (at
    /// least 1).
    pub(crate) fn time_slot(&self, index: u64) -> (i64, u32) {
        let length = i128::from(self.length_micros.max(0));
        let events = i128::from(self.events.max(1));
        let at = |index: i128| length * index / events;
        let first = at(i128::from(index));
        let width = (at(i128::from(index) + 1) - first).clamp(1, i128::from(u32::MAX));
        (self.start_micros.saturating_add(first as i64), width as u32)
    }
}
