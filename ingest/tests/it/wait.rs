//! Waiting for what can be seen, so that no test rests on how quick a machine
//! is.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::checker::entries;

/// Only keeps a test from hanging for ever.
const LIMIT: Duration = Duration::from_secs(300);

/// Waits until it is so.
pub(crate) fn until(what: &str, mut so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < LIMIT, "in vain waited until {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Waits until so many records, lines and rejects, have landed in a topic's
/// folder.
pub(crate) fn landed(folder: &Path, records: u64) {
    until(&format!("{records} records have landed"), || {
        let newest = entries(folder).pop();
        newest.is_some_and(|entry| {
            let totals = &entry["body"]["totals"];
            let count = |name: &str| totals[name].as_u64().unwrap();
            count("rows") + count("rejects") == records
        })
    });
}
