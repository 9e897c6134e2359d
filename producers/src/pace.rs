//! Decides when the next event is due.

use std::time::{Duration, Instant};

/// After a slow broker, the producer catches up at most this much: a producer
/// that slept for an hour does not then send an hour's events at once.
const CATCH_UP: Duration = Duration::from_secs(1);

/// A steady pace: events one step apart.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    interval: Duration,
    due: Option<Instant>,
}

impl Pace {
    /// One event per `step`; zero means as fast as possible.
    pub(crate) const fn new(interval: Duration) -> Self {
        Self {
            interval,
            due: None,
        }
    }

    /// How long the next event has to wait; zero when it is due. The first one
    /// is due at once.
    pub(crate) fn time_until_due(&self, now: Instant) -> Duration {
        self.due
            .map_or(Duration::ZERO, |due| due.saturating_duration_since(now))
    }

    /// Records that an event was sent at `now`.
    pub(crate) fn record_sent(&mut self, now: Instant) {
        let due = self.due.unwrap_or(now);
        let earliest = now.checked_sub(CATCH_UP).unwrap_or(now);
        // A due time that `Instant` cannot represent is never reached.
        self.due = due.max(earliest).checked_add(self.interval).or(self.due);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Sends each event as soon as it is due, which takes `cost`, and returns the
    /// times of sending.
    fn times(step: Duration, cost: Duration, count: usize) -> Vec<Duration> {
        let begun = Instant::now();
        let mut now = begun;
        let mut pace = Pace::new(step);
        (0..count)
            .map(|_| {
                now += pace.time_until_due(now);
                let at = now - begun;
                pace.record_sent(now);
                now += cost;
                at
            })
            .collect()
    }

    proptest! {
        #[test]
        fn the_nth_event_is_sent_n_steps_after_the_first(micros in 0_u64..2_000_000, count in 1_usize..50) {
            let step = Duration::from_micros(micros);
            let expected: Vec<_> = (0..count as u32).map(|n| step * n).collect();
            prop_assert_eq!(times(step, step / 2, count), expected);
        }

        #[test]
        fn a_slow_broker_is_waited_for(micros in 1_u64..100_000, count in 1_usize..50) {
            let step = Duration::from_micros(micros);
            let expected: Vec<_> = (0..count as u32).map(|n| step * 3 * n).collect();
            prop_assert_eq!(times(step, step * 3, count), expected);
        }

        #[test]
        fn only_a_second_is_caught_up_with(pause in 2_u64..100_000, rate in 1_u32..10_000) {
            let step = Duration::from_secs(1) / rate;
            let mut now = Instant::now();
            let mut pace = Pace::new(step);
            pace.record_sent(now);
            now += Duration::from_secs(pause);
            let mut burst = 0;
            while pace.time_until_due(now).is_zero() {
                pace.record_sent(now);
                burst += 1;
            }
            prop_assert!(burst <= rate + 2, "{} events at once", burst);
        }
    }
}
