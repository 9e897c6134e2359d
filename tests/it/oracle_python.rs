//! Python with DuckDB as an oracle of queries (`tests/duckdb/requirements.txt`).

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The interpreter with the packages; nothing, with a notice, where they are
/// missing. In CI that is a failure.
pub fn find_duckdb_python() -> Option<&'static Path> {
    static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
    let found = FOUND.get_or_init(|| {
        let python = std::env::var_os("SLUICE_DUCKDB_PYTHON").map_or_else(|| PathBuf::from("python3"), PathBuf::from);
        let check = "import duckdb; assert duckdb.__version__ == '1.5.5', f'DuckDB is {duckdb.__version__}'";
        let output = Command::new(&python).args(["-c", check]).output();
        let why = match output {
            Ok(output) if output.status.success() => return Some(python),
            Ok(output) => String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or_default().to_owned(),
            Err(error) => error.to_string(),
        };
        let message = format!(
            "{}: {why}; install tests/duckdb/requirements.txt and set SLUICE_DUCKDB_PYTHON to that Python",
            python.display()
        );
        assert!(std::env::var_os("SLUICE_CI").is_none(), "queries cannot be compared with DuckDB: {message}");
        eprintln!("SKIPPED: generated queries are not compared with DuckDB's answers: {message}");
        None
    });
    found.as_deref()
}
