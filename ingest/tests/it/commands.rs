//! Runs the commands as users do, against the mock cluster.

use serde_json::Value;

use crate::checker::{assert_exact, ledger_entries};
use crate::cluster::Cluster as _;
use crate::mock::mock_broker;
use crate::process::{ingest_command, program_command, run_failing, run_successfully, send_signal};
use crate::records::{produce_mixed, produce_records};
use crate::wait;

struct Case {
    address: String,
    topic: String,
    landing: tempfile::TempDir,
}

fn new_case(partitions: i32) -> Case {
    Case {
        address: mock_broker().address(),
        topic: mock_broker().new_topic(partitions),
        landing: tempfile::tempdir().unwrap(),
    }
}

impl Case {
    fn landing_path(&self) -> &str {
        self.landing.path().to_str().unwrap()
    }

    fn ingest_command(&self, more: &[&str]) -> std::process::Command {
        ingest_command(&self.address, &self.topic, self.landing.path(), more)
    }

    fn ingest_report(&self, more: &[&str]) -> Value {
        let text = run_successfully(self.ingest_command(&[more, &["--output", "json"]].concat()));
        serde_json::from_str::<Value>(&text).unwrap()[0].take()
    }

    fn ledger_entries(&self) -> Vec<Value> {
        ledger_entries(&self.landing.path().join(&self.topic))
    }

    fn assert_exact(&self) -> usize {
        assert_exact(&self.address, &self.topic, self.landing.path())
    }

    fn status_command(&self, more: &[&str]) -> std::process::Command {
        let args = [
            "status",
            "--bootstrap-servers",
            &self.address,
            "--landing",
            self.landing_path(),
        ];
        program_command(&[&args, more].concat())
    }
}

#[test]
fn a_topic_lands_and_status_and_verify_agree() {
    let case = new_case(3);
    produce_mixed(&case.address, &case.topic, 3, 300, "a");
    let report = case.ingest_report(&[]);
    assert_eq!(
        (report["rows"].as_u64(), report["rejects"].as_u64()),
        (Some(270), Some(30))
    );
    assert_eq!(case.assert_exact(), 300);
    // Without new records nothing is written.
    let report = case.ingest_report(&[]);
    assert_eq!(report["entries"].as_array().unwrap().len(), 0);
    produce_mixed(&case.address, &case.topic, 3, 30, "b");
    let text = run_successfully(case.ingest_command(&[]));
    assert!(
        text.contains("27 rows, 3 rejects") && text.contains("entry 1"),
        "{text}"
    );
    assert_eq!(case.assert_exact(), 330);
    let status = run_successfully(case.status_command(&[]));
    for part in [
        "rows        297",
        "rejects     33",
        "lag         0",
        "holes       none",
    ] {
        assert!(status.contains(part), "{status}");
    }
    let status: Value = serde_json::from_str(&run_successfully(
        case.status_command(&["--output", "json"]),
    ))
    .unwrap();
    assert_eq!(status[0]["partitions"][2]["next"], 110);
    let verified = run_successfully(program_command(&[
        "verify",
        "--broker",
        "--bootstrap-servers",
        &case.address,
        "--landing",
        case.landing_path(),
    ]));
    assert!(verified.contains("297 rows, 33 rejects") && verified.contains("no problems"));
    // The topic is caught up, so it is complete up to now.
    let hour =
        run_successfully(case.status_command(&["--watermark", "--complete-to", "2026-01-01"]));
    assert!(hour.starts_with(&case.topic), "{hour}");
    let said = run_failing(case.status_command(&["--complete-to", "2999-01-01"]), 13);
    assert!(said.contains("is not complete up to 2999"), "{said}");
}

#[test]
fn bounds_are_exact_and_the_next_run_goes_on_there() {
    let case = new_case(2);
    produce_mixed(&case.address, &case.topic, 2, 100, "a");
    for _ in 0..3 {
        let report = case.ingest_report(&["--max-records", "30"]);
        let records = report["rows"].as_u64().unwrap() + report["rejects"].as_u64().unwrap();
        assert_eq!(records, 30);
    }
    case.ingest_report(&["--max-bytes", "1"]);
    run_successfully(case.ingest_command(&[]));
    assert_eq!(case.assert_exact(), 100);
    assert_eq!(case.ledger_entries().len(), 5);
    assert_eq!(case.ledger_entries()[0]["body"]["closed_by"], "records");
}

#[test]
fn the_same_run_id_is_one_run() {
    let case = new_case(1);
    produce_mixed(&case.address, &case.topic, 1, 20, "a");
    let first = case.ingest_report(&["--run-id", "nightly"]);
    produce_mixed(&case.address, &case.topic, 1, 20, "b");
    let again = case.ingest_report(&["--run-id", "nightly"]);
    assert_eq!(again["already_run"], true);
    assert_eq!(again["rows"], first["rows"]);
    assert_eq!(again["entries"], first["entries"]);
    // A run that was killed before its commit is continued under the same id, and
    // its result covers all its batches.
    produce_mixed(&case.address, &case.topic, 1, 20, "c");
    let long = ["--run-id", "the next"];
    let mut killed = case.ingest_command(&long);
    killed.env("SLUICE_CRASH_POINT", "landing.6a");
    assert_eq!(killed.output().unwrap().status.code(), None);
    let resumed = case.ingest_report(&long);
    assert_eq!(resumed["already_run"], false);
    assert_eq!(case.ingest_report(&long)["rows"], resumed["rows"]);
    assert_eq!(case.assert_exact(), 60);
    // A run without records is recorded too.
    case.ingest_report(&["--run-id", "idle"]);
    assert_eq!(
        case.ingest_report(&["--run-id", "idle"])["already_run"],
        true
    );
}

#[test]
fn two_runs_at_once_share_the_work_without_repeating_it() {
    let case = new_case(3);
    produce_mixed(&case.address, &case.topic, 3, 600, "a");
    let runs: Vec<_> = (0..4)
        .map(|_| case.ingest_command(&[]).spawn().unwrap())
        .collect();
    for run in runs {
        let output = run.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
    }
    assert_eq!(case.assert_exact(), 600);
}

#[test]
fn a_service_commits_batch_after_batch_and_drains_on_sigterm() {
    let case = new_case(2);
    produce_mixed(&case.address, &case.topic, 2, 50, "a");
    let args = [
        "--bootstrap-servers",
        &case.address,
        "--topic",
        &case.topic,
        "--landing",
        case.landing_path(),
        "--follow",
        "--duration",
        "0.3",
    ];
    let service = program_command(&args).spawn().unwrap();
    let folder = case.landing.path().join(&case.topic);
    let landed = |records| wait::wait_until_landed(&folder, records);
    landed(50);
    produce_mixed(&case.address, &case.topic, 2, 70, "b");
    landed(120);
    produce_mixed(&case.address, &case.topic, 2, 10, "c");
    send_signal(&service, libc::SIGTERM);
    let output = service.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    run_successfully(case.ingest_command(&[]));
    assert_eq!(case.assert_exact(), 130);
}

#[test]
fn several_topics_have_ledgers_of_their_own() {
    let case = new_case(1);
    let second = mock_broker().new_topic(2);
    produce_mixed(&case.address, &case.topic, 1, 10, "a");
    produce_mixed(&case.address, &second, 2, 20, "b");
    run_successfully(case.ingest_command(&["--topic", &second]));
    assert_eq!(case.assert_exact(), 10);
    assert_eq!(
        assert_exact(&case.address, &second, case.landing.path()),
        20
    );
    let status = run_successfully(case.status_command(&[]));
    assert!(
        status.contains(&second) && status.contains(&case.topic),
        "{status}"
    );
}

#[test]
fn where_a_new_ledger_begins_can_be_chosen() {
    let case = new_case(1);
    produce_mixed(&case.address, &case.topic, 1, 20, "a");
    run_successfully(case.ingest_command(&["--from-offset", "latest"]));
    produce_mixed(&case.address, &case.topic, 1, 5, "b");
    assert_eq!(
        case.ingest_report(&["--from-offset", "earliest"])["rows"],
        5
    );
    let other = tempfile::tempdir().unwrap();
    let run = |begin: &str| {
        ingest_command(
            &case.address,
            &case.topic,
            other.path(),
            &["--from-offset", begin],
        )
    };
    let said = run_failing(run("99"), 2);
    assert!(said.contains("there is no offset 99"), "{said}");
    let text = run_successfully(run("15"));
    assert!(text.contains("9 rows, 1 rejects"), "{text}");
}

#[test]
fn a_part_can_be_replayed_into_a_folder_of_its_own() {
    let case = new_case(2);
    produce_mixed(&case.address, &case.topic, 2, 100, "a");
    run_successfully(case.ingest_command(&[]));
    let repair = tempfile::tempdir().unwrap();
    let args = [
        "replay",
        "--bootstrap-servers",
        &case.address,
        "--topic",
        &case.topic,
        "--landing",
        repair.path().to_str().unwrap(),
        "--from",
        "10",
        "--to",
        "20",
    ];
    let text = run_successfully(program_command(&args));
    assert!(text.contains("18 rows, 2 rejects"), "{text}");
    let said = run_failing(program_command(&args), 2);
    assert!(said.contains("has a ledger already"), "{said}");
    assert_eq!(case.assert_exact(), 100);
}

#[test]
fn an_envelope_keeps_the_value_unchanged() {
    let case = new_case(1);
    let value = b"{ \"a\" : 1.0e2 , \"u\":\"\\u00e9\" }";
    produce_records(&case.address, &case.topic, [(0, Some(&value[..]))]);
    run_successfully(case.ingest_command(&["--envelope"]));
    let folder = case.landing.path().join(&case.topic);
    let path = case.ledger_entries()[0]["body"]["ranges"][0]["file"]["path"].clone();
    let line = std::fs::read(folder.join(path.as_str().unwrap())).unwrap();
    assert!(line.windows(value.len()).any(|part| part == value));
    let envelope: Value = serde_json::from_slice(&line).unwrap();
    assert_eq!(envelope["key"], "key-0");
    assert_eq!(envelope["offset"], 0);
    assert!(envelope["timestamp_ms"].as_i64().unwrap() > 1_600_000_000_000);
}

#[test]
fn what_is_damaged_is_found() {
    let case = new_case(1);
    produce_mixed(&case.address, &case.topic, 1, 20, "a");
    run_successfully(case.ingest_command(&[]));
    let folder = case.landing.path().join(&case.topic);
    let path = case.ledger_entries()[0]["body"]["ranges"][0]["file"]["path"].clone();
    let path = folder.join(path.as_str().unwrap());
    let verify = || program_command(&["verify", "--landing", case.landing_path()]);
    let mut text = std::fs::read(&path).unwrap();
    text[3] ^= 1;
    std::fs::write(&path, &text).unwrap();
    let output = crate::process::run_command(verify());
    assert_eq!(output.status.code(), Some(3));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("has the checksum"), "{said}");
    std::fs::remove_file(&path).unwrap();
    let output = crate::process::run_command(verify());
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("is missing"), "{said}");
}

#[test]
fn each_error_has_its_code() {
    let case = new_case(1);
    produce_mixed(&case.address, &case.topic, 1, 5, "a");
    let no_broker = [
        "--bootstrap-servers",
        "127.0.0.1:1",
        "--topic",
        "t",
        "--timeout",
        "10s",
        "--landing",
        case.landing_path(),
    ];
    let said = run_failing(program_command(&no_broker), 4);
    assert!(
        said.contains("no connection to the brokers of `127.0.0.1:1`"),
        "{said}"
    );
    run_failing(case.ingest_command(&["--kafka-conf", "no.such=1"]), 2);
    run_failing(
        case.ingest_command(&["--kafka-conf", "isolation.level=read_uncommitted"]),
        2,
    );
    run_failing(program_command(&["--landing", case.landing_path()]), 2);
    // The former names of the options.
    let said = run_failing(case.ingest_command(&["--format", "json"]), 2);
    assert!(said.contains("use --output json"), "{said}");
    let said = run_failing(case.ingest_command(&["--output", case.landing_path()]), 2);
    assert!(said.contains("the landing folder is --landing"), "{said}");
    run_failing(
        program_command(&[
            "status",
            "--topic",
            "nothing",
            "--landing",
            case.landing_path(),
        ]),
        8,
    );
    let blocked = case.landing.path().join("blocked");
    std::fs::write(&blocked, "").unwrap();
    run_failing(ingest_command(&case.address, &case.topic, &blocked, &[]), 9);
}
