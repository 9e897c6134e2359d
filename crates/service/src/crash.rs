//! Named places at which a test can end this process, as a power cut would.
//!
//! Compiled in always, so that what is tested is what runs, and inert unless
//! the environment says otherwise:
//!
//! - `SLUICE_CRASH_POINT` names the point, `landing.6b`, or its n-th passing,
//!   `landing.3@5`.
//! - `SLUICE_CRASH_ACTION` says what happens there: `kill` (the default) sends
//!   SIGKILL to this process, `stop` sends SIGSTOP, so that somebody else can
//!   let it go on with SIGCONT.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// The variable that names the point.
pub const POINT: &str = "SLUICE_CRASH_POINT";

/// The variable that says what happens there.
pub const ACTION: &str = "SLUICE_CRASH_ACTION";

#[derive(Debug)]
struct Armed {
    name: String,
    /// How often it is passed unharmed, and once more.
    left: AtomicU64,
    signal: i32,
}

static ARMED: OnceLock<Option<Armed>> = OnceLock::new();

fn armed() -> Option<Armed> {
    let text = std::env::var(POINT).ok()?;
    let (name, nth) = parse(&text)?;
    let signal = match std::env::var(ACTION).as_deref() {
        Ok("stop") => libc::SIGSTOP,
        _ => libc::SIGKILL,
    };
    Some(Armed {
        name: name.to_owned(),
        left: AtomicU64::new(nth),
        signal,
    })
}

fn parse(text: &str) -> Option<(&str, u64)> {
    match text.split_once('@') {
        Some((name, nth)) => Some((name, nth.parse().ok().filter(|nth| *nth > 0)?)),
        None => (!text.is_empty()).then_some((text, 1)),
    }
}

/// Passes the point `name`; see the module's documentation.
#[inline]
pub fn point(name: &str) {
    if let Some(armed) = ARMED.get_or_init(armed)
        && armed.name == name
        && armed.left.fetch_sub(1, Ordering::Relaxed) == 1
    {
        // SAFETY: both calls take no pointers; the signal is one of two
        // constants, and it goes to this process alone.
        unsafe {
            libc::kill(libc::getpid(), armed.signal);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_named_with_its_passing() {
        assert_eq!(parse("landing.6b"), Some(("landing.6b", 1)));
        assert_eq!(parse("landing.3@5"), Some(("landing.3", 5)));
        assert_eq!(parse("landing.3@0"), None);
        assert_eq!(parse("landing.3@x"), None);
        assert_eq!(parse(""), None);
    }

    #[test]
    fn nothing_happens_without_the_variable() {
        point("landing.1");
    }
}
