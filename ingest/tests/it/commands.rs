//! Runs the commands as users do, against the mock cluster.

use serde_json::Value;

use crate::checker::{assert_exact, entries};
use crate::cluster::Cluster as _;
use crate::mock::mock;
use crate::process::{command, fail, ingest, signal, succeed};
use crate::records::{produce, produce_some};
use crate::wait;

struct Case {
    address: String,
    topic: String,
    landing: tempfile::TempDir,
}

fn case(partitions: i32) -> Case {
    Case {
        address: mock().address(),
        topic: mock().topic(partitions),
        landing: tempfile::tempdir().unwrap(),
    }
}

impl Case {
    fn output(&self) -> &str {
        self.landing.path().to_str().unwrap()
    }

    fn ingest(&self, more: &[&str]) -> std::process::Command {
        ingest(&self.address, &self.topic, self.landing.path(), more)
    }

    fn json(&self, more: &[&str]) -> Value {
        let text = succeed(self.ingest(&[more, &["--format", "json"]].concat()));
        serde_json::from_str::<Value>(&text).unwrap()[0].take()
    }

    fn entries(&self) -> Vec<Value> {
        entries(&self.landing.path().join(&self.topic))
    }

    fn assert_exact(&self) -> usize {
        assert_exact(&self.address, &self.topic, self.landing.path())
    }

    fn status(&self, more: &[&str]) -> std::process::Command {
        let args = [
            "status",
            "--bootstrap-servers",
            &self.address,
            "--output",
            self.output(),
        ];
        command(&[&args, more].concat())
    }
}

#[test]
fn a_topic_lands_and_status_and_verify_agree() {
    let case = case(3);
    produce_some(&case.address, &case.topic, 3, 300, "a");
    let report = case.json(&[]);
    assert_eq!(
        (report["rows"].as_u64(), report["rejects"].as_u64()),
        (Some(270), Some(30))
    );
    assert_eq!(case.assert_exact(), 300);
    // Without new records nothing is written.
    let report = case.json(&[]);
    assert_eq!(report["entries"].as_array().unwrap().len(), 0);
    produce_some(&case.address, &case.topic, 3, 30, "b");
    let text = succeed(case.ingest(&[]));
    assert!(
        text.contains("27 rows, 3 rejects") && text.contains("entry 1"),
        "{text}"
    );
    assert_eq!(case.assert_exact(), 330);
    let status = succeed(case.status(&[]));
    for part in [
        "rows        297",
        "rejects     33",
        "lag         0",
        "holes       none",
    ] {
        assert!(status.contains(part), "{status}");
    }
    let status: Value = serde_json::from_str(&succeed(case.status(&["--format", "json"]))).unwrap();
    assert_eq!(status[0]["partitions"][2]["next"], 110);
    let verified = succeed(command(&[
        "verify",
        "--broker",
        "--bootstrap-servers",
        &case.address,
        "--output",
        case.output(),
    ]));
    assert!(verified.contains("297 rows, 33 rejects") && verified.contains("no problems"));
    // The topic is caught up, so it is complete up to now.
    let hour = succeed(case.status(&["--watermark", "--complete-to", "2026-01-01"]));
    assert!(hour.starts_with(&case.topic), "{hour}");
    let said = fail(case.status(&["--complete-to", "2999-01-01"]), 13);
    assert!(said.contains("is not complete up to 2999"), "{said}");
}

#[test]
fn bounds_are_exact_and_the_next_run_goes_on_there() {
    let case = case(2);
    produce_some(&case.address, &case.topic, 2, 100, "a");
    for _ in 0..3 {
        let report = case.json(&["--max-records", "30"]);
        let records = report["rows"].as_u64().unwrap() + report["rejects"].as_u64().unwrap();
        assert_eq!(records, 30);
    }
    case.json(&["--max-bytes", "1"]);
    succeed(case.ingest(&[]));
    assert_eq!(case.assert_exact(), 100);
    assert_eq!(case.entries().len(), 5);
    assert_eq!(case.entries()[0]["body"]["closed_by"], "records");
}

#[test]
fn the_same_run_id_is_one_run() {
    let case = case(1);
    produce_some(&case.address, &case.topic, 1, 20, "a");
    let first = case.json(&["--run-id", "nightly"]);
    produce_some(&case.address, &case.topic, 1, 20, "b");
    let again = case.json(&["--run-id", "nightly"]);
    assert_eq!(again["already_run"], true);
    assert_eq!(again["rows"], first["rows"]);
    assert_eq!(again["entries"], first["entries"]);
    // A run that was killed before its commit is continued under the same id, and
    // its result covers all its batches.
    produce_some(&case.address, &case.topic, 1, 20, "c");
    let long = ["--run-id", "the next"];
    let mut killed = case.ingest(&long);
    killed.env("SLUICE_CRASH_POINT", "landing.6a");
    assert_eq!(killed.output().unwrap().status.code(), None);
    let resumed = case.json(&long);
    assert_eq!(resumed["already_run"], false);
    assert_eq!(case.json(&long)["rows"], resumed["rows"]);
    assert_eq!(case.assert_exact(), 60);
    // A run without records is recorded too.
    case.json(&["--run-id", "idle"]);
    assert_eq!(case.json(&["--run-id", "idle"])["already_run"], true);
}

#[test]
fn two_runs_at_once_share_the_work_without_repeating_it() {
    let case = case(3);
    produce_some(&case.address, &case.topic, 3, 600, "a");
    let runs: Vec<_> = (0..4).map(|_| case.ingest(&[]).spawn().unwrap()).collect();
    for run in runs {
        let output = run.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
    }
    assert_eq!(case.assert_exact(), 600);
}

#[test]
fn a_service_commits_batch_after_batch_and_drains_on_sigterm() {
    let case = case(2);
    produce_some(&case.address, &case.topic, 2, 50, "a");
    let args = [
        "--bootstrap-servers",
        &case.address,
        "--topic",
        &case.topic,
        "--output",
        case.output(),
        "--follow",
        "--duration",
        "0.3",
    ];
    let service = command(&args).spawn().unwrap();
    let folder = case.landing.path().join(&case.topic);
    let landed = |records| wait::landed(&folder, records);
    landed(50);
    produce_some(&case.address, &case.topic, 2, 70, "b");
    landed(120);
    produce_some(&case.address, &case.topic, 2, 10, "c");
    signal(&service, libc::SIGTERM);
    let output = service.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    succeed(case.ingest(&[]));
    assert_eq!(case.assert_exact(), 130);
}

#[test]
fn several_topics_have_ledgers_of_their_own() {
    let case = case(1);
    let second = mock().topic(2);
    produce_some(&case.address, &case.topic, 1, 10, "a");
    produce_some(&case.address, &second, 2, 20, "b");
    succeed(case.ingest(&["--topic", &second]));
    assert_eq!(case.assert_exact(), 10);
    assert_eq!(
        assert_exact(&case.address, &second, case.landing.path()),
        20
    );
    let status = succeed(case.status(&[]));
    assert!(
        status.contains(&second) && status.contains(&case.topic),
        "{status}"
    );
}

#[test]
fn where_a_new_ledger_begins_can_be_chosen() {
    let case = case(1);
    produce_some(&case.address, &case.topic, 1, 20, "a");
    succeed(case.ingest(&["--from-offset", "latest"]));
    produce_some(&case.address, &case.topic, 1, 5, "b");
    assert_eq!(case.json(&["--from-offset", "earliest"])["rows"], 5);
    let other = tempfile::tempdir().unwrap();
    let run = |begin: &str| {
        ingest(
            &case.address,
            &case.topic,
            other.path(),
            &["--from-offset", begin],
        )
    };
    let said = fail(run("99"), 2);
    assert!(said.contains("there is no offset 99"), "{said}");
    let text = succeed(run("15"));
    assert!(text.contains("9 rows, 1 rejects"), "{text}");
}

#[test]
fn a_part_can_be_replayed_into_a_folder_of_its_own() {
    let case = case(2);
    produce_some(&case.address, &case.topic, 2, 100, "a");
    succeed(case.ingest(&[]));
    let repair = tempfile::tempdir().unwrap();
    let args = [
        "replay",
        "--bootstrap-servers",
        &case.address,
        "--topic",
        &case.topic,
        "--output",
        repair.path().to_str().unwrap(),
        "--from",
        "10",
        "--to",
        "20",
    ];
    let text = succeed(command(&args));
    assert!(text.contains("18 rows, 2 rejects"), "{text}");
    let said = fail(command(&args), 2);
    assert!(said.contains("has a ledger already"), "{said}");
    assert_eq!(case.assert_exact(), 100);
}

#[test]
fn an_envelope_keeps_the_value_unchanged() {
    let case = case(1);
    let value = b"{ \"a\" : 1.0e2 , \"u\":\"\\u00e9\" }";
    produce(&case.address, &case.topic, [(0, Some(&value[..]))]);
    succeed(case.ingest(&["--envelope"]));
    let folder = case.landing.path().join(&case.topic);
    let path = case.entries()[0]["body"]["ranges"][0]["file"]["path"].clone();
    let line = std::fs::read(folder.join(path.as_str().unwrap())).unwrap();
    assert!(line.windows(value.len()).any(|part| part == value));
    let envelope: Value = serde_json::from_slice(&line).unwrap();
    assert_eq!(envelope["key"], "key-0");
    assert_eq!(envelope["offset"], 0);
    assert!(envelope["timestamp_ms"].as_i64().unwrap() > 1_600_000_000_000);
}

#[test]
fn what_is_damaged_is_found() {
    let case = case(1);
    produce_some(&case.address, &case.topic, 1, 20, "a");
    succeed(case.ingest(&[]));
    let folder = case.landing.path().join(&case.topic);
    let path = case.entries()[0]["body"]["ranges"][0]["file"]["path"].clone();
    let path = folder.join(path.as_str().unwrap());
    let verify = || command(&["verify", "--output", case.output()]);
    let mut text = std::fs::read(&path).unwrap();
    text[3] ^= 1;
    std::fs::write(&path, &text).unwrap();
    let output = crate::process::run(verify());
    assert_eq!(output.status.code(), Some(3));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("has the checksum"), "{said}");
    std::fs::remove_file(&path).unwrap();
    let output = crate::process::run(verify());
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("is missing"), "{said}");
}

#[test]
fn each_error_has_its_code() {
    let case = case(1);
    produce_some(&case.address, &case.topic, 1, 5, "a");
    let no_broker = [
        "--bootstrap-servers",
        "127.0.0.1:1",
        "--topic",
        "t",
        "--timeout",
        "2s",
        "--output",
        case.output(),
    ];
    let said = fail(command(&no_broker), 4);
    assert!(
        said.contains("no broker of `127.0.0.1:1` answers"),
        "{said}"
    );
    fail(case.ingest(&["--kafka-conf", "no.such=1"]), 2);
    fail(
        case.ingest(&["--kafka-conf", "isolation.level=read_uncommitted"]),
        2,
    );
    fail(command(&["--output", case.output()]), 2);
    fail(
        command(&["status", "--topic", "nothing", "--output", case.output()]),
        8,
    );
    let blocked = case.landing.path().join("blocked");
    std::fs::write(&blocked, "").unwrap();
    fail(ingest(&case.address, &case.topic, &blocked, &[]), 9);
}
