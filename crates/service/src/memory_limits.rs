//! How much memory a process may hold that runs tasks.

use std::sync::OnceLock;
use std::time::Duration;

/// What a process may hold in addition to one and a half times `--memory`.
const BASE_BYTES: u64 = 100 * 1024 * 1024;

/// How often the memory that a process holds is read while it runs tasks.
pub const TICK: Duration = Duration::from_millis(10);
/// How often it is read while no task runs and there is enough.
pub const IDLE_TICK: Duration = Duration::from_millis(100);
/// For how many ticks a process must hold too much before something is done: a second. A
/// peak may pass, and the allocator gives back what was freed after a moment. Meanwhile
/// allocations that would exceed the limit wait.
pub const TICKS_OVER_BEFORE_FAILURE: u32 = 100;
/// For how many ticks threads must wait before something is done: what was freed may
/// take a moment until the system has it.
pub const TICKS_WAITING_BEFORE_FAILURE: u32 = 30;

/// Every how many ticks unused memory is given back to the system while there is little:
/// a tenth of a second.
const TICKS_BETWEEN_COLLECTIONS: u32 = 10;

/// Gives unused memory back to the system.
static COLLECTOR: OnceLock<fn()> = OnceLock::new();

/// Names the function of this process's allocator that gives unused memory back to the
/// system. Allocators keep what was freed for a while, and to the system and to what
/// watches the process that memory is held. The first name counts.
pub fn set_collector(collect: fn()) {
    let _ = COLLECTOR.set(collect);
}

/// Gives unused memory back to the system, where the allocator can.
fn give_back_unused() {
    if let Some(collect) = COLLECTOR.get() {
        collect();
    }
}

/// Has unused memory given back while a process holds nearly as much as it may.
#[derive(Debug, Default)]
pub struct Collections {
    ticks: u32,
}

impl Collections {
    /// To be called at each tick, with what the process holds.
    pub fn on_tick(&mut self, held: u64, limits: &ProcessLimits) {
        self.ticks = self.ticks.saturating_add(1);
        if held > limits.pause && self.ticks >= TICKS_BETWEEN_COLLECTIONS {
            self.ticks = 0;
            give_back_unused();
        }
    }
}

/// How much memory this process may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessLimits {
    /// Above this, no further task begins.
    pub pause: u64,
    /// Above this, the largest task fails.
    pub fail: u64,
    /// Above this, allocations of tasks wait. The rest is for what the process does
    /// not allocate, such as the stacks of its threads.
    pub wait: u64,
    /// The limit.
    pub max: u64,
    /// Below so many free bytes of the machine, no further task begins.
    pub machine_pause: u64,
    /// Below so many, the largest task fails.
    pub machine_fail: u64,
}

impl ProcessLimits {
    /// The limits of a process whose operators may hold `operators` bytes, where it
    /// can have `available`.
    pub fn new(operators: u64, available: Option<u64>) -> Self {
        Self::of_share(operators, available, available)
    }

    /// The same for a process that leaves what is not its `share` to others: they use the
    /// same machine, and together they must have enough.
    pub fn of_share(operators: u64, share: Option<u64>, available: Option<u64>) -> Self {
        let wanted = (operators / 2).saturating_mul(3).saturating_add(BASE_BYTES);
        let max = share.map_or(wanted, |share| wanted.min(share / 100 * 95));
        let available = available.unwrap_or_default();
        Self {
            pause: max / 100 * 80,
            fail: max / 100 * 88,
            wait: max / 100 * 95,
            max,
            machine_pause: available / 100 * 5,
            machine_fail: available / 100 * 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    const MIB: u64 = 1024 * 1024;

    #[test]
    fn unused_memory_is_given_back_at_intervals_while_there_is_little() {
        static CALLS: AtomicU32 = AtomicU32::new(0);
        set_collector(|| {
            CALLS.fetch_add(1, Ordering::Relaxed);
        });
        let limits = ProcessLimits::new(600 * MIB, None);
        let mut collections = Collections::default();
        let mut calls_after = |ticks: u32, held: u64| {
            (0..ticks).for_each(|_| collections.on_tick(held, &limits));
            CALLS.load(Ordering::Relaxed)
        };
        assert_eq!(calls_after(100, limits.pause), 0);
        assert_eq!(calls_after(1, limits.pause + 1), 1);
        assert_eq!(calls_after(30, limits.max), 4);
    }

    #[test]
    fn the_limit_follows_from_the_option_and_from_what_there_is() {
        assert_eq!(
            ProcessLimits::new(600 * MIB, Some(10_000 * MIB)).max,
            1000 * MIB
        );
        assert_eq!(ProcessLimits::new(600 * MIB, None).max, 1000 * MIB);
        let small = ProcessLimits::new(600 * MIB, Some(500 * MIB));
        assert_eq!(small.max, 500 * MIB / 100 * 95);
        let shared = ProcessLimits::of_share(600 * MIB, Some(500 * MIB), Some(10_000 * MIB));
        assert_eq!(shared.max, small.max);
        // What is left is that of the whole machine.
        assert_eq!(shared.machine_pause, 500 * MIB);
        assert!(small.pause < small.fail && small.fail < small.wait && small.wait < small.max);
        assert!(ProcessLimits::new(u64::MAX, None).max > 0);
    }
}
