//! Makes the same six tables with DuckDB.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};
use serde::Deserialize;

/// What `benches/duckdb_landing_to_gold.py` prints.
#[derive(Debug, Deserialize)]
pub struct DuckdbRun {
    pub version: String,
    /// From opening the database to the last file written, without the start of
    /// Python.
    pub seconds: f64,
    /// In bytes.
    pub peak_memory: u64,
    /// The tables in the order in which they were made.
    pub tables: Vec<DuckdbTable>,
}

/// One of the six tables, or the table in memory that several of them are made from.
#[derive(Debug, Deserialize)]
pub struct DuckdbTable {
    pub name: String,
    pub rows: u64,
    /// The size of the Parquet file; 0 for the table in memory.
    pub bytes: u64,
    pub seconds: f64,
}

/// Whether this Python has DuckDB.
pub fn has_duckdb(python: &str) -> bool {
    Command::new(python)
        .args(["-c", "import duckdb"])
        .output()
        .is_ok_and(|output| output.status.success())
}

/// Makes the six tables from `landing` as Parquet files (zstd) in `out`.
///
/// # Errors
/// When the script cannot be started or fails.
pub fn run_duckdb(
    python: &str,
    script: &Path,
    landing: &Path,
    out: &Path,
    threads: usize,
) -> anyhow::Result<DuckdbRun> {
    let output = Command::new(python)
        .arg(script)
        .arg(landing)
        .arg(out)
        .args(["--threads", &threads.to_string()])
        .output()
        .with_context(|| format!("cannot start {python}"))?;
    if !output.status.success() {
        bail!(
            "DuckDB failed:\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    serde_json::from_slice(&output.stdout).context("the DuckDB script did not print JSON")
}
