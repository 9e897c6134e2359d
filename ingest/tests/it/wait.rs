//! Waits for conditions, so that no test depends on how fast a machine is.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::checker::ledger_entries;

/// Only keeps a test from hanging forever.
const LIMIT: Duration = Duration::from_secs(300);

/// Waits until a condition holds.
pub(crate) fn wait_until(what: &str, mut so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < LIMIT, "timed out waiting until {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Waits until this many records, lines and rejects together, have landed in a
/// topic's folder.
pub(crate) fn wait_until_landed(folder: &Path, records: u64) {
    wait_until(&format!("{records} records have landed"), || {
        let newest = ledger_entries(folder).pop();
        newest.is_some_and(|entry| {
            let totals = &entry["body"]["totals"];
            let count = |name: &str| totals[name].as_u64().unwrap();
            count("rows") + count("rejects") == records
        })
    });
}
