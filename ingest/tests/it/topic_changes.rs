//! Tests against Apache Kafka of what a run must not take for progress: a topic that
//! is made again while it runs, open transactions, events from the future, records
//! whose times are out of order, topics and brokers that are not there.

use std::fs::File;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use serde_json::Value;
use sluice_service::crash::{ACTION_VARIABLE, POINT_VARIABLE};

use crate::apache::shared_broker;
use crate::checker::{assert_exact, ledger_entries};
use crate::cluster::{Cluster as _, topic_name};
use crate::process::{
    ingest_command, program_command, run_failing, run_successfully, send_signal, wait_until_stopped,
};
use crate::records::produce_mixed;
use crate::wait::{wait_until, wait_until_landed};

/// 2026-11-24T10:00:00Z in milliseconds.
const TEN: i64 = 1_795_514_400_000;

/// Long enough for a busy machine to read a hundred records.
const WINDOW: Duration = Duration::from_secs(20);

/// An address at which nothing listens.
const NOWHERE: &str = "127.0.0.1:1";

/// Only keeps a test from hanging forever.
const PATIENCE: Duration = Duration::from_secs(120);

fn producer(address: &str, settings: &[(&str, &str)]) -> BaseProducer {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", address);
    for (key, value) in settings {
        config.set(*key, *value);
    }
    config.create().unwrap()
}

/// Sends a record with its own time, in milliseconds since the Unix epoch.
fn send_at(producer: &BaseProducer, topic: &str, millis: i64, value: &str) {
    let record = BaseRecord::to(topic)
        .partition(0)
        .key("k")
        .timestamp(millis)
        .payload(value);
    producer.send(record).map_err(|(error, _)| error).unwrap();
    producer.flush(PATIENCE).unwrap();
}

#[test]
fn a_topic_made_again_in_mid_run_commits_nothing_of_the_new_one() {
    let Some(broker) = shared_broker() else {
        return;
    };
    for follow in [false, true] {
        let topic = broker.new_topic(1);
        let landing = tempfile::tempdir().unwrap();
        let log = landing.path().join("log");
        produce_mixed(broker.address(), &topic, 1, 100, "a");
        run_successfully(ingest_command(
            broker.address(),
            &topic,
            landing.path(),
            &[],
        ));
        produce_mixed(broker.address(), &topic, 1, 100, "b");
        // Halted after it has taken the 100 new records of the old topic.
        let args = ["--bootstrap-servers", broker.address(), "--topic", &topic];
        let output = ["--landing", landing.path().to_str().unwrap()];
        let seconds = WINDOW.as_secs().to_string();
        let mut window = vec!["--duration", seconds.as_str()];
        if follow {
            window.push("--follow");
        }
        let begun = Instant::now();
        let mut run = program_command(&[&args[..], &output, &window[..]].concat())
            .env(POINT_VARIABLE, "landing.3@100")
            .env(ACTION_VARIABLE, "stop")
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        assert!(wait_until_stopped(&mut run), "100 records were not taken");
        broker.delete_topic(&topic).unwrap();
        wait_until("the topic can be made again", || {
            broker.create_topic(&topic, 1).is_ok()
        });
        // The new topic has records at the offsets where the old one ended.
        produce_mixed(broker.address(), &topic, 1, 600, "c");
        // The run's window has passed when it continues.
        std::thread::sleep(WINDOW.saturating_sub(begun.elapsed()));
        send_signal(&run, libc::SIGCONT);
        let said = || std::fs::read_to_string(&log).unwrap();
        assert_eq!(run.wait().unwrap().code(), Some(11), "{}", said());
        assert!(said().contains("was deleted and recreated"), "{}", said());
        let entries = ledger_entries(&landing.path().join(&topic));
        assert_eq!(entries.len(), 1, "{}", said());
        assert_eq!(entries[0]["body"]["next"]["0"], 100);
    }
}

#[test]
fn a_topic_is_not_complete_behind_an_open_transaction_or_when_it_was_made_again() {
    let Some(broker) = shared_broker() else {
        return;
    };
    let topic = broker.new_topic(1);
    let landing = tempfile::tempdir().unwrap();
    let status = |more: &[&str]| {
        let args = ["status", "--bootstrap-servers", broker.address()];
        let folder = ["--landing", landing.path().to_str().unwrap()];
        program_command(&[&args[..], &folder, more].concat())
    };
    let state = || -> Value {
        serde_json::from_str(&run_successfully(status(&["--output", "json"]))).unwrap()
    };
    let ingest = || {
        run_successfully(ingest_command(
            broker.address(),
            &topic,
            landing.path(),
            &[],
        ));
    };
    // Everything up to this moment, which is years after the events.
    let complete = ["--complete-to", "2026-11-25T00:00:00Z"];
    produce_mixed(broker.address(), &topic, 1, 10, "a");
    let id = topic_name();
    let settings = [
        ("transactional.id", id.as_str()),
        // Longer than the transaction stays open here, on any machine.
        ("transaction.timeout.ms", "600000"),
    ];
    let transactions = producer(broker.address(), &settings);
    let wait = PATIENCE;
    transactions.init_transactions(wait).unwrap();
    transactions.begin_transaction().unwrap();
    send_at(
        &transactions,
        &topic,
        TEN,
        r#"{"timestamp":"2026-11-24T10:00:00Z"}"#,
    );
    ingest();
    assert_eq!(state()[0]["lag"], 1);
    let said = run_failing(status(&complete), 13);
    assert!(said.contains("not complete"), "{said}");
    transactions.commit_transaction(wait).unwrap();
    wait_until("the transaction has landed", || {
        ingest();
        state()[0]["lag"] == 0
    });
    run_successfully(status(&complete));
    // Made again, and empty: the old topic's ledger says nothing about it.
    broker.delete_topic(&topic).unwrap();
    let is_listed = || broker.list_topics().unwrap().contains(&topic);
    wait_until("the broker knows that the topic is gone", || !is_listed());
    wait_until("the topic can be made again", || {
        broker.create_topic(&topic, 1).is_ok()
    });
    wait_until("the broker knows the new topic", is_listed);
    let said = run_failing(status(&complete), 11);
    assert!(said.contains("was deleted and recreated"), "{said}");
    let state = state();
    assert!(
        state[0]["lag"].is_null() && state[0]["watermark"].is_null(),
        "{state}"
    );
    assert!(
        state[0]["problem"].as_str().unwrap().contains("recreated"),
        "{state}"
    );
}

#[test]
fn an_event_from_the_future_makes_nothing_complete() {
    let Some(broker) = shared_broker() else {
        return;
    };
    let topic = broker.new_topic(1);
    let landing = tempfile::tempdir().unwrap();
    let plain = producer(broker.address(), &[]);
    send_at(
        &plain,
        &topic,
        TEN,
        r#"{"timestamp":"2099-01-01T00:00:00Z"}"#,
    );
    for minute in 0..9 {
        let value = format!("{{\"timestamp\":\"2026-11-24T10:0{minute}:00Z\"}}");
        send_at(&plain, &topic, TEN + 60_000 * minute, &value);
    }
    // The first five: four older ones wait.
    let five = ["--bootstrap-servers", broker.address(), "--topic", &topic];
    let folder = ["--landing", landing.path().to_str().unwrap()];
    let said = run_successfully(program_command(
        &[&five[..], &folder, &["--max-records", "5"]].concat(),
    ));
    assert!(said.contains("1 events dated in the future"), "{said}");
    let args = ["status", "--bootstrap-servers", broker.address()];
    let status = |more: &[&str]| program_command(&[&args[..], &folder, more].concat());
    run_successfully(status(&["--complete-to", "2026-11-24T10:03:00Z"]));
    run_failing(status(&["--complete-to", "2026-11-24T10:04:00Z"]), 13);
}

#[test]
fn a_replay_by_time_finds_every_record_of_that_time() {
    let Some(broker) = shared_broker() else {
        return;
    };
    let topic = broker.new_topic(1);
    let plain = producer(broker.address(), &[]);
    let minute = 60_000;
    // One record is stamped 50 minutes ahead, others come late.
    for (at, offset) in [0, 1, 50, 2, 3, 20, 4].into_iter().enumerate() {
        send_at(
            &plain,
            &topic,
            TEN + offset * minute,
            &format!("{{\"n\":{at}}}"),
        );
    }
    let replay = |from: &str, to: &str| {
        let folder = tempfile::tempdir().unwrap();
        let args = ["replay", "--bootstrap-servers", broker.address()];
        let part = ["--topic", &topic, "--from", from, "--to", to, "--landing"];
        let command =
            program_command(&[&args[..], &part, &[folder.path().to_str().unwrap()]].concat());
        (folder, command)
    };
    let (_folder, command) = replay("2026-11-24T10:02:00Z", "2026-11-24T10:10:00Z");
    let said = run_successfully(command);
    assert!(said.contains("3 rows"), "{said}");
    let (folder, command) = replay("2026-11-24T10:00:00Z", "latest");
    let said = run_successfully(command);
    assert!(said.contains("7 rows"), "{said}");
    assert_exact(broker.address(), &topic, folder.path());
    let (_folder, command) = replay("2026-11-24T10:10:00Z", "2026-11-24T10:02:00Z");
    let said = run_failing(command, 2);
    assert!(said.contains("--from lies after --to"), "{said}");
}

#[test]
fn the_other_topics_of_a_service_continue_when_asked() {
    let Some(broker) = shared_broker() else {
        return;
    };
    let landing = tempfile::tempdir().unwrap();
    let log = landing.path().join("log");
    let topic = broker.new_topic(1);
    let mut service = program_command(&[
        "--bootstrap-servers",
        broker.address(),
        "--landing",
        landing.path().to_str().unwrap(),
        "--follow",
        "--on-topic-error",
        "continue",
        "--duration",
        "1",
        "--topic",
        &topic,
        "--topic",
        "not-there",
    ])
    .stderr(std::fs::File::create(&log).unwrap())
    .spawn()
    .unwrap();
    wait_until("the error is logged", || {
        std::fs::read_to_string(&log)
            .unwrap()
            .contains("the topic ended")
    });
    // What arrives afterwards lands.
    produce_mixed(broker.address(), &topic, 1, 30, "a");
    wait_until_landed(&landing.path().join(&topic), 30);
    send_signal(&service, libc::SIGTERM);
    assert_eq!(service.wait().unwrap().code(), Some(8));
}

#[test]
fn groups_and_services_end_with_what_is_wrong() {
    let Some(broker) = shared_broker() else {
        return;
    };
    let landing = tempfile::tempdir().unwrap();
    let folder = landing.path().to_str().unwrap();
    let run = |address: &str, more: &[&str]| {
        let args = ["--bootstrap-servers", address, "--landing", folder];
        // Where no broker answers, the run takes as long as this.
        let timeout = if address == NOWHERE { "10s" } else { "2m" };
        let rest = ["--timeout", timeout, "--duration", "2"];
        program_command(&[&args[..], &rest, more].concat())
    };
    let group = ["--group", "landing", "--topic", "not-there"];
    let said = run_failing(run(broker.address(), &group), 8);
    assert!(said.contains("there is no topic `not-there`"), "{said}");
    let said = run_failing(run(NOWHERE, &group), 4);
    assert!(said.contains("nothing listens at 127.0.0.1:1"), "{said}");
    for setting in [
        "group.protocol=consumer",
        "partition.assignment.strategy=cooperative-sticky",
    ] {
        let refused = [&group[..], &["--kafka-conf", setting]].concat();
        let said = run_failing(run(broker.address(), &refused), 2);
        assert!(said.contains("remove the setting"), "{said}");
    }
    run_failing(run(broker.address(), &["--run-id", "", "--topic", "t"]), 2);
    // A service of two topics, one of which does not exist: it ends, and what the
    // other has read is committed.
    let topic = broker.new_topic(1);
    produce_mixed(broker.address(), &topic, 1, 30, "a");
    let both = ["--follow", "--topic", &topic, "--topic", "not-there"];
    let said = run_failing(run(broker.address(), &both), 8);
    assert!(said.contains("the topic ended"), "{said}");
}
