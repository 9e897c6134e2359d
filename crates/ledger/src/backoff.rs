//! How often and how long to retry after failures.

use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

/// The number of attempts of one write. With the pauses they take some seconds. A
/// store that takes long to fail gets fewer attempts after [`LATE_AFTER`], but still
/// a few: the time may also have passed because the process was suspended.
const MAX_ATTEMPTS: u32 = 12;
const MAX_LATE_ATTEMPTS: u32 = 4;
const LATE_AFTER: Duration = Duration::from_secs(120);

/// The pauses between attempts; the first doubles until it is the longest.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(4),
            longest: Duration::from_millis(500),
        }
    }
}

impl Backoff {
    /// Pauses that only let other tasks run, for tests.
    #[cfg(test)]
    pub(crate) const NONE: Self = Self {
        first: Duration::ZERO,
        longest: Duration::ZERO,
    };

    pub(crate) fn start_attempts(self) -> Attempts {
        Attempts {
            backoff: self,
            // The monotonic clock: others jump.
            started_at: Instant::now(),
            attempt: 0,
        }
    }
}

/// The attempts of one operation.
#[derive(Debug)]
pub(crate) struct Attempts {
    backoff: Backoff,
    started_at: Instant,
    attempt: u32,
}

impl Attempts {
    /// Counts an attempt; returns whether it is the last.
    pub(crate) fn begin_attempt(&mut self) -> bool {
        self.attempt += 1;
        let late = self.started_at.elapsed() > LATE_AFTER;
        self.attempt
            >= if late {
                MAX_LATE_ATTEMPTS
            } else {
                MAX_ATTEMPTS
            }
    }

    /// Waits longer after each attempt, for a random time, so that two writers do
    /// not wait equally long.
    pub(crate) async fn pause_before_retry(&self) {
        let longest = self
            .backoff
            .first
            .saturating_mul(1 << self.attempt.min(10))
            .min(self.backoff.longest);
        if longest.is_zero() {
            return tokio::task::yield_now().await;
        }
        let random = Uuid::new_v4().as_u64_pair().1;
        let share = (random % 1000) as f64 / 1000.0;
        tokio::time::sleep(longest.mul_f64(0.25 + 0.75 * share)).await;
    }
}
