//! How long a thread has computed on a future.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Adds up the time in which a future is polled. What it waits for does not count.
#[derive(Debug, Default)]
pub(super) struct PlanningClock {
    state: Mutex<ClockState>,
}

#[derive(Debug, Default)]
struct ClockState {
    /// Of the polls that have ended.
    computed: Duration,
    /// When the poll that runs now began.
    poll_started: Option<Instant>,
}

impl PlanningClock {
    /// Polls `work` to its end.
    pub(super) async fn measure<F: Future>(&self, mut work: Pin<&mut F>) -> F::Output {
        poll_fn(|context| {
            let started = Instant::now();
            self.state.lock().poll_started = Some(started);
            let polled = work.as_mut().poll(context);
            let mut state = self.state.lock();
            state.poll_started = None;
            state.computed += started.elapsed();
            polled
        })
        .await
    }

    fn computed(&self) -> Duration {
        let state = self.state.lock();
        let running = state.poll_started.map(|started| started.elapsed());
        state.computed + running.unwrap_or_default()
    }

    /// Returns when that much has been computed.
    pub(super) async fn wait_for(&self, limit: Duration) {
        /// While the work waits, its clock stands still.
        const LEAST: Duration = Duration::from_millis(5);
        loop {
            let rest = limit.saturating_sub(self.computed());
            if rest.is_zero() {
                return;
            }
            tokio::time::sleep(rest.max(LEAST)).await;
        }
    }
}
