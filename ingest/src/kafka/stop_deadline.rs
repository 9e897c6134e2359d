//! How long questions to the brokers may still take after the process was asked to stop.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// What every question gets, also one that begins late: local work, such as making files
/// durable, may have taken the time.
const LEAST_PATIENCE: Duration = Duration::from_millis(500);

/// The moment of the request to stop, which all questions of a run share: one that waits
/// at that moment is cut short, and those after it share what is left. So a stop takes
/// about as long whatever the run was doing.
#[derive(Debug, Clone, Default)]
pub(crate) struct StopDeadline(Arc<OnceLock<Instant>>);

impl StopDeadline {
    /// The process was asked to stop just now.
    pub(crate) fn begin(&self, now: Instant) {
        let _ = self.0.set(now);
    }

    /// The deadline of a question that began at `begun` and would end at `deadline`, when
    /// it may take until `after_stop` after the request to stop.
    pub(crate) fn shorten(
        &self,
        begun: Instant,
        deadline: Instant,
        after_stop: Duration,
    ) -> Instant {
        let Some(asked) = self.0.get() else {
            return deadline;
        };
        deadline.min((*asked + after_stop).max(begun + LEAST_PATIENCE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_cuts_questions_short_that_wait_and_those_that_follow() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let patience = Duration::from_secs(2);
        let stop = StopDeadline::default();
        let minutes = at(600_000);
        assert_eq!(stop.shorten(at(0), minutes, patience), minutes);
        stop.begin(at(1_000));
        // It was waited for already.
        assert_eq!(stop.shorten(at(0), minutes, patience), at(3_000));
        assert_eq!(stop.shorten(at(0), at(1_500), patience), at(1_500));
        // It begins after the stop, in time or late.
        assert_eq!(stop.shorten(at(2_000), minutes, patience), at(3_000));
        assert_eq!(stop.shorten(at(2_900), minutes, patience), at(3_400));
        assert_eq!(stop.shorten(at(9_000), minutes, patience), at(9_500));
        // A second request changes nothing.
        stop.clone().begin(at(60_000));
        assert_eq!(stop.shorten(at(0), minutes, patience), at(3_000));
    }

    /// What a run does at its end when no broker answers, one after the other, each from
    /// when the one before has ended: a probe in the middle of the batch, the ends of the
    /// partitions, the topic's id.
    #[test]
    fn all_questions_of_a_stop_together_end_within_three_seconds() {
        let asked = Instant::now() + Duration::from_secs(100);
        let stop = StopDeadline::default();
        stop.begin(asked);
        for waited in [0, 500, 4_999, 60_000] {
            let mut now = asked - Duration::from_millis(waited);
            for (timeout, after_stop) in [(5, 1), (1, 1), (5, 1), (600, 2)] {
                let deadline = now + Duration::from_secs(timeout);
                let cut = stop.shorten(now, deadline, Duration::from_secs(after_stop));
                now = cut.max(now);
            }
            assert!(now <= asked + Duration::from_secs(3), "{waited}");
        }
    }
}
