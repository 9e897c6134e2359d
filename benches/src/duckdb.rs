//! The same six outputs by DuckDB.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};
use serde::Deserialize;

/// What `benches/duckdb_landing_to_gold.py` prints.
#[derive(Debug, Deserialize)]
pub struct Run {
    /// DuckDB's version.
    pub version: String,
    /// From opening the database to the last file written; without starting Python.
    pub seconds: f64,
    /// The most memory that the process held, in bytes.
    pub peak_memory: u64,
    /// The outputs in the order in which they were made.
    pub tables: Vec<Table>,
}

/// One output, or the table that several outputs are made from.
#[derive(Debug, Deserialize)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Its rows.
    pub rows: u64,
    /// Bytes of its Parquet file; 0 for what is only kept in memory.
    pub bytes: u64,
    /// How long it took.
    pub seconds: f64,
}

/// Whether this Python has DuckDB.
pub fn available(python: &str) -> bool {
    Command::new(python)
        .args(["-c", "import duckdb"])
        .output()
        .is_ok_and(|output| output.status.success())
}

/// Makes the six tables from `landing` as Parquet (zstd) in `out`.
///
/// # Errors
/// The script cannot be run or fails.
pub fn run(
    python: &str,
    script: &Path,
    landing: &Path,
    out: &Path,
    threads: usize,
) -> anyhow::Result<Run> {
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
