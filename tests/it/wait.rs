//! Waiting for conditions, and for exclusive use of the machine.

use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// How often a condition is checked.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// The deadline for anything that usually takes a moment. It is generous: tests
/// share few cores with each other and with other work on the machine.
pub const DEADLINE: Duration = Duration::from_secs(120);

/// Waits until `condition` gives a value.
pub fn wait_until<T>(what: &str, limit: Duration, mut condition: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = condition() {
            return found;
        }
        assert!(
            started.elapsed() < limit,
            "timed out after {limit:?}: {what}"
        );
        std::thread::sleep(POLL_INTERVAL);
    }
}

/// Lets one test at a time run of those that keep all cores busy.
pub fn exclusive_turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    // A test that failed while it held the lock has reported that itself.
    TURN.lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
