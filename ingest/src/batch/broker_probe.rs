//! Notices that the brokers are silent. The client library retries without logging,
//! so without a question a lost connection would not be seen. No clock and no I/O.

use std::time::{Duration, Instant};

/// After this long without an event, the brokers may be lost.
const SILENCE_LIMIT: Duration = Duration::from_secs(5);

/// What the answer to a question shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ProbeResult {
    /// The brokers answer again.
    Recovered,
    /// The brokers no longer answer.
    Lost,
    Unchanged,
}

/// When the brokers were last heard of.
#[derive(Debug)]
pub(super) struct BrokerProbe {
    last_event_at: Instant,
    last_probe_at: Option<Instant>,
    /// Whether no broker answered the last question.
    is_lost: bool,
}

impl BrokerProbe {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            last_event_at: now,
            last_probe_at: None,
            is_lost: false,
        }
    }

    pub(super) fn on_event(&mut self, now: Instant) {
        self.last_event_at = now;
    }

    /// Whether there was no event for a while.
    pub(super) fn is_silent(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.last_event_at) >= SILENCE_LIMIT
    }

    /// Whether it is time to ask a broker something.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        let last = self
            .last_probe_at
            .map_or(self.last_event_at, |probe| probe.max(self.last_event_at));
        now.saturating_duration_since(last) >= SILENCE_LIMIT
    }

    /// Notes whether a broker answered the question.
    pub(super) fn on_answer(&mut self, answered: bool, now: Instant) -> ProbeResult {
        self.last_probe_at = Some(now);
        let was_lost = std::mem::replace(&mut self.is_lost, !answered);
        match (was_lost, answered) {
            (true, true) => ProbeResult::Recovered,
            (false, false) => ProbeResult::Lost,
            _ => ProbeResult::Unchanged,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_noticed_and_logged_once() {
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        let mut probe = BrokerProbe::new(begin);
        assert!(!probe.is_due(at(4)) && probe.is_due(at(5)) && probe.is_silent(at(5)));
        assert_eq!(probe.on_answer(false, at(5)), ProbeResult::Lost);
        // The next question waits as long, although there is still no event.
        assert!(!probe.is_due(at(9)) && probe.is_silent(at(9)));
        assert_eq!(probe.on_answer(false, at(10)), ProbeResult::Unchanged);
        assert_eq!(probe.on_answer(true, at(15)), ProbeResult::Recovered);
        assert_eq!(probe.on_answer(true, at(20)), ProbeResult::Unchanged);
        probe.on_event(at(21));
        assert!(!probe.is_silent(at(22)) && !probe.is_due(at(25)) && probe.is_due(at(26)));
    }
}
