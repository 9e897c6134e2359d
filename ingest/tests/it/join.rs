//! Kills and stops `ingest-landing join` at each of its points, alone and next to another
//! one, while records are ingested. Whatever happens, each record is read once.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command};

use serde_json::Value;
use sluice_service::crash::{ACTION_VARIABLE, POINT_VARIABLE};

use crate::checker::assert_exact;
use crate::cluster::Cluster as _;
use crate::mock::mock_broker;
use crate::parallel;
use crate::process::{
    ingest_command, print_line, program_command, run_successfully, send_signal, wait_until_stopped,
};
use crate::records::produce_mixed;

const POINTS: &[&str] = &[
    "join.1",
    "join.2a",
    "join.2b",
    "join.2b@2",
    "join.3a",
    "join.3b",
    "join.3b@2",
    "join.4a",
    "join.4b",
    "join.4b@9",
    "join.4c",
    "join.4c@2",
];

const SMALL: &[&str] = &["--roll-size", "1KiB"];

/// Joins everything and deletes at once, so that every point is reached in each run.
fn join_command(landing: &Path) -> Command {
    program_command(&[
        "join",
        "--landing",
        landing.to_str().unwrap(),
        "--target-size",
        "1MiB",
        "--min-files",
        "4",
        "--min-age",
        "0s",
        "--keep",
        "0s",
    ])
}

struct Case {
    point: &'static str,
    two: bool,
    action: &'static str,
}

/// Ends a child that may have been killed at its point; returns whether it was.
fn end_crashing(mut crashing: Child, case: &Case, overtake: impl FnOnce()) -> bool {
    if case.action == "stop" {
        let hit = wait_until_stopped(&mut crashing);
        if hit {
            overtake();
            send_signal(&crashing, libc::SIGCONT);
        }
        let output = crashing.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{}: {said}", case.point);
        return hit;
    }
    let output = crashing.wait_with_output().unwrap();
    let hit = output.status.signal() == Some(libc::SIGKILL);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(hit || output.status.success(), "{}: {said}", case.point);
    hit
}

/// Returns whether the point was reached.
fn run_case(case: &Case) -> bool {
    let cluster = mock_broker();
    let address = cluster.address();
    let topic = cluster.new_topic(3);
    let landing = tempfile::tempdir().unwrap();
    let ingest = || ingest_command(&address, &topic, landing.path(), SMALL);
    // Each compression gets a joined file of its own.
    for compression in ["none", "zstd", "gzip"] {
        produce_mixed(&address, &topic, 3, 240, compression);
        let args = [SMALL, &["--compression", compression]].concat();
        run_successfully(ingest_command(&address, &topic, landing.path(), &args));
    }
    let mut crashing = join_command(landing.path());
    crashing
        .env(POINT_VARIABLE, case.point)
        .env(ACTION_VARIABLE, case.action);
    produce_mixed(&address, &topic, 3, 120, "parallel");
    let crashing = crashing.spawn().unwrap();
    let parallel = ingest().spawn().unwrap();
    let other = case
        .two
        .then(|| join_command(landing.path()).spawn().unwrap());
    let hit = end_crashing(crashing, case, || {
        run_successfully(join_command(landing.path()));
    });
    for child in [Some(parallel), other].into_iter().flatten() {
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{}: {said}", case.point);
    }
    let check = || {
        assert_exact(&address, &topic, landing.path());
        let folder = landing.path().to_str().unwrap();
        run_successfully(program_command(&["verify", "--landing", folder]));
    };
    check();
    run_successfully(join_command(landing.path()));
    produce_mixed(&address, &topic, 3, 60, "last");
    run_successfully(ingest());
    check();
    assert_small_files_are_deleted(&landing.path().join(&topic));
    hit
}

/// Every small file that was joined is deleted, except the last of each partition, and
/// `_joined` has only files that an entry names.
fn assert_small_files_are_deleted(folder: &Path) {
    let joined = joined_entries(folder);
    assert!(!joined.is_empty());
    let mut files = 0;
    for entry in &joined {
        let rows = entry["body"]["rows"]["parts"].as_array().unwrap();
        let last: BTreeMap<i64, &str> = rows
            .iter()
            .map(|part| {
                (
                    part["partition"].as_i64().unwrap(),
                    part["path"].as_str().unwrap(),
                )
            })
            .collect();
        for kind in ["rows", "rejects"] {
            let file = &entry["body"][kind];
            files += usize::from(file.is_object());
            for part in file["parts"].as_array().into_iter().flatten() {
                let path = part["path"].as_str().unwrap();
                let stays = last.values().any(|last| *last == path);
                assert_eq!(folder.join(path).exists(), stays, "{path}");
            }
        }
    }
    assert!(files > 0);
}

/// Reads the entries of the ledger of joined files as plain JSON.
pub(crate) fn joined_entries(folder: &Path) -> Vec<Value> {
    let ledger = folder.join("_joined/_ledger");
    (0..)
        .map(|seq| ledger.join(format!("{seq:020}.json")))
        .take_while(|path| path.exists())
        .map(|path| serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())
        .collect()
}

#[test]
fn nothing_is_lost_or_repeated_wherever_joining_ends() {
    let mut cases = Vec::new();
    for action in ["kill", "stop"] {
        for two in [false, true] {
            cases.extend(POINTS.iter().map(|point| Case { point, two, action }));
        }
    }
    let hits = parallel::run_cases(&cases, run_case);
    for (case, hit) in cases.iter().zip(&hits) {
        assert!(*hit || case.two, "{} was not passed", case.point);
    }
    let hit = hits.iter().filter(|hit| **hit).count();
    print_line(&format!(
        "{} cases, {hit} hit: 0 lost, 0 repeated",
        cases.len()
    ));
}
