//! The threads of a local run, and the watch over the memory of this process.
//!
//! They follow the rules of an executor: operators spill beyond `--memory`; the process
//! may hold one and a half times as much and 100 MB. Before it holds more, its plans
//! fail, and allocations of their threads wait. A local run has one job, and all its
//! threads are shared, so all plans that run fail together. A thread that cannot stop
//! ends with the process.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bytesize::ByteSize;
use sluice_service::memory;
use sluice_service::memory_limits::{
    Collections, IDLE_TICK, ProcessLimits, TICK, TICKS_OVER_BEFORE_FAILURE,
    TICKS_WAITING_BEFORE_FAILURE,
};
use sluice_service::task_memory::{TaskMemory, count_thread_for, set_held, waiting_threads};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Plans of large jobs recurse deeply.
const STACK_BYTES: usize = 32 * 1024 * 1024;
/// How long a thread for blocking calls stays without work.
const BLOCKING_KEEP_ALIVE: Duration = Duration::from_millis(100);
/// How often it is read whether everything has ended.
const END_POLL_INTERVAL: Duration = Duration::from_millis(5);

/// Threads for plans. They end when this is dropped, as soon as what they compute lets
/// them.
pub(super) struct LocalThreads {
    runtime: Option<Runtime>,
    /// Threads for futures, of which there are always so many.
    workers: usize,
    /// These, and those for blocking calls.
    alive: Arc<AtomicUsize>,
    watched: Arc<Watched>,
}

/// What the threads share with the watch.
struct Watched {
    running: AtomicUsize,
    is_stopped: AtomicBool,
    /// Why the plans that ran last were stopped, and how often that happened.
    excess: watch::Sender<(u64, String)>,
}

/// A plan that runs.
pub(super) struct RunningPlan {
    watched: Arc<Watched>,
    excess: watch::Receiver<(u64, String)>,
}

impl RunningPlan {
    /// Returns when the process holds too much, with a message that says how much.
    pub(super) async fn wait_for_excess(&mut self) -> String {
        if self.excess.changed().await.is_err() {
            // The sender is dropped with the runner only.
            std::future::pending::<()>().await;
        }
        self.excess.borrow_and_update().1.clone()
    }
}

impl Drop for RunningPlan {
    fn drop(&mut self) {
        self.watched.running.fetch_sub(1, Ordering::Relaxed);
    }
}

impl LocalThreads {
    /// Starts `count` threads, and with limits the watch.
    ///
    /// # Errors
    /// When the system gives no more threads.
    pub(super) fn start(count: usize, limits: Option<ProcessLimits>) -> io::Result<Self> {
        let memory = Arc::new(TaskMemory::default());
        let workers = count.max(1);
        let alive = Arc::new(AtomicUsize::new(0));
        let (started, ended) = (Arc::clone(&alive), Arc::clone(&alive));
        let runtime = Builder::new_multi_thread()
            .worker_threads(workers)
            .thread_name("task")
            .thread_stack_size(STACK_BYTES)
            .thread_keep_alive(BLOCKING_KEEP_ALIVE)
            .enable_all()
            .on_thread_start(move || {
                started.fetch_add(1, Ordering::Relaxed);
                count_thread_for(Some(Arc::clone(&memory)));
            })
            .on_thread_stop(move || {
                count_thread_for(None);
                ended.fetch_sub(1, Ordering::Relaxed);
            })
            .build()?;
        let watched = Arc::new(Watched {
            running: AtomicUsize::new(0),
            is_stopped: AtomicBool::new(false),
            excess: watch::Sender::new((0, String::new())),
        });
        let threads = Self {
            runtime: Some(runtime),
            workers,
            alive,
            watched: Arc::clone(&watched),
        };
        if let Some(limits) = limits {
            let thread = std::thread::Builder::new().name("memory".to_owned());
            thread.spawn(move || watch_memory(&watched, limits))?;
        }
        Ok(threads)
    }

    /// Runs `work` on these threads; `None` after they were stopped.
    pub(super) fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<(JoinHandle<T>, RunningPlan)> {
        let runtime = self.runtime.as_ref()?;
        self.watched.running.fetch_add(1, Ordering::Relaxed);
        let plan = RunningPlan {
            watched: Arc::clone(&self.watched),
            excess: self.watched.excess.subscribe(),
        };
        Some((runtime.spawn(work), plan))
    }

    /// Returns when nothing runs on these threads any more, also no blocking call:
    /// what was dropped may still write a file or abort an upload.
    pub(super) async fn wait_until_idle(&self) {
        let is_busy = |runtime: &Runtime| {
            runtime.metrics().num_alive_tasks() > 0
                || self.alive.load(Ordering::Relaxed) > self.workers
        };
        let Some(runtime) = &self.runtime else {
            return;
        };
        // Blocking calls start in their order: when this one has run, the threads of all
        // before it are counted.
        let _ = runtime.spawn_blocking(|| ()).await;
        while is_busy(runtime) {
            tokio::time::sleep(END_POLL_INTERVAL).await;
        }
    }
}

impl Drop for LocalThreads {
    fn drop(&mut self) {
        self.watched.is_stopped.store(true, Ordering::Relaxed);
        if let Some(runtime) = self.runtime.take() {
            // A runtime must not be dropped inside another one.
            runtime.shutdown_background();
        }
    }
}

fn watch_memory(watched: &Watched, limits: ProcessLimits) {
    let mut state = WatchState::new(limits);
    let mut collections = Collections::default();
    while !watched.is_stopped.load(Ordering::Relaxed) {
        let running = watched.running.load(Ordering::Relaxed);
        std::thread::sleep(if running > 0 { TICK } else { IDLE_TICK });
        // Where the system does not report it, there is nothing to watch.
        let Some(held) = memory::anonymous_bytes() else {
            return;
        };
        set_held(saturating_i64(held), saturating_i64(limits.wait));
        collections.on_tick(held, &limits);
        if running > 0 && state.must_fail(held, waiting_threads()) {
            let message = format!(
                "this process holds {} of {} that it may; --memory sets the limit",
                ByteSize::b(held),
                ByteSize::b(limits.max)
            );
            tracing::warn!("{message}");
            watched
                .excess
                .send_modify(|(count, reason)| (*count, *reason) = (*count + 1, message));
        }
    }
    // The limit stays: what waits for memory must not get it while the process ends.
}

/// Decides from what was seen, without any I/O.
struct WatchState {
    limits: ProcessLimits,
    ticks_over: u32,
    ticks_waiting: u32,
}

impl WatchState {
    const fn new(limits: ProcessLimits) -> Self {
        Self {
            limits,
            ticks_over: 0,
            ticks_waiting: 0,
        }
    }

    /// Whether the plans that run must fail now: the process holds `held` bytes, and
    /// so many threads wait for memory.
    fn must_fail(&mut self, held: u64, waiting: usize) -> bool {
        let count = |ticks: u32, is_seen: bool| if is_seen { ticks + 1 } else { 0 };
        self.ticks_over = count(self.ticks_over, held > self.limits.fail);
        self.ticks_waiting = count(self.ticks_waiting, waiting > 0);
        let must_fail = self.ticks_over >= TICKS_OVER_BEFORE_FAILURE
            || self.ticks_waiting >= TICKS_WAITING_BEFORE_FAILURE;
        if must_fail {
            (self.ticks_over, self.ticks_waiting) = (0, 0);
        }
        must_fail
    }
}

fn saturating_i64(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;

    fn ticks_until_failure(held: u64, waiting: usize) -> Option<u32> {
        let mut state = WatchState::new(ProcessLimits::new(600 * MIB, None));
        (1..1000).find(|_| state.must_fail(held, waiting))
    }

    #[test]
    fn plans_fail_after_a_moment_above_the_limit() {
        assert_eq!(ticks_until_failure(879 * MIB, 0), None);
        assert_eq!(
            ticks_until_failure(881 * MIB, 0),
            Some(TICKS_OVER_BEFORE_FAILURE)
        );
        assert_eq!(
            ticks_until_failure(MIB, 1),
            Some(TICKS_WAITING_BEFORE_FAILURE)
        );
    }

    #[tokio::test]
    async fn plans_that_run_are_stopped_once() {
        // Any process holds more.
        let threads = LocalThreads::start(1, Some(ProcessLimits::new(0, Some(1)))).unwrap();
        let (work, mut plan) = threads.spawn(std::future::pending::<()>()).unwrap();
        let message = plan.wait_for_excess().await;
        assert!(message.contains("--memory"), "{message}");
        work.abort();
        drop(plan);
        assert_eq!(threads.watched.running.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn threads_are_idle_after_the_last_blocking_call() {
        for _ in 0..20 {
            expect_idle_after_last_blocking_call().await;
        }
    }

    async fn expect_idle_after_last_blocking_call() {
        let threads = LocalThreads::start(1, None).unwrap();
        let (release, released) = std::sync::mpsc::channel::<()>();
        let has_ended = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&has_ended);
        let (work, _plan) = threads
            .spawn(async move {
                drop(tokio::task::spawn_blocking(move || {
                    let _ = released.recv();
                    ended.store(true, Ordering::SeqCst);
                }));
            })
            .unwrap();
        work.await.unwrap();
        let idle = threads.wait_until_idle();
        tokio::pin!(idle);
        assert!(futures::poll!(&mut idle).is_pending());
        release.send(()).unwrap();
        idle.await;
        assert!(has_ended.load(Ordering::SeqCst));
    }
}
