//! Keeps the memory of this process below a limit, so that the system does not end it.
//!
//! `--memory` limits what operators reserve. What they do not reserve can be any
//! amount: one call of a function can make gigabytes. A thread of its own compares the
//! memory that the process holds with what it may hold:
//!
//! - above the first mark, tasks that have not begun wait for those that run;
//! - above the second, the task that holds most fails;
//! - just below the limit, allocations of tasks wait ([`sluice_service::task_memory`]),
//!   so that the second mark works also inside one call. A task that waits like that
//!   cannot stop, and this process replaces itself, as it does for every task that does
//!   not stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use bytesize::ByteSize;
use sluice_service::memory;
use sluice_service::memory_limits::{
    Collections, IDLE_TICK, ProcessLimits, TICK, TICKS_OVER_BEFORE_FAILURE,
    TICKS_WAITING_BEFORE_FAILURE,
};
use sluice_service::task_memory::{set_held, waiting_threads};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::metrics::Metrics;
use crate::restart::replace_process;
use crate::tasks::RunningTasks;

/// For how many ticks allocations must have waited, or the machine must lack memory,
/// before something is done.
const TICKS_BEFORE_FAILURE: u32 = 5;
/// For how many ticks it may be too much while no task runs: 5 seconds.
const TICKS_BEFORE_RESTART: u32 = 500;
/// For how many ticks threads may wait for memory: 15 seconds. Tasks that do not stop
/// have the process replaced before.
const TICKS_BEFORE_RESTART_NOW: u32 = 1500;
/// Every how many ticks the memory of the machine is read.
const MACHINE_TICKS: u32 = 25;

/// What the watch sees.
#[derive(Debug, Clone, Copy, Default)]
struct Observation {
    /// What the process holds.
    held: u64,
    /// What the machine can still give.
    machine_free: Option<u64>,
    /// Threads of tasks that wait for memory.
    waiting: usize,
    /// Tasks that run.
    tasks: usize,
    /// Tasks that were stopped and have not ended.
    stopping: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Decision {
    Nothing,
    FailLargest,
    /// Ends the services in order, and then replaces the process.
    Restart,
    /// Replaces the process at once: its other threads may wait for one that waits
    /// for memory.
    RestartNow,
}

/// Which tasks that have not begun must wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u8)]
pub(crate) enum Pressure {
    /// None.
    #[default]
    Low = 0,
    /// All while another one works.
    Shared = 1,
    /// All.
    Full = 2,
}

/// Decides from what was seen, without any I/O.
#[derive(Debug)]
struct WatchState {
    limits: ProcessLimits,
    /// For how many ticks the memory has been too much.
    ticks_over: u32,
    /// For how many ticks threads have waited for memory.
    ticks_waiting: u32,
}

impl WatchState {
    fn pressure(&self, seen: &Observation) -> Pressure {
        let machine = seen.machine_free;
        if seen.held > self.limits.fail || self.ticks_waiting >= TICKS_WAITING_BEFORE_FAILURE {
            return Pressure::Full;
        }
        if seen.held > self.limits.pause
            || machine.is_some_and(|free| free < self.limits.machine_pause)
        {
            return Pressure::Shared;
        }
        Pressure::Low
    }

    fn decide(&mut self, seen: &Observation) -> Decision {
        self.ticks_waiting = match seen.waiting {
            0 => 0,
            _ => self.ticks_waiting + 1,
        };
        if self.ticks_waiting >= TICKS_BEFORE_RESTART_NOW {
            return Decision::RestartNow;
        }
        let machine = seen.machine_free;
        let waits = self.ticks_waiting >= TICKS_WAITING_BEFORE_FAILURE;
        let own = seen.held > self.limits.fail || waits;
        let others = machine.is_some_and(|free| free < self.limits.machine_fail);
        // What a stopped task holds is free when its threads have ended.
        if !(own || others && seen.tasks > 0) || seen.stopping > 0 {
            self.ticks_over = 0;
            return Decision::Nothing;
        }
        self.ticks_over += 1;
        let ticks_before_failure = if waits || others {
            TICKS_BEFORE_FAILURE
        } else {
            TICKS_OVER_BEFORE_FAILURE
        };
        if seen.tasks > 0 && self.ticks_over >= ticks_before_failure {
            self.ticks_over = 0;
            return Decision::FailLargest;
        }
        if self.ticks_over >= TICKS_BEFORE_RESTART {
            self.ticks_over = 0;
            return Decision::Restart;
        }
        Decision::Nothing
    }
}

/// The watch over the memory of this process. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct MemoryWatch {
    pressure: Arc<AtomicU8>,
    restart: Arc<Notify>,
}

impl MemoryWatch {
    /// Starts the watch, which ends with `stop`.
    ///
    /// # Errors
    /// When the system gives no more threads.
    pub(crate) fn start(
        &self,
        limits: ProcessLimits,
        tasks: RunningTasks,
        metrics: Metrics,
        stop: CancellationToken,
    ) -> std::io::Result<()> {
        let watch = self.clone();
        let thread = std::thread::Builder::new().name("memory".to_owned());
        thread.spawn(move || watch.run_until(&stop, limits, &tasks, &metrics))?;
        Ok(())
    }

    /// Which tasks that have not begun must wait.
    pub(crate) fn pressure(&self) -> Pressure {
        match self.pressure.load(Ordering::Relaxed) {
            0 => Pressure::Low,
            1 => Pressure::Shared,
            _ => Pressure::Full,
        }
    }

    /// Returns when this process holds too much without any task.
    pub(crate) async fn wait_for_restart(&self) {
        self.restart.notified().await;
    }

    fn run_until(
        &self,
        stop: &CancellationToken,
        limits: ProcessLimits,
        tasks: &RunningTasks,
        metrics: &Metrics,
    ) {
        let mut state = WatchState {
            limits,
            ticks_over: 0,
            ticks_waiting: 0,
        };
        let mut collections = Collections::default();
        let mut machine_free = None;
        let mut pause = TICK;
        let mut ticks: u32 = 0;
        while !stop.is_cancelled() {
            std::thread::sleep(pause);
            // Where the system does not report it, there is nothing to watch.
            let Some(held) = memory::anonymous_bytes() else {
                return;
            };
            set_held(saturating_i64(held), saturating_i64(limits.wait));
            collections.on_tick(held, &limits);
            if ticks.is_multiple_of(MACHINE_TICKS) {
                machine_free = memory::host_free_bytes();
            }
            ticks = ticks.wrapping_add(1);
            let (running, stopping) = tasks.running_and_stopping();
            let seen = Observation {
                held,
                machine_free,
                waiting: waiting_threads(),
                tasks: running,
                stopping,
            };
            let decision = state.decide(&seen);
            pause = if running + stopping > 0 || held > limits.pause {
                TICK
            } else {
                IDLE_TICK
            };
            let (before, pressure) = (self.pressure(), state.pressure(&seen));
            self.pressure.store(pressure as u8, Ordering::Relaxed);
            if (before == Pressure::Low) != (pressure == Pressure::Low) {
                log_pressure(pressure, &seen, &limits);
            }
            match decision {
                Decision::Nothing => {}
                Decision::FailLargest => fail_largest(tasks, metrics, &seen, &limits),
                Decision::Restart => self.restart.notify_one(),
                Decision::RestartNow => {
                    let error = replace_process();
                    tracing::error!(
                        "tasks wait for memory, and this process cannot replace itself: {error}"
                    );
                    return;
                }
            }
        }
        set_held(0, i64::MAX);
    }
}

fn fail_largest(
    tasks: &RunningTasks,
    metrics: &Metrics,
    seen: &Observation,
    limits: &ProcessLimits,
) {
    let held = ByteSize::b(seen.held);
    let state = if seen.held > limits.fail || seen.waiting > 0 {
        let more = if seen.waiting > 0 {
            ", and its tasks need more"
        } else {
            ""
        };
        format!(
            "the executor holds {held} of {} that it may{more}",
            ByteSize::b(limits.max)
        )
    } else {
        let free = ByteSize::b(seen.machine_free.unwrap_or_default());
        format!("the machine has {free} of memory left, and the executor holds {held}")
    };
    let failed = tasks.fail_largest(|bytes| {
        format!(
            "{state}; this task holds the most of its tasks, about {}",
            ByteSize::b(bytes)
        )
    });
    if let Some((task, reason)) = failed {
        metrics.count_memory_failure();
        tracing::warn!(%task, "task stopped to free memory: {reason}");
    }
}

fn log_pressure(pressure: Pressure, seen: &Observation, limits: &ProcessLimits) {
    let (held, max) = (ByteSize::b(seen.held), ByteSize::b(limits.max));
    match pressure {
        Pressure::Low => tracing::info!("memory suffices again: {held} of {max} are held"),
        _ => tracing::warn!("memory is short: {held} of {max} are held; new tasks wait"),
    }
}

fn saturating_i64(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;

    fn state() -> WatchState {
        WatchState {
            limits: ProcessLimits::new(600 * MIB, Some(10_000 * MIB)),
            ticks_over: 0,
            ticks_waiting: 0,
        }
    }

    fn decisions(seen: &Observation, ticks: u32) -> Vec<Decision> {
        let mut state = state();
        let all = (0..ticks).map(|_| state.decide(seen));
        all.filter(|decision| *decision != Decision::Nothing)
            .collect()
    }

    #[test]
    fn too_much_memory_fails_the_largest_task_after_a_moment() {
        let mut seen = Observation {
            held: 879 * MIB,
            tasks: 2,
            ..Observation::default()
        };
        assert_eq!(decisions(&seen, 1000), []);
        seen.held = 881 * MIB;
        assert_eq!(decisions(&seen, TICKS_OVER_BEFORE_FAILURE - 1), []);
        assert_eq!(
            decisions(&seen, TICKS_OVER_BEFORE_FAILURE),
            [Decision::FailLargest]
        );
        assert_eq!(state().pressure(&seen), Pressure::Full);
        // One at a time.
        seen.stopping = 1;
        assert_eq!(decisions(&seen, 1000), []);
        // A thread that waits for long may hold what the others need.
        seen.waiting = 1;
        assert_eq!(
            decisions(&seen, TICKS_BEFORE_RESTART_NOW),
            [Decision::RestartNow]
        );
    }

    #[test]
    fn a_thread_that_waits_for_memory_is_too_much() {
        let seen = Observation {
            held: 200 * MIB,
            waiting: 1,
            tasks: 1,
            ..Observation::default()
        };
        let ticks = TICKS_WAITING_BEFORE_FAILURE + TICKS_BEFORE_FAILURE;
        assert_eq!(decisions(&seen, ticks - 2), []);
        assert_eq!(decisions(&seen, ticks - 1), [Decision::FailLargest]);
    }

    #[test]
    fn a_machine_without_memory_fails_tasks_and_restarts_nothing() {
        let mut seen = Observation {
            held: 200 * MIB,
            machine_free: Some(100 * MIB),
            tasks: 1,
            ..Observation::default()
        };
        assert_eq!(state().pressure(&seen), Pressure::Shared);
        assert_eq!(
            decisions(&seen, TICKS_BEFORE_FAILURE),
            [Decision::FailLargest]
        );
        seen.tasks = 0;
        assert_eq!(decisions(&seen, 2000), []);
        seen.machine_free = Some(1000 * MIB);
        assert_eq!(state().pressure(&seen), Pressure::Low);
    }

    #[test]
    fn memory_that_no_task_holds_restarts_the_process() {
        let seen = Observation {
            held: 950 * MIB,
            ..Observation::default()
        };
        assert_eq!(state().pressure(&seen), Pressure::Full);
        assert_eq!(decisions(&seen, TICKS_BEFORE_RESTART - 1), []);
        assert_eq!(decisions(&seen, TICKS_BEFORE_RESTART), [Decision::Restart]);
    }
}
