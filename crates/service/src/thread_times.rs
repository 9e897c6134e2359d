//! What the threads of this process do, as another thread of it can see.
//!
//! On a machine that others keep busy, a thread waits for a processor much longer than
//! it computes, and time on the wall says nothing about what it does. So the time in
//! which it computed is read from the system, and it is looked at from time to time
//! whether it is blocked in a call. A thread that could run and gets no processor does
//! neither.

use std::time::Duration;

/// A thread of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ThreadHandle {
    #[cfg(target_os = "linux")]
    id: libc::pid_t,
}

/// How long a thread did what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ThreadTimes {
    /// It computed.
    pub computed: Duration,
    /// It was blocked in a call. Where the system does not report what threads do, all
    /// time counts here.
    pub blocked: Duration,
}

impl ThreadTimes {
    /// Both together.
    pub fn sum(&self) -> Duration {
        self.computed + self.blocked
    }
}

impl std::ops::AddAssign for ThreadTimes {
    fn add_assign(&mut self, other: Self) {
        self.computed += other.computed;
        self.blocked += other.blocked;
    }
}

/// What a thread has done and does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct ThreadSample {
    /// Since it was started.
    computed: Duration,
    is_blocked: bool,
}

/// Measures what a thread does between two looks at it.
#[derive(Debug)]
pub struct ThreadWatch {
    thread: ThreadHandle,
    /// Of the first look; without it, the system does not report what threads do.
    is_reported: bool,
    last: Option<ThreadSample>,
}

impl ThreadWatch {
    /// Looks at a thread for the first time.
    pub fn start(thread: ThreadHandle) -> Self {
        let last = thread.sample();
        Self {
            thread,
            is_reported: last.is_some(),
            last,
        }
    }

    /// What the thread did since the last look, `elapsed` ago. A thread that has ended
    /// does nothing.
    pub fn look(&mut self, elapsed: Duration) -> ThreadTimes {
        if !self.is_reported {
            return ThreadTimes {
                computed: Duration::ZERO,
                blocked: elapsed,
            };
        }
        let before = std::mem::replace(&mut self.last, self.thread.sample());
        times_between(before, self.last, elapsed)
    }
}

/// Blocked time is an estimate: between two looks that both see the thread blocked, it
/// was blocked whenever it did not compute.
fn times_between(
    before: Option<ThreadSample>,
    now: Option<ThreadSample>,
    elapsed: Duration,
) -> ThreadTimes {
    let (Some(before), Some(now)) = (before, now) else {
        return ThreadTimes::default();
    };
    let computed = now.computed.saturating_sub(before.computed);
    let blocked = match before.is_blocked && now.is_blocked {
        true => elapsed.saturating_sub(computed),
        false => Duration::ZERO,
    };
    ThreadTimes { computed, blocked }
}

#[cfg(target_os = "linux")]
impl ThreadHandle {
    /// The thread that calls this.
    pub fn current() -> Self {
        // SAFETY: `gettid` takes nothing and accesses no memory.
        let id = unsafe { libc::syscall(libc::SYS_gettid) };
        Self {
            // Thread ids of Linux fit.
            id: libc::pid_t::try_from(id).unwrap_or_default(),
        }
    }

    /// `None` after the thread has ended.
    fn sample(self) -> Option<ThreadSample> {
        Some(ThreadSample {
            computed: self.processor_time()?,
            is_blocked: self.is_blocked(),
        })
    }

    fn processor_time(self) -> Option<Duration> {
        /// The lowest bits of the id of a clock: of one thread, and what the system
        /// accounts to it. See `clock_getcpuclockid(3)` and the kernel's
        /// `posix-timers_types.h`.
        const THREAD_CLOCK: libc::clockid_t = 0b110;
        let clock = ((!self.id) << 3) | THREAD_CLOCK;
        let mut time = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: the pointer is to a `timespec` that lives through the call. A clock
        // of a thread that has ended is an error.
        if unsafe { libc::clock_gettime(clock, &raw mut time) } != 0 {
            return None;
        }
        let seconds = u64::try_from(time.tv_sec).ok()?;
        let nanoseconds = u32::try_from(time.tv_nsec).ok()?;
        Some(Duration::new(seconds, nanoseconds))
    }

    fn is_blocked(self) -> bool {
        let path = format!("/proc/self/task/{}/stat", self.id);
        std::fs::read(path).is_ok_and(|stat| is_blocked_state(&stat))
    }
}

/// Whether a thread neither runs nor could. The state follows the thread's name, which
/// is in parentheses and may hold any byte.
#[cfg(target_os = "linux")]
fn is_blocked_state(stat: &[u8]) -> bool {
    let name_end = stat.iter().rposition(|byte| *byte == b')');
    let state = name_end.and_then(|at| stat.get(at + 2));
    state.is_some_and(|state| *state != b'R')
}

#[cfg(not(target_os = "linux"))]
impl ThreadHandle {
    /// The thread that calls this.
    pub fn current() -> Self {
        Self {}
    }

    fn sample(self) -> Option<ThreadSample> {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::{Arc, mpsc};
    use std::time::Instant;

    use super::*;

    const MOMENT: Duration = Duration::from_millis(20);

    fn sample(computed: u64, is_blocked: bool) -> ThreadSample {
        ThreadSample {
            computed: Duration::from_secs(computed),
            is_blocked,
        }
    }

    #[test]
    fn a_thread_that_waits_for_a_processor_does_nothing() {
        let second = Duration::from_secs(1);
        let (ready, blocked) = (sample(3, false), sample(3, true));
        for (before, now, expected) in [
            (ready, ready, (0, 0)),
            (ready, sample(5, false), (2, 0)),
            (ready, blocked, (0, 0)),
            (blocked, ready, (0, 0)),
            (blocked, blocked, (0, 10)),
            (blocked, sample(5, true), (2, 8)),
        ] {
            let times = times_between(Some(before), Some(now), 10 * second);
            let expected = ThreadTimes {
                computed: expected.0 * second,
                blocked: expected.1 * second,
            };
            assert_eq!(times, expected, "{before:?} {now:?}");
        }
        let ended = times_between(Some(blocked), None, second);
        assert_eq!(ended, ThreadTimes::default());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_state_follows_the_name() {
        assert!(!is_blocked_state(b"12 (task) R 1 1"));
        assert!(is_blocked_state(b"12 (task) S 1 1"));
        assert!(is_blocked_state(b"12 (a) R b) D 1 1"));
        assert!(!is_blocked_state(b"12 (a) S b) R 1 1"));
        assert!(!is_blocked_state(b"") && !is_blocked_state(b"12 (task)"));
    }

    /// Starts a thread that does something until it is asked to end.
    fn start_thread(work: impl FnOnce() + Send + 'static) -> (ThreadWatch, impl FnOnce()) {
        let (sender, receiver) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            sender.send(ThreadHandle::current()).unwrap();
            work();
        });
        let watch = ThreadWatch::start(receiver.recv().unwrap());
        (watch, move || thread.join().unwrap())
    }

    /// Looks until the thread has done something for long enough.
    fn look_until(
        watch: &mut ThreadWatch,
        is_enough: impl Fn(&ThreadTimes) -> bool,
    ) -> ThreadTimes {
        let mut times = ThreadTimes::default();
        let mut last = Instant::now();
        while !is_enough(&times) {
            std::thread::sleep(MOMENT);
            times += watch.look(last.elapsed());
            last = Instant::now();
        }
        times
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_thread_that_computes_is_not_blocked() {
        let is_over = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&is_over);
        let (mut watch, join) = start_thread(move || {
            while !ends.load(Ordering::Relaxed) {
                std::hint::spin_loop();
            }
        });
        let times = look_until(&mut watch, |times| times.computed >= 5 * MOMENT);
        assert_eq!(times.blocked, Duration::ZERO);
        is_over.store(true, Ordering::Relaxed);
        join();
        // The system may need a moment after that.
        while watch.thread.sample().is_some() {
            std::thread::sleep(MOMENT);
        }
        assert_eq!(watch.look(MOMENT), ThreadTimes::default());
    }

    #[test]
    fn a_thread_that_is_blocked_does_not_compute() {
        let (go_on, blocked) = mpsc::channel::<()>();
        let (mut watch, join) = start_thread(move || {
            let _ = blocked.recv();
        });
        let times = look_until(&mut watch, |times| times.blocked >= 5 * MOMENT);
        assert!(times.computed < MOMENT, "{times:?}");
        go_on.send(()).unwrap();
        join();
    }
}
