//! Tests every crash point × {one run, two runs at once} × {SIGKILL, SIGSTOP and
//! resume}, with each kind of broker.

use std::os::unix::process::ExitStatusExt as _;

use sluice_service::crash::{ACTION_VARIABLE, POINT_VARIABLE};

use crate::apache::shared_broker;
use crate::checker::{assert_exact, ledger_entries};
use crate::cluster::Cluster;
use crate::mock::mock_broker;
use crate::parallel;
use crate::process::{
    ingest_command, print_line, program_command, run_successfully, send_signal, wait_until_stopped,
};
use crate::records::produce_mixed;

/// The points in the order in which a run passes them; `@n` means the nth time.
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

/// Which signal stops a run, and at which point.
struct Case {
    point: &'static str,
    /// Whether a second run is active at the same time.
    two: bool,
    action: &'static str,
}

/// How a case ended.
struct CaseResult {
    records: usize,
    /// Whether the run reached the point: with two runs, one may have nothing to do.
    hit: bool,
}

fn run_case(cluster: &dyn Cluster, case: &Case) -> CaseResult {
    let &Case { point, two, action } = case;
    let address = cluster.address();
    let topic = cluster.new_topic(3);
    let landing = tempfile::tempdir().unwrap();
    produce_mixed(&address, &topic, 3, 240, "first");
    // The ledger is not empty when the run starts.
    run_successfully(ingest_command(&address, &topic, landing.path(), SMALL));
    produce_mixed(&address, &topic, 3, 240, "second");

    let run = || ingest_command(&address, &topic, landing.path(), SMALL);
    let mut crashing = run();
    crashing
        .env(POINT_VARIABLE, point)
        .env(ACTION_VARIABLE, action);
    let mut crashing = crashing.spawn().unwrap();
    let mut other = two.then(|| run().spawn().unwrap());
    let hit = if action == "stop" {
        let hit = wait_until_stopped(&mut crashing);
        if hit {
            // The second run overtakes it, and so does a third.
            if let Some(other) = &mut other {
                assert!(other.wait().unwrap().success());
            }
            run_successfully(run());
            send_signal(&crashing, libc::SIGCONT);
        }
        let output = crashing.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{point}: {said}");
        hit
    } else {
        let status = crashing.wait().unwrap();
        let hit = status.signal() == Some(libc::SIGKILL);
        assert!(hit || status.success(), "{point}: {status}");
        hit
    };
    assert!(hit || two, "{point} was not passed");
    if let Some(mut other) = other {
        assert!(other.wait().unwrap().success());
    }
    produce_mixed(&address, &topic, 3, 60, "third");
    run_successfully(run());
    let records = assert_exact(&address, &topic, landing.path());
    assert_eq!(records, 540);
    assert!(!ledger_entries(&landing.path().join(&topic)).is_empty());
    run_successfully(program_command(&[
        "verify",
        "--landing",
        landing.path().to_str().unwrap(),
    ]));
    CaseResult { records, hit }
}

/// Runs every combination.
fn run_crash_matrix(cluster: &dyn Cluster) {
    let mut cases = Vec::new();
    for action in ["kill", "stop"] {
        for two in [false, true] {
            cases.extend(POINTS.iter().map(|point| Case { point, two, action }));
        }
    }
    let ended = parallel::run_cases(&cases, |case| run_case(cluster, case));
    let name = cluster.name();
    for (cases, ended) in cases.chunks(POINTS.len()).zip(ended.chunks(POINTS.len())) {
        let runs = if cases[0].two {
            "two runs at once"
        } else {
            "one run"
        };
        print_line(&format!(
            "{name}: {} points, {runs}, {}, {} hit: 0 lost, 0 repeated",
            cases.len(),
            cases[0].action,
            ended.iter().filter(|ended| ended.hit).count(),
        ));
    }
    print_line(&format!(
        "{name}: {} cases with {} records: 0 lost, 0 repeated",
        cases.len(),
        ended.iter().map(|ended| ended.records).sum::<usize>()
    ));
}

#[test]
fn nothing_is_lost_or_repeated_wherever_a_run_ends() {
    run_crash_matrix(mock_broker());
}

#[test]
fn nor_with_apache_kafka() {
    let Some(kafka) = shared_broker() else { return };
    run_crash_matrix(kafka);
}
