//! How often and how long to retry after failures.

use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

/// The number of attempts of one write. With the pauses they take some seconds. A
/// store that takes long to fail gets fewer attempts after [`PATIENCE`], but still
/// a few: the time may also have passed because the process was suspended.
const ATTEMPTS: u32 = 12;
const ATTEMPTS_LATE: u32 = 4;
const PATIENCE: Duration = Duration::from_secs(120);

/// The pauses between attempts; the first doubles until it is the longest.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pauses {
    first: Duration,
    longest: Duration,
}

impl Default for Pauses {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(4),
            longest: Duration::from_millis(500),
        }
    }
}

impl Pauses {
    /// Pauses that only let other tasks run, for tests.
    #[cfg(test)]
    pub(crate) const NONE: Self = Self {
        first: Duration::ZERO,
        longest: Duration::ZERO,
    };

    pub(crate) fn tries(self) -> Tries {
        Tries {
            pauses: self,
            // The monotonic clock: others jump.
            begun: Instant::now(),
            attempt: 0,
        }
    }
}

/// The attempts of one operation.
#[derive(Debug)]
pub(crate) struct Tries {
    pauses: Pauses,
    begun: Instant,
    attempt: u32,
}

impl Tries {
    /// Counts an attempt; returns whether it is the last.
    pub(crate) fn begin(&mut self) -> bool {
        self.attempt += 1;
        let late = self.begun.elapsed() > PATIENCE;
        self.attempt >= if late { ATTEMPTS_LATE } else { ATTEMPTS }
    }

    /// Waits longer after each attempt, for a random time, so that two writers do
    /// not wait equally long.
    pub(crate) async fn pause(&self) {
        let longest = self
            .pauses
            .first
            .saturating_mul(1 << self.attempt.min(10))
            .min(self.pauses.longest);
        if longest.is_zero() {
            return tokio::task::yield_now().await;
        }
        let random = Uuid::new_v4().as_u64_pair().1;
        let share = (random % 1000) as f64 / 1000.0;
        tokio::time::sleep(longest.mul_f64(0.25 + 0.75 * share)).await;
    }
}
