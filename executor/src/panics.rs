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

const KEPT: usize = 32;

struct Seen {
    message: String,
    place: String,
}

static SEEN: LazyLock<Mutex<VecDeque<Seen>>> = LazyLock::new(Mutex::default);

/// Logs panics instead of printing them, and keeps their locations.
pub(crate) fn install() {
    std::panic::set_hook(Box::new(|info| {
        let message = message(info.payload());
        let place = info.location().map_or_else(
            || "an unknown location".to_owned(),
            |at| format!("{}:{}", short(at.file()), at.line()),
        );
        tracing::error!(%place, "panic: {message}");
        let mut seen = SEEN.lock();
        if seen.len() == KEPT {
            seen.pop_front();
        }
        seen.push_back(Seen { message, place });
    }));
}

pub(crate) fn message(payload: &(dyn Any + Send)) -> String {
    payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned())
}

/// The file and line of the panic that `text` quotes; they identify the
/// operator.
pub(crate) fn place_of(text: &str) -> Option<String> {
    SEEN.lock()
        .iter()
        .rev()
        .find(|seen| !seen.message.is_empty() && text.contains(&seen.message))
        .map(|seen| seen.place.clone())
}

/// A source path relative to the folder that holds the crates.
fn short(file: &str) -> &str {
    file.split_once("/registry/src/")
        .and_then(|(_, rest)| rest.split_once('/'))
        .map_or(file, |(_, rest)| rest)
}

#[cfg(test)]
#[allow(clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_a_panic_is_found_by_its_text() {
        install();
        let payload = std::thread::spawn(|| panic!("row 7 of 3 does not exist"))
            .join()
            .map_or_else(|payload| message(payload.as_ref()), |()| String::new());
        assert_eq!(payload, "row 7 of 3 does not exist");
        let text = format!("task 9 panicked with message {payload:?}");
        let place = place_of(&text).unwrap_or_default();
        assert!(place.contains("panics.rs:"), "{place}");
        assert_eq!(place_of("something else"), None);
    }

    #[test]
    fn paths_start_at_the_crate() {
        let file = "/home/u/.cargo/registry/src/index.crates.io-1/datafusion-1.0.0/src/join.rs";
        assert_eq!(short(file), "datafusion-1.0.0/src/join.rs");
        assert_eq!(short("engine/src/sink.rs"), "engine/src/sink.rs");
    }
}
