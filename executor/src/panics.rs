//! Panics in tasks: their source locations, for the error of the failed task.
//!
//! A panic inside an operator often happens on another thread than the one that
//! observes the failed task, and only its text is passed on. The panic hook
//! therefore keeps the last few panics with their locations, to find them by
//! their text.

use std::any::Any;
use std::collections::VecDeque;
use std::sync::LazyLock;

use parking_lot::Mutex;

const MAX_RECENT_PANICS: usize = 32;

struct PanicRecord {
    message: String,
    location: String,
}

static RECENT_PANICS: LazyLock<Mutex<VecDeque<PanicRecord>>> = LazyLock::new(Mutex::default);

/// Logs panics instead of printing them, and keeps their locations.
pub(crate) fn install_hook() {
    std::panic::set_hook(Box::new(|info| {
        let message = panic_message(info.payload());
        let location = info.location().map_or_else(
            || "an unknown location".to_owned(),
            |at| format!("{}:{}", crate_relative_path(at.file()), at.line()),
        );
        tracing::error!(%location, "panic: {message}");
        let mut recent_panics = RECENT_PANICS.lock();
        if recent_panics.len() == MAX_RECENT_PANICS {
            recent_panics.pop_front();
        }
        recent_panics.push_back(PanicRecord { message, location });
    }));
}

pub(crate) fn panic_message(payload: &(dyn Any + Send)) -> String {
    payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned())
}

/// The file and line of the panic that `text` quotes; they identify the
/// operator.
pub(crate) fn panic_location(text: &str) -> Option<String> {
    RECENT_PANICS
        .lock()
        .iter()
        .rev()
        .find(|seen| !seen.message.is_empty() && text.contains(&seen.message))
        .map(|seen| seen.location.clone())
}

/// A source path relative to the folder that holds the crates.
fn crate_relative_path(file: &str) -> &str {
    file.split_once("/registry/src/")
        .and_then(|(_, rest)| rest.split_once('/'))
        .map_or(file, |(_, rest)| rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_location_of_a_panic_is_found_by_its_text() {
        install_hook();
        let payload = std::thread::spawn(|| panic!("row 7 of 3 does not exist"))
            .join()
            .map_or_else(
                |payload| panic_message(payload.as_ref()),
                |()| String::new(),
            );
        assert_eq!(payload, "row 7 of 3 does not exist");
        let text = format!("task 9 panicked with message {payload:?}");
        let place = panic_location(&text).unwrap_or_default();
        assert!(place.contains("panics.rs:"), "{place}");
        assert_eq!(panic_location("something else"), None);
    }

    #[test]
    fn paths_start_at_the_crate() {
        let file = "/home/u/.cargo/registry/src/index.crates.io-1/datafusion-1.0.0/src/join.rs";
        assert_eq!(crate_relative_path(file), "datafusion-1.0.0/src/join.rs");
        assert_eq!(
            crate_relative_path("engine/src/sink.rs"),
            "engine/src/sink.rs"
        );
    }
}
