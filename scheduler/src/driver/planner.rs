//! Threads that plan jobs, apart from those that serve.
//!
//! Planning computes, and what it takes depends on the job file alone. On the threads
//! that serve, one job could keep executors' heartbeats, probes and all other jobs
//! waiting. So every plan is made on a thread of its own with a lower priority; a few
//! at a time, each with a time limit. What a plan waits for, such as the list of a
//! source's files or a processor, does not count as its time.
//!
//! A thread cannot be ended from outside. One whose plan is given up is asked to stop
//! ([`sluice_engine::planning`]), and keeps its slot until it does.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use sluice_engine::planning::PlanningScope;
use sluice_proto::v1::{ErrorKind, JobError};
use sluice_service::{memory, threads};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::planning_clock::PlanningClock;

/// As the threads that serve: plans are walked recursively.
const STACK_BYTES: usize = 32 * 1024 * 1024;
/// The default of [`PlannerOptions::timeout`].
pub const DEFAULT_PLANNING_TIMEOUT: Duration = Duration::from_secs(60);
/// How many plans are made at a time on a machine with few cores: two that take
/// long must not keep the others waiting.
const MIN_THREADS: usize = 4;
/// How often it is checked whether all threads are taken by plans that were given up.
const BLOCKED_CHECK_INTERVAL: Duration = Duration::from_millis(500);
/// How often the memory of the process is looked at.
const MEMORY_CHECK_INTERVAL: Duration = Duration::from_millis(20);

/// How plans are made.
#[derive(Debug, Clone, Copy)]
pub struct PlannerOptions {
    /// How many plans are made at a time.
    pub threads: usize,
    /// How long a thread may compute on one plan.
    pub timeout: Duration,
    /// Planning stops when this process holds more, in bytes.
    pub max_memory: Option<u64>,
}

impl Default for PlannerOptions {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            threads: cores.max(MIN_THREADS),
            timeout: DEFAULT_PLANNING_TIMEOUT,
            max_memory: memory::default_bytes(),
        }
    }
}

/// Makes plans. Cheap to clone.
#[derive(Clone)]
pub struct Planner {
    shared: Arc<PlannerState>,
}

struct PlannerState {
    options: PlannerOptions,
    slots: Arc<Semaphore>,
    /// How many plans were given up whose threads have not ended.
    given_up: AtomicUsize,
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PlannerError {
    #[error("planning took longer than {limit:?}")]
    TimedOut { limit: Duration },
    #[error("planning needs more memory than the scheduler may hold: it holds {bytes} bytes")]
    OutOfMemory { bytes: u64 },
    /// No thread is left.
    #[error("all {threads} planning threads compute plans that were given up")]
    Blocked { threads: usize },
    #[error("a thread for planning cannot be started: {0}")]
    NoThread(String),
    #[error("planning panicked")]
    Panicked,
}

impl From<PlannerError> for JobError {
    fn from(error: PlannerError) -> Self {
        let message = error.to_string();
        match error {
            PlannerError::TimedOut { .. } => {
                Self::new(ErrorKind::Execution, message).with_next_step(
                    "divide the job, or make a view that takes long a dataset; --planning-timeout of the scheduler sets the limit; gold is unchanged",
                )
            }
            PlannerError::OutOfMemory { .. } => Self::new(ErrorKind::Transient, message)
                .with_next_step("submit again when fewer jobs wait or run, or divide the job; --memory of the scheduler sets the limit; gold is unchanged"),
            PlannerError::Blocked { .. } => Self::new(ErrorKind::Transient, message)
                .with_next_step("restart the scheduler; its log names the jobs"),
            PlannerError::NoThread(_) => Self::new(ErrorKind::Transient, message)
                .with_next_step("submit again; gold is unchanged"),
            PlannerError::Panicked => Self::new(ErrorKind::Internal, message)
                .with_next_step("this is a fault in sluice; report it with the job file and the scheduler's log"),
        }
    }
}

impl Planner {
    pub fn new(options: PlannerOptions) -> Self {
        Self {
            shared: Arc::new(PlannerState {
                slots: Arc::new(Semaphore::new(options.threads.max(1))),
                options,
                given_up: AtomicUsize::new(0),
            }),
        }
    }

    /// Runs `work`, which makes the plan of `what`, on a thread of its own. When this
    /// is dropped, the work is asked to stop.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        what: &str,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, PlannerError> {
        let slot = self.take_slot().await?;
        let plan = Arc::new(PlanInProgress::new(what, Arc::clone(&self.shared)));
        let receiver = start_thread(slot, Arc::clone(&plan), work)?;
        let _waiter = Waiter(Arc::clone(&plan));
        let timeout = self.shared.options.timeout;
        let result = tokio::select! {
            biased;
            result = receiver => result,
            () = plan.clock.wait_for(timeout) => {
                return Err(PlannerError::TimedOut { limit: timeout });
            }
        };
        if let Some(reason) = plan.stopped.lock().clone() {
            return Err(reason);
        }
        result.map_err(|_| PlannerError::Panicked)
    }

    async fn take_slot(&self) -> Result<OwnedSemaphorePermit, PlannerError> {
        let threads = self.shared.options.threads;
        let blocked = async {
            loop {
                tokio::time::sleep(BLOCKED_CHECK_INTERVAL).await;
                if self.shared.given_up.load(Ordering::Relaxed) >= threads {
                    return;
                }
            }
        };
        tokio::select! {
            biased;
            slot = Arc::clone(&self.shared.slots).acquire_owned() => {
                // The semaphore is never closed.
                slot.map_err(|_| PlannerError::Blocked { threads })
            }
            () = blocked => Err(PlannerError::Blocked { threads }),
        }
    }
}

/// A plan that a thread makes and a task waits for.
struct PlanInProgress {
    what: String,
    shared: Arc<PlannerState>,
    clock: PlanningClock,
    /// Whether the thread, or the task that waits, has ended.
    phase: Mutex<Phase>,
    /// Why the thread was stopped.
    stopped: Mutex<Option<PlannerError>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Running,
    GivenUp,
    Ended,
}

impl PlanInProgress {
    fn new(what: &str, shared: Arc<PlannerState>) -> Self {
        Self {
            what: what.to_owned(),
            shared,
            clock: PlanningClock::default(),
            phase: Mutex::new(Phase::Running),
            stopped: Mutex::new(None),
        }
    }

    /// Why the thread should stop; called by the thread.
    fn stop_reason(&self, memory: &MemoryCheck) -> Option<String> {
        if *self.phase.lock() == Phase::GivenUp {
            return Some("planning was given up".to_owned());
        }
        let bytes = memory.find_excess(self.shared.options.max_memory)?;
        let reason = PlannerError::OutOfMemory { bytes };
        let message = reason.to_string();
        self.stopped.lock().get_or_insert(reason);
        Some(message)
    }

    fn give_up(&self) {
        let mut phase = self.phase.lock();
        if *phase == Phase::Running {
            *phase = Phase::GivenUp;
            let given_up = self.shared.given_up.fetch_add(1, Ordering::Relaxed) + 1;
            tracing::warn!(
                plan = self.what,
                given_up,
                threads = self.shared.options.threads,
                "planning is given up; its thread keeps its slot until it ends"
            );
        }
    }

    fn end(&self) {
        if std::mem::replace(&mut *self.phase.lock(), Phase::Ended) == Phase::GivenUp {
            self.shared.given_up.fetch_sub(1, Ordering::Relaxed);
            tracing::info!(plan = self.what, "planning that was given up has ended");
        }
    }
}

/// The task that waits for a plan.
struct Waiter(Arc<PlanInProgress>);

impl Drop for Waiter {
    fn drop(&mut self) {
        self.0.give_up();
    }
}

/// The thread that makes a plan.
struct PlanningThread {
    plan: Arc<PlanInProgress>,
    _slot: OwnedSemaphorePermit,
}

impl Drop for PlanningThread {
    fn drop(&mut self) {
        self.plan.end();
    }
}

fn start_thread<T: Send + 'static>(
    slot: OwnedSemaphorePermit,
    plan: Arc<PlanInProgress>,
    work: impl Future<Output = T> + Send + 'static,
) -> Result<oneshot::Receiver<T>, PlannerError> {
    let (sender, receiver) = oneshot::channel();
    let runtime = tokio::runtime::Handle::current();
    let thread = PlanningThread { plan, _slot: slot };
    std::thread::Builder::new()
        .name("planner".to_owned())
        .stack_size(STACK_BYTES)
        .spawn(move || {
            threads::lower_priority();
            let plan = Arc::clone(&thread.plan);
            let memory = MemoryCheck::default();
            let stop_reason = {
                let plan = Arc::clone(&plan);
                move || plan.stop_reason(&memory)
            };
            let result = {
                let _scope = PlanningScope::enter(stop_reason);
                let work = pin!(work);
                runtime.block_on(plan.clock.measure(work))
            };
            // Before the result is seen: a plan that has ended is not given up.
            drop(thread);
            // No one waits for a plan that was given up.
            let _ = sender.send(result);
        })
        .map_err(|error| PlannerError::NoThread(error.to_string()))?;
    Ok(receiver)
}

/// Looks at the memory of the process, not more often than needed.
#[derive(Default)]
struct MemoryCheck {
    last: std::cell::Cell<Option<std::time::Instant>>,
}

impl MemoryCheck {
    /// The bytes that the process holds, when they are more than `max`.
    fn find_excess(&self, max: Option<u64>) -> Option<u64> {
        let max = max?;
        let is_early = |last: std::time::Instant| last.elapsed() < MEMORY_CHECK_INTERVAL;
        if self.last.get().is_some_and(is_early) {
            return None;
        }
        self.last.set(Some(std::time::Instant::now()));
        memory::resident_bytes().filter(|bytes| *bytes > max)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use sluice_engine::planning::check_stop;

    use super::*;

    fn planner(threads: usize, timeout: Duration) -> Planner {
        Planner::new(PlannerOptions {
            threads,
            timeout,
            max_memory: None,
        })
    }

    const LONG: Duration = Duration::from_secs(600);
    const SHORT: Duration = Duration::from_millis(50);

    /// A planner with the slots of `planner`, which waits for threads that were given
    /// up: they may need a moment to end.
    fn patient(planner: &Planner) -> Planner {
        Planner {
            shared: Arc::new(PlannerState {
                slots: Arc::clone(&planner.shared.slots),
                options: planner.shared.options,
                given_up: AtomicUsize::new(0),
            }),
        }
    }

    /// Computes until it is asked to stop.
    fn compute_until_stopped() -> String {
        loop {
            if let Err(error) = check_stop() {
                return error.to_string();
            }
            std::thread::yield_now();
        }
    }

    #[tokio::test]
    async fn plans_are_made_on_a_thread_of_their_own() {
        let planner = planner(1, LONG);
        let here = std::thread::current().id();
        for number in 0..3 {
            let made = planner.run("a plan", async move {
                tokio::task::yield_now().await;
                (number, std::thread::current().id())
            });
            let (result, thread) = made.await.unwrap();
            assert_eq!(result, number);
            assert_ne!(thread, here);
        }
    }

    #[tokio::test]
    async fn a_plan_that_takes_too_long_is_given_up_and_stops() {
        let planner = planner(1, SHORT);
        let (sender, stopped) = mpsc::channel();
        let endless = planner.run("an endless plan", async move {
            let _ = sender.send(compute_until_stopped());
        });
        let error = endless.await.unwrap_err();
        assert_eq!(error, PlannerError::TimedOut { limit: SHORT });
        assert!(stopped.recv().unwrap().contains("planning was given up"));
        // Its slot is free for the next one.
        let later = patient(&planner);
        assert_eq!(later.run("the next", async { 1 }).await, Ok(1));
        assert_eq!(planner.shared.given_up.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn waiting_is_not_computing() {
        let planner = planner(1, SHORT);
        let waiting = planner.run("a slow source", async {
            tokio::time::sleep(SHORT * 4).await;
            1
        });
        assert_eq!(waiting.await, Ok(1));
    }

    #[tokio::test]
    async fn a_plan_that_no_one_waits_for_stops() {
        let planner = planner(1, LONG);
        let (sender, stopped) = mpsc::channel();
        let endless = planner.run("an endless plan", async move {
            let _ = sender.send(compute_until_stopped());
        });
        let _ = tokio::time::timeout(SHORT, endless).await.unwrap_err();
        assert!(stopped.recv().unwrap().contains("planning was given up"));
    }

    #[tokio::test]
    async fn threads_that_do_not_stop_are_reported_and_leave_no_slot() {
        let planner = planner(1, SHORT);
        let (go_on, blocked) = mpsc::channel::<()>();
        let stuck = planner.run("stuck", async move {
            let _ = blocked.recv();
        });
        stuck.await.unwrap_err();
        let next = planner.run("the next", async { 1 }).await;
        assert_eq!(next, Err(PlannerError::Blocked { threads: 1 }));
        go_on.send(()).unwrap();
        let later = patient(&planner);
        assert_eq!(later.run("one later", async { 2 }).await, Ok(2));
        assert_eq!(planner.shared.given_up.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn planning_stops_before_the_memory_is_used_up() {
        let planner = Planner::new(PlannerOptions {
            threads: 1,
            timeout: LONG,
            max_memory: Some(1),
        });
        let error = planner
            .run("large", async { compute_until_stopped() })
            .await;
        assert!(
            matches!(error, Err(PlannerError::OutOfMemory { .. })),
            "{error:?}"
        );
    }

    #[tokio::test]
    async fn a_panic_is_an_error_of_its_plan_only() {
        let planner = planner(1, LONG);
        let broken = planner.run("broken", async {
            assert!(std::thread::current().name().is_none(), "a test panics");
        });
        assert_eq!(broken.await, Err(PlannerError::Panicked));
        assert_eq!(planner.run("the next", async { 1 }).await, Ok(1));
    }
}
