//! The documented codes and the codes in the code are the same.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use sluice_jobfile::codes::CODES;

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

#[test]
fn every_code_is_documented_and_every_documented_code_exists() {
    let doc = read("../../docs/diagnostics.md");
    let documented: BTreeSet<&str> = doc
        .lines()
        .filter_map(|line| line.strip_prefix("### "))
        .filter_map(|heading| heading.split_whitespace().next())
        .collect();
    let codes: BTreeSet<&str> = CODES.iter().copied().collect();
    assert_eq!(codes.len(), CODES.len(), "a code is used twice");
    let missing: Vec<_> = codes.difference(&documented).collect();
    let stale: Vec<_> = documented.difference(&codes).collect();
    assert!(
        missing.is_empty(),
        "not in docs/diagnostics.md: {missing:?}"
    );
    assert!(stale.is_empty(), "no longer in the code: {stale:?}");
}

#[test]
fn every_code_has_a_case() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases/check");
    let mut cases = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        cases.push_str(&String::from_utf8_lossy(&bytes));
    }
    // These would need a file of a megabyte, of thousands of statements, or of a
    // hundred views; tests of the limits have them. W06xx need a gold folder, which
    // the end-to-end tests have.
    let large = ["E0101", "E0112", "E0413"];
    let untested: Vec<_> = CODES
        .iter()
        .filter(|code| {
            !large.contains(*code)
                && !code.starts_with("W06")
                && !cases.contains(&format!(": {code}"))
        })
        .collect();
    assert!(untested.is_empty(), "no case for {untested:?}");
}
