//! How long the threads of a task have worked on after it was stopped or had ended.
//!
//! Only what the threads do counts, not time on the wall: they have a low priority, and
//! on a busy machine one that is about to give its thread back may wait long for a
//! processor. A pause of the whole process does not count either.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use sluice_service::thread_times::{ThreadHandle, ThreadTimes, ThreadWatch};

/// How much a thread may do after its task was stopped or had ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StopLimits {
    /// How long it may compute.
    pub(crate) computed: Duration,
    /// How long it may be blocked in calls. What a stopped task cleans up may wait for
    /// the network and for disks.
    pub(crate) blocked: Duration,
}

impl StopLimits {
    /// Of a task that was stopped.
    pub(crate) const CANCELLED: Self = Self {
        computed: Duration::from_secs(5),
        blocked: Duration::from_secs(10),
    };
    /// Of a task that has ended by itself, such as a query with LIMIT whose other
    /// branches have not noticed it yet.
    pub(crate) const ENDED: Self = Self {
        computed: Duration::from_secs(30),
        blocked: Duration::from_secs(30),
    };

    fn are_exceeded_by(&self, times: &ThreadTimes) -> bool {
        times.computed >= self.computed || times.blocked >= self.blocked
    }
}

/// Measures what the threads of one task do.
#[derive(Debug, Default)]
pub(crate) struct StopWatch {
    threads: HashMap<ThreadHandle, ThreadState>,
    checked_at: Option<Instant>,
}

#[derive(Debug)]
struct ThreadState {
    watch: ThreadWatch,
    /// Since the first check that saw it.
    times: ThreadTimes,
}

impl ThreadState {
    fn start(thread: ThreadHandle) -> Self {
        Self {
            watch: ThreadWatch::start(thread),
            times: ThreadTimes::default(),
        }
    }
}

impl StopWatch {
    /// Looks at the threads that the task has, and gives what one of them did that
    /// exceeds the limits. `interval` is the time between checks; one that comes late
    /// counts no longer.
    pub(crate) fn check(
        &mut self,
        live: &[ThreadHandle],
        limits: &StopLimits,
        interval: Duration,
    ) -> Option<ThreadTimes> {
        let now = Instant::now();
        let elapsed = self.checked_at.map_or(Duration::ZERO, |last| now - last);
        self.checked_at = Some(now);
        self.threads.retain(|thread, _| live.contains(thread));
        let mut exceeding = None;
        for thread in live {
            let Some(state) = self.threads.get_mut(thread) else {
                let state = ThreadState::start(*thread);
                self.threads.insert(*thread, state);
                continue;
            };
            state.times += state.watch.look(elapsed.min(interval));
            if limits.are_exceeded_by(&state.times) {
                exceeding = Some(state.times);
            }
        }
        exceeding
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEVER: Duration = Duration::from_secs(3600);
    const INTERVAL: Duration = Duration::from_millis(20);

    fn limits(computed: Duration, blocked: Duration) -> StopLimits {
        StopLimits { computed, blocked }
    }

    #[test]
    fn each_limit_is_one_of_its_own() {
        let limits = limits(INTERVAL, 2 * INTERVAL);
        for (computed, blocked, is_exceeded) in
            [(0, 0, false), (0, 1, false), (0, 2, true), (1, 0, true)]
        {
            let times = ThreadTimes {
                computed: computed * INTERVAL,
                blocked: blocked * INTERVAL,
            };
            assert_eq!(limits.are_exceeded_by(&times), is_exceeded, "{times:?}");
        }
    }

    /// This thread computes, and no other counts for the task.
    #[test]
    fn a_thread_that_computes_is_found() {
        let live = [ThreadHandle::current()];
        let mut watch = StopWatch::default();
        let computed = loop {
            // On systems that do not report what threads do, all time counts as this.
            let limits = limits(5 * INTERVAL, 5 * INTERVAL);
            if let Some(times) = watch.check(&live, &limits, INTERVAL) {
                break times;
            }
        };
        assert!(computed.sum() >= 5 * INTERVAL);
        // Its next task begins at zero.
        assert_eq!(watch.check(&[], &limits(NEVER, NEVER), INTERVAL), None);
        let limits = limits(5 * INTERVAL, NEVER);
        assert_eq!(watch.check(&live, &limits, INTERVAL), None);
    }

    /// A process that was paused for an hour has not been blocked for an hour.
    #[test]
    fn a_check_that_comes_late_counts_one_interval() {
        let (go_on, blocked) = std::sync::mpsc::channel::<()>();
        let (sender, receiver) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            sender.send(ThreadHandle::current()).unwrap();
            let _ = blocked.recv();
        });
        let live = [receiver.recv().unwrap()];
        let mut watch = StopWatch::default();
        let mut checks = 0;
        let limits = limits(NEVER, 5 * INTERVAL);
        while watch.check(&live, &limits, INTERVAL).is_none() {
            checks += 1;
            watch.checked_at = watch.checked_at.and_then(|at| at.checked_sub(NEVER));
            std::thread::yield_now();
        }
        assert!(checks >= 5, "{checks}");
        go_on.send(()).unwrap();
        thread.join().unwrap();
    }
}
