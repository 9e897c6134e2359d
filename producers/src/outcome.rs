//! What became of the events of a run, and whether it sent everything that was
//! asked for.

use std::time::Duration;

use crate::counts::{DeliveryCounts, SentCounts};
use crate::error::ProduceError;

/// What was sent, and what became of it.
#[derive(Debug, Clone)]
pub(crate) struct SendResult {
    pub(crate) sent: SentCounts,
    pub(crate) deliveries: DeliveryCounts,
    /// From the first event to the last acknowledgement or failure.
    pub(crate) elapsed: Duration,
    /// Whether a signal asked to stop before everything was sent.
    pub(crate) stopped: bool,
    /// The client's fatal error, after which it sends nothing more.
    pub(crate) fatal: Option<String>,
}

impl SendResult {
    /// How many events are neither acknowledged nor failed.
    pub(crate) fn unconfirmed_events(&self) -> u64 {
        self.sent
            .events
            .saturating_sub(self.deliveries.answered_events())
    }

    /// Acknowledged events per second.
    pub(crate) fn events_per_second(&self) -> u64 {
        let seconds = self.elapsed.max(Duration::from_millis(1)).as_secs_f64();
        (self.deliveries.acknowledged as f64 / seconds).round() as u64
    }

    /// Why a run that had to send `required` events did not succeed; `None` when all
    /// that was asked for is in Kafka.
    pub(crate) fn failure_reason(&self, required: u64) -> Option<ProduceError> {
        let sent = self.sent.events;
        let unconfirmed = self.unconfirmed_events();
        let most_frequent = self
            .deliveries
            .failed
            .iter()
            .max_by_key(|(_, count)| *count);
        match most_frequent {
            Some((code, _)) => Some(ProduceError::Failed {
                failed: self.deliveries.failed_events(),
                sent,
                code: *code,
                fatal: self.fatal.clone(),
            }),
            None if unconfirmed > 0 => Some(ProduceError::Unconfirmed { unconfirmed }),
            None if sent < required => Some(ProduceError::Stopped { sent, required }),
            None => None,
        }
    }
}
