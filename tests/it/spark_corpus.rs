//! Queries with Spark's answers: none may give other rows without a word.
//!
//! The corpus is a folder with a runner in Python, `run.py`, next to the repository, or
//! where `SLUICE_SPARK_CORPUS` says ([tests/spark](../spark/README.md)).

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::repository::root;
use crate::sandbox::Cluster;
use crate::{gold, wait};

/// The queries that may be refused, by their ids: sketches, `VARIANT`, XML, collations,
/// and what depends on the task.
const REFUSED: &[&str] = &[
    "02e8", "08d1", "08d3", "08d5", "08d7", "08d9", "09e5", "14c1", "14c3", "14c5", "14c7",
];

/// A recursive query, whose plan cannot be sent to executors.
const REFUSED_ON_CLUSTER: &[&str] = &["12c4"];

fn corpus_folder() -> Option<PathBuf> {
    let named = std::env::var_os("SLUICE_SPARK_CORPUS").map(PathBuf::from);
    named
        .or_else(|| Some(root().join("../shared/sparksql")))
        .filter(|folder| folder.join("run.py").is_file())
}

/// A copy, because the runner writes next to itself.
fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::write(target, fs::read(entry.path()).unwrap()).unwrap();
        }
    }
}

/// A program that submits as the runner does, to another master.
fn write_submitter(folder: &Path, master: &str) -> PathBuf {
    let path = folder.join("submit");
    let text = format!(
        "#!/bin/sh\njob=\"$1\"; shift 3\nexec '{}' \"$job\" --master '{master}' \"$@\"\n",
        env!("CARGO_BIN_EXE_submit-job")
    );
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// Runs the corpus; the queries whose outcome is not good, with what is wrong.
fn find_differences(python: &Path, corpus: &Path, master: &str, refused: &[&str]) -> Vec<String> {
    let scratch = tempfile::tempdir().unwrap();
    let folder = scratch.path().join("corpus");
    copy_folder(corpus, &folder);
    fs::create_dir_all(folder.join("ours")).unwrap();
    let submitter = write_submitter(scratch.path(), master);
    let output = Command::new(python)
        .arg("run.py")
        .arg(submitter)
        .current_dir(&folder)
        .output()
        .unwrap();
    let table = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{table}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    eprintln!("{master}\n{table}");
    let mut differences = Vec::new();
    let mut queries = 0;
    for entry in fs::read_dir(folder.join("ours")).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        let answers: serde_json::Map<String, Value> = serde_json::from_str(&text).unwrap();
        for (id, answer) in answers {
            queries += 1;
            let outcome = answer["class"].as_str().unwrap_or_default();
            let good = match outcome {
                "equal" | "both error" => answer["names"].as_array().is_none_or(Vec::is_empty),
                "refused" => refused.contains(&id.as_str()),
                _ => false,
            };
            if !good {
                let only = &answer["only"];
                let message = &answer["message"];
                let names = &answer["names"];
                differences.push(format!("{id} {outcome}: {message} {only} {names}"));
            }
        }
    }
    assert!(queries > 0, "no queries ran\n{table}");
    differences
}

#[test]
fn queries_of_spark_give_sparks_rows_in_local_mode_and_on_a_cluster() {
    let Some(corpus) = corpus_folder() else {
        eprintln!("skipped: SLUICE_SPARK_CORPUS names no corpus of queries");
        return;
    };
    let Some(python) = gold::find_python_with(
        "SLUICE_FILTERS_PYTHON",
        "deltalake, pyarrow",
        "filters-requirements.txt",
    ) else {
        return;
    };
    let _turn = wait::exclusive_turn();
    let cluster = Cluster::start();
    let more = [REFUSED, REFUSED_ON_CLUSTER].concat();
    for (master, refused) in [
        ("local[2]".to_owned(), REFUSED),
        (cluster.master(), more.as_slice()),
    ] {
        let differences = find_differences(&python, &corpus, &master, refused);
        assert!(
            differences.is_empty(),
            "{master}: {} queries differ\n{}",
            differences.len(),
            differences.join("\n")
        );
    }
}
