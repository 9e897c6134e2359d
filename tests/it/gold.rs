//! Gold as readers see it: quick checks parse the Delta log directly, and checks
//! of every row use third-party readers in Python.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

use crate::wait;

/// A table as its log describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    pub version: u64,
    /// Files of the newest version.
    pub active: BTreeSet<String>,
    /// Files that any version added.
    pub named: BTreeSet<String>,
    /// Rows of the newest version.
    pub rows: u64,
}

/// The six tables of the example job.
pub const EXAMPLE_TABLES: [&str; 6] = [
    "cart_to_purchase",
    "customer_monthly_spent",
    "customer_ranked",
    "daily_revenue",
    "transactions",
    "user_events",
];

/// Reads the log of a table; nothing when there is none.
fn read_table(folder: &Path) -> Option<Table> {
    let log = std::fs::read_dir(folder.join("_delta_log")).ok()?;
    let mut versions: Vec<PathBuf> = log
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .collect();
    versions.sort();
    let mut active: BTreeMap<String, u64> = BTreeMap::new();
    let mut named = BTreeSet::new();
    for version in &versions {
        let text = std::fs::read_to_string(version).unwrap();
        for line in text.lines() {
            let action: Value = serde_json::from_str(line).unwrap();
            if let Some(path) = action["add"]["path"].as_str() {
                let stats: Value =
                    serde_json::from_str(action["add"]["stats"].as_str().unwrap()).unwrap();
                active.insert(path.to_owned(), stats["numRecords"].as_u64().unwrap());
                named.insert(path.to_owned());
            }
            if let Some(path) = action["remove"]["path"].as_str() {
                active.remove(path);
            }
        }
    }
    let version = versions
        .last()?
        .file_stem()
        .unwrap()
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    let rows = active.values().sum();
    Some(Table {
        version,
        active: active.into_keys().collect(),
        named,
        rows,
    })
}

/// Every table below a gold folder.
pub fn read_tables(gold: &Path) -> BTreeMap<String, Table> {
    let Ok(entries) = std::fs::read_dir(gold) else {
        return BTreeMap::new();
    };
    entries
        .map(|entry| entry.unwrap())
        .filter_map(|entry| {
            Some((
                entry.file_name().into_string().unwrap(),
                read_table(&entry.path())?,
            ))
        })
        .collect()
}

/// The number of rows of every table.
pub fn row_counts(gold: &Path) -> BTreeMap<String, u64> {
    read_tables(gold)
        .into_iter()
        .map(|(name, table)| (name, table.rows))
        .collect()
}

/// Fails unless all six tables are at `version`, every file that they name
/// exists, and there are no other files.
#[track_caller]
pub fn assert_complete(gold: &Path, version: u64) {
    let tables = read_tables(gold);
    assert!(
        tables.keys().eq(EXAMPLE_TABLES),
        "tables: {:?}",
        tables.keys()
    );
    for (name, table) in &tables {
        assert_eq!(table.version, version, "version of {name}");
        for file in &table.named {
            assert!(
                gold.join(name).join(file).is_file(),
                "{name}: {file} is in the log but does not exist"
            );
        }
    }
    assert_eq!(
        unnamed_files(gold),
        Vec::<PathBuf>::new(),
        "files that no version names"
    );
}

/// Waits until what tasks wrote after the end of their job is removed.
#[track_caller]
pub fn wait_for_cleanup(gold: &Path) {
    wait::wait_until("no late files are left", wait::DEADLINE, || {
        unnamed_files(gold).is_empty().then_some(())
    });
}

/// Files in tables' folders that no version names, temporary ones included. Folders that
/// begin with `_` are those of plans and cuts.
pub fn unnamed_files(gold: &Path) -> Vec<PathBuf> {
    let tables = read_tables(gold);
    files_below(gold)
        .into_keys()
        .filter(|path| {
            let mut parts = path.iter();
            let name = parts.next().unwrap().to_str().unwrap();
            let rest = parts.as_path();
            let in_log = rest.starts_with("_delta_log");
            !in_log
                && !name.starts_with('_')
                && !tables
                    .get(name)
                    .is_some_and(|table| table.named.contains(rest.to_str().unwrap()))
        })
        .collect()
}

/// Every file below a folder, relative to it, with its length.
pub fn files_below(folder: &Path) -> BTreeMap<PathBuf, u64> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        // Files that are deleted meanwhile are ignored.
        for entry in std::fs::read_dir(&next).into_iter().flatten().flatten() {
            let path = entry.path();
            match entry.metadata() {
                Ok(metadata) if metadata.is_dir() => open.push(path),
                Ok(metadata) => {
                    found.insert(
                        path.strip_prefix(folder).unwrap().to_owned(),
                        metadata.len(),
                    );
                }
                Err(_) => {}
            }
        }
    }
    found
}

/// Fails unless every row of every table, as the `deltalake` package and DuckDB
/// read them, equals what DuckDB computes from the same landing. Where Python or
/// the packages are missing, it prints so and skips the check; in CI that is a
/// failure.
#[track_caller]
pub fn assert_equals_oracle(landing: &Path, gold: &Path) {
    let Some(python) = find_python() else {
        return;
    };
    let output = Command::new(python)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/readers/compare.py"))
        .args([landing, gold])
        // Files of old versions stay; `assert_complete` checks for files that no
        // version names.
        .arg("--allow-stray")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "gold in {} does not match landing\n{}{}",
        gold.display(),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

fn find_python() -> Option<&'static Path> {
    static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
    let find = || {
        find_python_with(
            "SLUICE_PYTHON",
            "duckdb, deltalake, polars",
            "requirements.txt",
        )
    };
    FOUND.get_or_init(find).as_deref()
}

/// The Python that a variable names, or `python3`, when it has these packages. Where
/// they are missing, it prints so and gives none; in CI that is a failure.
pub fn find_python_with(variable: &str, packages: &str, requirements: &str) -> Option<PathBuf> {
    let python = std::env::var_os(variable).map_or_else(|| PathBuf::from("python3"), PathBuf::from);
    let import = format!("import {packages}");
    let output = Command::new(&python).args(["-c", &import]).output();
    let why = match output {
        Ok(output) if output.status.success() => return Some(python),
        Ok(output) => String::from_utf8_lossy(&output.stderr)
            .lines()
            .last()
            .unwrap_or_default()
            .to_owned(),
        Err(error) => error.to_string(),
    };
    let message = format!(
        "{}: {why}; install tests/readers/{requirements} and set {variable} to that Python",
        python.display()
    );
    assert!(
        std::env::var_os("SLUICE_CI").is_none(),
        "gold cannot be read with third-party readers: {message}"
    );
    eprintln!("SKIPPED: gold is not read with third-party readers: {message}");
    None
}
