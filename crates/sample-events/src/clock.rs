//! When events happen.

/// Spreads events over a period: event number i happens somewhere in the i-th
/// step, so that timestamps rise and never repeat a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    /// When the period begins, in microseconds since 1970-01-01 UTC.
    pub start_micros: i64,
    /// Its length in microseconds.
    pub length_micros: i64,
    /// How many events share it; later ones go on at the same pace.
    pub events: u64,
}

impl Clock {
    /// A thousand events in a day; for examples and tests.
    pub const EXAMPLE: Self = Self {
        start_micros: 1_767_818_000_000_000,
        length_micros: 86_400_000_000,
        events: 1_000,
    };

    /// The step in which event number `index` falls: its first microsecond and
    /// its length (at least 1).
    pub(crate) fn step(&self, index: u64) -> (i64, u32) {
        let length = i128::from(self.length_micros.max(0));
        let events = i128::from(self.events.max(1));
        let at = |index: i128| length * index / events;
        let first = at(i128::from(index));
        let width = (at(i128::from(index) + 1) - first).clamp(1, i128::from(u32::MAX));
        (self.start_micros.saturating_add(first as i64), width as u32)
    }
}
