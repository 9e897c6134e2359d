//! Waiting for conditions, and for a turn.

use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// How often a condition is looked at.
const STEP: Duration = Duration::from_millis(5);

/// How long anything may take that usually takes a moment. Generous: tests
/// share few cores with each other and with whatever else a machine does.
pub const SOON: Duration = Duration::from_secs(60);

/// Waits until `condition` gives something.
pub fn until<T>(what: &str, limit: Duration, mut condition: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = condition() {
            return found;
        }
        assert!(
            started.elapsed() < limit,
            "waited {limit:?} in vain: {what}"
        );
        std::thread::sleep(STEP);
    }
}

/// A turn for a test that keeps all cores busy: one of them at a time.
pub fn heavy() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    // A test that failed in its turn has said so itself.
    TURN.lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
