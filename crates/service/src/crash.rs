//! Named crash points at which a test can end this process as a power cut would.
//!
//! They are always compiled in, so that tests run the code that ships. They do
//! nothing unless the environment names one:
//!
//! - `SLUICE_CRASH_POINT` is the name of the point, such as `landing.6b`, or the
//!   n-th time that it is reached, such as `landing.3@5`.
//! - `SLUICE_CRASH_ACTION` is what happens there. `kill` (the default) sends
//!   SIGKILL to this process; `stop` sends SIGSTOP, so that a test can resume it
//!   with SIGCONT.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// The environment variable that names the point.
pub const POINT_VARIABLE: &str = "SLUICE_CRASH_POINT";

/// The environment variable that says what happens there.
pub const ACTION_VARIABLE: &str = "SLUICE_CRASH_ACTION";

#[derive(Debug)]
struct ArmedPoint {
    name: String,
    /// How many more times the point must be reached to take effect.
    remaining_hits: AtomicU64,
    signal: i32,
}

static ARMED: OnceLock<Option<ArmedPoint>> = OnceLock::new();

fn read_armed_point() -> Option<ArmedPoint> {
    let text = std::env::var(POINT_VARIABLE).ok()?;
    let (name, nth) = parse_point(&text)?;
    let signal = match std::env::var(ACTION_VARIABLE).as_deref() {
        Ok("stop") => libc::SIGSTOP,
        _ => libc::SIGKILL,
    };
    Some(ArmedPoint {
        name: name.to_owned(),
        remaining_hits: AtomicU64::new(nth),
        signal,
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
        // SAFETY: the call takes no pointer; the signal is one of two constants, and
        // it goes to this thread: it does not run on while another one handles it.
        unsafe {
            libc::raise(armed.signal);
        }
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
    fn nothing_happens_without_the_variable() {
        reach_point("landing.1");
    }
}
