//! Notices that the brokers are silent. The client library retries without logging,
//! so without a question a lost connection would not be seen. No clock and no I/O.

use std::time::{Duration, Instant};

/// After this long without an event, the brokers may be lost.
const SILENCE_LIMIT: Duration = Duration::from_secs(5);

/// When the brokers were last heard of.
#[derive(Debug)]
pub(super) struct BrokerProbe {
    last_event_at: Instant,
    last_probe_at: Option<Instant>,
}

impl BrokerProbe {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            last_event_at: now,
            last_probe_at: None,
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

    /// A broker is asked now.
    pub(super) fn on_question(&mut self, now: Instant) {
        self.last_probe_at = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_noticed_and_asked_about_at_intervals() {
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        let mut probe = BrokerProbe::new(begin);
        assert!(!probe.is_due(at(4)) && probe.is_due(at(5)) && probe.is_silent(at(5)));
        probe.on_question(at(5));
        // The next question waits as long, although there is still no event.
        assert!(!probe.is_due(at(9)) && probe.is_due(at(10)) && probe.is_silent(at(9)));
        probe.on_event(at(21));
        assert!(!probe.is_silent(at(22)) && !probe.is_due(at(25)) && probe.is_due(at(26)));
    }
}
