//! Gives memory back that a process holds and does not use.
//!
//! An allocator keeps what was freed for a moment, and finds out that the moment has
//! passed only when it is asked for memory again. A process without work would hold what
//! its last work needed until there is more, and one that works now and then hardly less.

use std::time::Duration;

use crate::memory;
use crate::memory_limits;
use crate::task_memory::allocated_bytes;

/// How often a process is looked at.
const TICK: Duration = Duration::from_secs(1);
/// A process may hold so much more than twice what it has allocated.
const SPARE_BYTES: u64 = 32 * 1024 * 1024;
/// For how many ticks in a row it must hold more: between two tasks, memory that the next
/// one needs would be fetched again.
const TICKS_OF_EXCESS: u32 = 3;
/// How many ticks pass before it is asked again, when what it holds cannot be given back:
/// blocks in use keep the pages around them.
const TICKS_BETWEEN: u32 = 30;

/// Starts a thread that gives memory back to the system whenever the process has held much
/// more than it uses for a moment. Without an allocator that can
/// ([`memory_limits::set_collector`]), it does nothing.
pub fn watch_unused_memory() {
    let watch = || {
        let mut excess = Excess::default();
        loop {
            std::thread::sleep(TICK);
            let Some(held) = memory::anonymous_bytes() else {
                return;
            };
            if excess.on_tick(held, allocated_bytes()) {
                memory_limits::give_back_unused();
            }
        }
    };
    let thread = std::thread::Builder::new().name("unused-memory".to_owned());
    if let Err(error) = thread.spawn(watch) {
        tracing::warn!(%error, "unused memory is not given back");
    }
}

/// For how long a process has held more than it uses.
#[derive(Debug, Default)]
struct Excess {
    ticks: u32,
    /// Before it counts again.
    pause: u32,
}

impl Excess {
    /// Whether memory is to be given back, when the process holds so many bytes of which
    /// it has allocated some.
    fn on_tick(&mut self, held: u64, allocated: u64) -> bool {
        self.pause = self.pause.saturating_sub(1);
        let limit = allocated.saturating_mul(2).saturating_add(SPARE_BYTES);
        if held <= limit || self.pause > 0 {
            self.ticks = 0;
            return false;
        }
        self.ticks += 1;
        let is_long = self.ticks >= TICKS_OF_EXCESS;
        if is_long {
            *self = Self {
                ticks: 0,
                pause: TICKS_BETWEEN,
            };
        }
        is_long
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;

    #[test]
    fn memory_is_given_back_when_much_is_unused_for_a_moment() {
        let mut excess = Excess::default();
        let mut given_back = |ticks: u32, held: u64, allocated: u64| {
            (0..ticks)
                .filter(|_| excess.on_tick(held * MIB, allocated * MIB))
                .count()
        };
        // A task that allocates and frees, and one that uses what it has.
        assert_eq!(given_back(2, 500, 10), 0);
        assert_eq!(given_back(100, 500, 300), 0);
        assert_eq!(given_back(3, 500, 10), 1);
        // What cannot be given back is not asked for all the time.
        assert_eq!(given_back(31, 500, 10), 0);
        assert_eq!(given_back(1, 500, 10), 1);
        assert_eq!(given_back(100, 52, 10), 0);
    }
}
