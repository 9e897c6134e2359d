//! Filters that third-party readers push down into gold tables.

use std::path::Path;
use std::process::Command;

use crate::{gold, repository, submit};

/// Every filter must select the same rows from the table as from its rows in
/// memory, in every reader, also after a checkpoint.
#[test]
fn readers_find_the_rows_that_filters_select() {
    let Some(python) = gold::find_python_with(
        "SLUICE_FILTERS_PYTHON",
        "duckdb, duckdb_extension_delta, deltalake, polars, pyarrow",
        "filters-requirements.txt",
    ) else {
        return;
    };
    let readers = repository::root().join("tests/readers");
    let folder = tempfile::tempdir().unwrap();
    let gold = folder.path().join("gold");
    let args = submit::job_args(
        &readers.join("types/job.sql"),
        &readers.join("types/landing"),
        &gold,
    );
    let local = ["--master".to_owned(), "local[2]".to_owned()];
    // The second version of one table has a checkpoint.
    for _ in 0..2 {
        submit::run_submit(local.iter().chain(&args)).expect_code(0);
    }
    let output = Command::new(python)
        .arg(Path::new("filters.py"))
        .arg(&gold)
        .current_dir(&readers)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
