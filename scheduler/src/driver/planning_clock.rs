//! How long a thread has computed on a future.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sluice_service::thread_times::{ThreadHandle, ThreadTimes, ThreadWatch};

/// The longest time between two looks at the thread.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// The shortest: while the work waits, its clock stands still.
const SHORTEST_PAUSE: Duration = Duration::from_millis(5);

/// Adds up the time in which a thread computes on a future, or is blocked in it. What
/// the future waits for does not count, nor does the time in which the thread waits for
/// a processor.
#[derive(Debug, Default)]
pub(super) struct PlanningClock {
    thread: OnceLock<ThreadHandle>,
    is_polling: AtomicBool,
}

impl PlanningClock {
    /// Polls `work` to its end. The thread does nothing else meanwhile.
    pub(super) async fn measure<F: Future>(&self, mut work: Pin<&mut F>) -> F::Output {
        poll_fn(|context| {
            self.thread.get_or_init(ThreadHandle::current);
            self.is_polling.store(true, Ordering::Relaxed);
            let polled = work.as_mut().poll(context);
            self.is_polling.store(false, Ordering::Relaxed);
            polled
        })
        .await
    }

    /// Returns when the thread has used that much.
    pub(super) async fn wait_for(&self, limit: Duration) {
        let mut used = Duration::ZERO;
        let mut looks: Option<ClockLooks> = None;
        while used < limit {
            let pause = match looks {
                Some(_) => (limit - used).clamp(SHORTEST_PAUSE, LONGEST_PAUSE),
                // The thread has not begun.
                None => SHORTEST_PAUSE,
            };
            tokio::time::sleep(pause).await;
            match (&mut looks, self.thread.get()) {
                (Some(looks), _) => used += looks.look(self, pause),
                (None, Some(thread)) => looks = Some(ClockLooks::start(self, *thread)),
                (None, None) => {}
            }
        }
    }
}

/// Looks at the thread from time to time.
struct ClockLooks {
    watch: ThreadWatch,
    looked_at: Instant,
    was_polling: bool,
}

impl ClockLooks {
    fn start(clock: &PlanningClock, thread: ThreadHandle) -> Self {
        Self {
            watch: ThreadWatch::start(thread),
            looked_at: Instant::now(),
            was_polling: clock.is_polling.load(Ordering::Relaxed),
        }
    }

    /// What counts of the time since the last look, which is at most `most` of it: a
    /// pause of the whole process does not count.
    fn look(&mut self, clock: &PlanningClock, most: Duration) -> Duration {
        let elapsed = self.looked_at.elapsed().min(most);
        self.looked_at = Instant::now();
        let ThreadTimes { computed, blocked } = self.watch.look(elapsed);
        let is_polling = clock.is_polling.load(Ordering::Relaxed);
        let was_polling = std::mem::replace(&mut self.was_polling, is_polling);
        match was_polling && is_polling {
            true => computed + blocked,
            // A thread that waits for the next poll is blocked, too.
            false => computed,
        }
    }
}
