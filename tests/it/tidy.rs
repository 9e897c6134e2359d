//! Checks of the code base that the compiler does not make.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use crate::repository::{list_files, relative_path, root};

/// The most lines of a source file: a file has one subject.
const MAX_LINES: usize = 600;

/// Which of our crates each crate may depend on (dev-dependencies are not
/// checked).
const MAY_USE: &[(&str, &[&str])] = &[
    ("sluice-values", &[]),
    ("sluice-secrets", &[]),
    ("sluice-compression", &[]),
    ("sluice-jobfile", &["sluice-values"]),
    ("sluice-ndjson", &["sluice-compression", "sluice-values"]),
    ("sluice-csv", &["sluice-ndjson", "sluice-values"]),
    ("sluice-traces", &["sluice-secrets"]),
    ("sluice-storage", &["sluice-secrets", "sluice-traces"]),
    ("sluice-fault-store", &[]),
    ("sluice-ledger", &["sluice-storage"]),
    (
        "sluice-service",
        &["sluice-secrets", "sluice-traces", "sluice-values"],
    ),
    // It uses `jobfile` only with its feature of that name: diagnostics in their
    // protobuf form.
    ("sluice-proto", &["sluice-jobfile", "sluice-secrets"]),
    ("sluice-sample-events", &["sluice-compression"]),
    ("sluice-kafka-sandbox", &[]),
    ("sluice-sql-generator", &[]),
    (
        "sluice-ingest",
        &[
            "sluice-landing",
            "sluice-ledger",
            "sluice-ndjson",
            "sluice-service",
            "sluice-storage",
            "sluice-traces",
        ],
    ),
    (
        "sluice-landing",
        &["sluice-compression", "sluice-ledger", "sluice-storage"],
    ),
    ("sluice-gold", &["sluice-storage"]),
    (
        "sluice-plans",
        &["sluice-landing", "sluice-ledger", "sluice-storage"],
    ),
    ("sluice-spark-sql", &["sluice-jobfile", "sluice-values"]),
    (
        "sluice-engine",
        &[
            "sluice-csv",
            "sluice-gold",
            "sluice-jobfile",
            "sluice-landing",
            "sluice-ndjson",
            "sluice-proto",
            "sluice-spark-sql",
            "sluice-storage",
            "sluice-traces",
            "sluice-values",
        ],
    ),
    (
        "sluice-scheduler",
        &[
            "sluice-engine",
            "sluice-gold",
            "sluice-jobfile",
            "sluice-landing",
            "sluice-ledger",
            "sluice-plans",
            "sluice-service",
            "sluice-proto",
            "sluice-storage",
            "sluice-traces",
        ],
    ),
    (
        "sluice-executor",
        &[
            "sluice-engine",
            "sluice-service",
            "sluice-proto",
            "sluice-storage",
            "sluice-traces",
        ],
    ),
    (
        "sluice-client",
        &[
            "sluice-jobfile",
            "sluice-service",
            "sluice-proto",
            "sluice-traces",
        ],
    ),
    (
        "sluice-producers",
        &["sluice-sample-events", "sluice-service", "sluice-proto"],
    ),
    (
        "sluice-quickstart",
        &[
            "sluice-client",
            "sluice-gold",
            "sluice-ingest",
            "sluice-service",
            "sluice-producers",
            "sluice-storage",
        ],
    ),
];

/// Dependencies that only some crates may have.
const OWNED: &[(&str, &[&str])] = &[
    ("deltalake-core", &["sluice-gold"]),
    ("ballista-scheduler", &["sluice-scheduler"]),
    ("ballista-executor", &["sluice-executor"]),
    (
        "datafusion",
        &[
            "sluice-engine",
            "sluice-executor",
            "sluice-scheduler",
            "sluice-spark-sql",
        ],
    ),
    ("opentelemetry", &["sluice-traces"]),
    ("opentelemetry_sdk", &["sluice-traces"]),
    (
        "rdkafka",
        &["sluice-ingest", "sluice-producers", "sluice-quickstart"],
    ),
];

#[test]
fn files_are_small() {
    let large: Vec<String> = list_files(".rs")
        .iter()
        .map(|path| {
            (
                relative_path(path),
                std::fs::read_to_string(path).unwrap().lines().count(),
            )
        })
        .filter(|(_, lines)| *lines > MAX_LINES)
        .map(|(path, lines)| format!("{path}: {lines} lines"))
        .collect();
    assert!(
        large.is_empty(),
        "split these files by subject (limit {MAX_LINES} lines):\n{}",
        large.join("\n")
    );
}

#[test]
fn crates_depend_one_way() {
    let metadata = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--no-deps",
            "--offline",
        ])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        metadata.status.success(),
        "{}",
        String::from_utf8_lossy(&metadata.stderr)
    );
    let metadata: serde_json::Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let allowed: BTreeMap<&str, &[&str]> = MAY_USE.iter().copied().collect();
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    for package in metadata["packages"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        seen.insert(name.to_owned());
        for dependency in package["dependencies"].as_array().unwrap() {
            let on = dependency["name"].as_str().unwrap();
            if !dependency["kind"].is_null() {
                continue;
            }
            if let Some(may) = allowed.get(name)
                && on.starts_with("sluice-")
                && !may.contains(&on)
            {
                wrong.push(format!("{name} may not depend on {on}"));
            }
            if let Some((_, owners)) = OWNED.iter().find(|(owned, _)| *owned == on)
                && allowed.contains_key(name)
                && !owners.contains(&name)
            {
                wrong.push(format!(
                    "{name} may not depend on {on}; only {owners:?} may"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let unknown: Vec<&str> = allowed
        .keys()
        .copied()
        .filter(|name| !seen.contains(*name))
        .collect();
    assert!(
        unknown.is_empty(),
        "these crates are in the table but not in the workspace: {unknown:?}"
    );
}

#[test]
fn every_architecture_decision_is_numbered_once() {
    let mut numbers = BTreeSet::new();
    for path in list_files(".md")
        .into_iter()
        .filter(|path| path.parent().unwrap().ends_with("docs/adr"))
    {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let number = name.split('-').next().unwrap().to_owned();
        assert!(
            number.len() == 4 && number.parse::<u32>().is_ok(),
            "{name} should begin with four digits"
        );
        assert!(
            numbers.insert(number),
            "{name} uses a number that another decision has"
        );
    }
    assert!(!numbers.is_empty());
}
