//! Named crash points at which a test can end this process as a power cut would, or hold
//! it up as a slow disk would.
//!
//! They are always compiled in, so that tests run the code that ships. They do
//! nothing unless the environment names one:
//!
//! - `SLUICE_CRASH_POINT` is the name of the point, such as `landing.6b`, or the
//!   n-th time that it is reached, such as `landing.3@5`.
//! - `SLUICE_CRASH_ACTION` is what happens there. `kill` (the default) sends
//!   SIGKILL to this process; `stop` sends SIGSTOP, so that a test can resume it
//!   with SIGCONT. `hold=FILE` holds up the thread that is there, and no other, while
//!   the file exists.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The environment variable that names the point.
pub const POINT_VARIABLE: &str = "SLUICE_CRASH_POINT";

/// The environment variable that says what happens there.
pub const ACTION_VARIABLE: &str = "SLUICE_CRASH_ACTION";

/// How often a thread that is held up looks whether it may continue.
const HOLD_INTERVAL: Duration = Duration::from_millis(10);

/// What happens at a point.
#[derive(Debug, PartialEq, Eq)]
enum Action {
    Signal(i32),
    Hold(PathBuf),
}

impl Action {
    fn parse(text: Option<&str>) -> Self {
        match text {
            Some("stop") => Self::Signal(libc::SIGSTOP),
            Some(text) => match text.strip_prefix("hold=") {
                Some(file) => Self::Hold(PathBuf::from(file)),
                None => Self::Signal(libc::SIGKILL),
            },
            None => Self::Signal(libc::SIGKILL),
        }
    }

    fn take(&self) {
        match self {
            Self::Signal(signal) => {
                // SAFETY: the call takes no pointer; the signal is one of two constants, and
                // it goes to this thread: it does not run on while another one handles it.
                unsafe {
                    libc::raise(*signal);
                }
            }
            Self::Hold(file) => hold_while_it_exists(file),
        }
    }
}

fn hold_while_it_exists(file: &Path) {
    while file.exists() {
        std::thread::sleep(HOLD_INTERVAL);
    }
}

#[derive(Debug)]
struct ArmedPoint {
    name: String,
    /// How many more times the point must be reached to take effect.
    remaining_hits: AtomicU64,
    action: Action,
}

static ARMED: OnceLock<Option<ArmedPoint>> = OnceLock::new();

fn read_armed_point() -> Option<ArmedPoint> {
    let text = std::env::var(POINT_VARIABLE).ok()?;
    let (name, nth) = parse_point(&text)?;
    Some(ArmedPoint {
        name: name.to_owned(),
        remaining_hits: AtomicU64::new(nth),
        action: Action::parse(std::env::var(ACTION_VARIABLE).ok().as_deref()),
    })
}

fn parse_point(text: &str) -> Option<(&str, u64)> {
    match text.split_once('@') {
        Some((name, nth)) => Some((name, nth.parse().ok().filter(|nth| *nth > 0)?)),
        None => (!text.is_empty()).then_some((text, 1)),
    }
}

/// Marks that the point `name` is reached; see the module's documentation.
#[inline]
pub fn reach_point(name: &str) {
    if let Some(armed) = ARMED.get_or_init(read_armed_point)
        && armed.name == name
        && armed.remaining_hits.fetch_sub(1, Ordering::Relaxed) == 1
    {
        armed.action.take();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_named_with_its_hit() {
        assert_eq!(parse_point("landing.6b"), Some(("landing.6b", 1)));
        assert_eq!(parse_point("landing.3@5"), Some(("landing.3", 5)));
        assert_eq!(parse_point("landing.3@0"), None);
        assert_eq!(parse_point("landing.3@x"), None);
        assert_eq!(parse_point(""), None);
    }

    #[test]
    fn a_point_kills_unless_something_else_is_asked_for() {
        let action = Action::parse;
        for kill in [None, Some("kill"), Some("")] {
            assert_eq!(action(kill), Action::Signal(libc::SIGKILL));
        }
        assert_eq!(action(Some("stop")), Action::Signal(libc::SIGSTOP));
        assert_eq!(action(Some("hold=/a b")), Action::Hold("/a b".into()));
    }

    #[test]
    fn a_thread_is_held_up_while_a_file_exists() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("held");
        std::fs::write(&file, "").unwrap();
        let action = Action::Hold(file.clone());
        std::thread::scope(|scope| {
            let held = scope.spawn(|| action.take());
            std::thread::sleep(3 * HOLD_INTERVAL);
            assert!(!held.is_finished());
            std::fs::remove_file(&file).unwrap();
        });
    }

    #[test]
    fn nothing_happens_without_the_variable() {
        reach_point("landing.1");
    }
}
