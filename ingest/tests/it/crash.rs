//! Every crash point × {one run, two runs at once} × {SIGKILL, SIGSTOP and
//! resume}.

use std::os::unix::process::ExitStatusExt as _;

use sluice_process::crash::{ACTION, POINT};

use crate::checker::{assert_exact, entries};
use crate::cluster::Cluster as _;
use crate::mock::mock;
use crate::process::{command, ingest, signal, stopped, succeed, tell};
use crate::records::produce_some;

/// The points in the order in which a run passes them, some at a later passing.
const POINTS: &[&str] = &[
    "landing.1",
    "landing.2",
    "landing.3",
    "landing.3@77",
    "landing.3b",
    "landing.3b@3",
    "landing.5a",
    "landing.5a@4",
    "landing.5b",
    "landing.5b@5",
    "landing.5c",
    "landing.6a",
    "landing.6b",
    "landing.7a",
    "landing.7b",
];

const SMALL: &[&str] = &["--roll-size", "2KiB", "--compression", "zstd"];

fn case(point: &str, two: bool, action: &str) -> usize {
    let address = mock().address();
    let topic = mock().topic(3);
    let landing = tempfile::tempdir().unwrap();
    produce_some(&address, &topic, 3, 240, "first");
    // Something has landed before.
    succeed(ingest(&address, &topic, landing.path(), SMALL));
    produce_some(&address, &topic, 3, 240, "second");

    let run = || ingest(&address, &topic, landing.path(), SMALL);
    let mut crashing = run();
    crashing.env(POINT, point).env(ACTION, action);
    let mut crashing = crashing.spawn().unwrap();
    let mut other = two.then(|| run().spawn().unwrap());
    if action == "stop" {
        if stopped(&mut crashing) {
            // The other overtakes it, and so does a third.
            if let Some(other) = &mut other {
                assert!(other.wait().unwrap().success());
            }
            succeed(run());
            signal(&crashing, libc::SIGCONT);
        }
        let output = crashing.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{point}: {said}");
    } else {
        let status = crashing.wait().unwrap();
        let by_itself = two && status.success();
        assert!(
            status.signal() == Some(libc::SIGKILL) || by_itself,
            "{point} was not passed: {status}"
        );
    }
    if let Some(mut other) = other {
        assert!(other.wait().unwrap().success());
    }
    produce_some(&address, &topic, 3, 60, "third");
    succeed(run());
    let count = assert_exact(&address, &topic, landing.path());
    assert_eq!(count, 540);
    assert!(!entries(&landing.path().join(&topic)).is_empty());
    succeed(command(&[
        "verify",
        "--output",
        landing.path().to_str().unwrap(),
    ]));
    count
}

#[test]
fn nothing_is_lost_or_repeated_wherever_a_run_ends() {
    let mut cases = 0;
    let mut records = 0;
    for action in ["kill", "stop"] {
        for two in [false, true] {
            for point in POINTS {
                records += case(point, two, action);
                cases += 1;
            }
            let runs = if two { "two runs at once" } else { "one run" };
            tell(&format!(
                "{} points, {runs}, {action}: 0 lost, 0 repeated",
                POINTS.len()
            ));
        }
    }
    tell(&format!(
        "{cases} cases with {records} records: 0 lost, 0 repeated"
    ));
}
