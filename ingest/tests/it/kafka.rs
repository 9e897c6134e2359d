//! Tests against Apache Kafka, for what the mock cluster cannot do: transactions,
//! compaction, retention, brokers that fail, topics that change.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use serde_json::Value;
use sluice_kafka_sandbox::{Broker, Installation};
use sluice_service::crash::{ACTION_VARIABLE, POINT_VARIABLE};

use crate::apache::{shared_broker, start_broker};
use crate::checker::{assert_exact, ledger_entries, topic_records};
use crate::cluster::{Cluster as _, topic_name};
use crate::process::{
    ingest_command, program_command, run_failing, run_successfully, send_signal, wait_until_stopped,
};
use crate::records::produce_mixed;
use crate::wait::wait_until;

/// Only keeps a test from hanging forever.
const PATIENCE: Duration = Duration::from_secs(120);

fn last_batch(landing: &Path, topic: &str) -> Value {
    ledger_entries(&landing.join(topic)).pop().unwrap()["body"].take()
}

fn topic_lag(broker: &Broker, landing: &Path) -> i64 {
    let args = [
        "status",
        "--bootstrap-servers",
        broker.address(),
        "--landing",
        landing.to_str().unwrap(),
        "--output",
        "json",
    ];
    let status: Value = serde_json::from_str(&run_successfully(program_command(&args))).unwrap();
    status[0]["lag"].as_i64().unwrap()
}

/// Waits until a consumer of committed records can read up to these offsets: the
/// broker confirms the end of a transaction before it writes the markers.
fn wait_until_readable(broker: &Broker, topic: &str, ends: &[(i32, i64)]) {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", broker.address())
        .set("isolation.level", "read_committed")
        .create()
        .unwrap();
    let wait = PATIENCE;
    for (partition, end) in ends {
        wait_until("the markers are written", || {
            let marks = consumer.fetch_watermarks(topic, *partition, wait);
            marks.unwrap().1 >= *end
        });
    }
}

#[test]
fn aborted_transactions_do_not_land_and_leave_no_lag() {
    let Some(broker) = shared_broker() else {
        return;
    };
    let topic = broker.new_topic(2);
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", broker.address())
        .set("transactional.id", &topic)
        // Longer than transactions stay open here, on any machine.
        .set("transaction.timeout.ms", "600000")
        .create()
        .unwrap();
    let wait = PATIENCE;
    producer.init_transactions(wait).unwrap();
    let landing = tempfile::tempdir().unwrap();
    for round in 0..6 {
        producer.begin_transaction().unwrap();
        for at in 0..20 {
            let value = format!("{{\"round\":{round},\"at\":{at}}}");
            let record = BaseRecord::to(&topic)
                .partition(at % 2)
                .key("k")
                .payload(&value);
            producer.send(record).map_err(|(error, _)| error).unwrap();
        }
        producer.flush(wait).unwrap();
        if round % 3 == 1 {
            producer.abort_transaction(wait).unwrap();
        } else {
            producer.commit_transaction(wait).unwrap();
        }
        // Ten records and a marker in each round.
        let end = 11 * (i64::from(round) + 1);
        wait_until_readable(broker, &topic, &[(0, end), (1, end)]);
        run_successfully(ingest_command(
            broker.address(),
            &topic,
            landing.path(),
            &[],
        ));
        assert_eq!(topic_lag(broker, landing.path()), 0, "after round {round}");
    }
    assert_eq!(assert_exact(broker.address(), &topic, landing.path()), 80);
    let next = last_batch(landing.path(), &topic)["next"].clone();
    assert_eq!(next, serde_json::json!({"0": 66, "1": 66}));
    // All at once, across the gaps: the runs give the lines their offsets.
    let whole = tempfile::tempdir().unwrap();
    run_successfully(ingest_command(broker.address(), &topic, whole.path(), &[]));
    assert_eq!(assert_exact(broker.address(), &topic, whole.path()), 80);
    let runs = last_batch(whole.path(), &topic)["ranges"][0]["runs"].clone();
    assert_eq!(runs.as_array().unwrap().len(), 4, "{runs}");
    // A replay that ends after an aborted transaction ends, and reports that
    // offset as its next.
    let part = tempfile::tempdir().unwrap();
    let args = [
        "replay",
        "--bootstrap-servers",
        broker.address(),
        "--topic",
        &topic,
    ];
    let args = [&args[..], &["--from", "0", "--to", "22", "--landing"]].concat();
    let text = run_successfully(program_command(
        &[&args[..], &[part.path().to_str().unwrap()]].concat(),
    ));
    assert!(text.contains("20 rows, 0 rejects"), "{text}");
    let ends = last_batch(part.path(), &topic)["next"].clone();
    assert_eq!(ends, serde_json::json!({"0": 22, "1": 22}));
    // Ingest does not read past an open transaction.
    producer.begin_transaction().unwrap();
    let record = BaseRecord::to(&topic).partition(0).key("k").payload("{}");
    producer.send(record).map_err(|(error, _)| error).unwrap();
    producer.flush(wait).unwrap();
    run_successfully(ingest_command(
        broker.address(),
        &topic,
        landing.path(),
        &[],
    ));
    assert_eq!(last_batch(landing.path(), &topic)["next"], next);
    producer.commit_transaction(wait).unwrap();
    wait_until_readable(broker, &topic, &[(0, 68)]);
    run_successfully(ingest_command(
        broker.address(),
        &topic,
        landing.path(),
        &[],
    ));
    assert_eq!(assert_exact(broker.address(), &topic, landing.path()), 81);
}

#[test]
fn compaction_leaves_gaps_that_are_runs() {
    let Some(broker) = shared_broker() else {
        return;
    };
    let topic = topic_name();
    broker
        .create_topic_with(
            &topic,
            1,
            &[
                ("cleanup.policy", "compact"),
                ("segment.ms", "500"),
                ("min.cleanable.dirty.ratio", "0.01"),
                ("delete.retention.ms", "100"),
            ],
        )
        .unwrap();
    let values: Vec<String> = (0..30).map(|at| format!("{{\"n\":{at}}}")).collect();
    let records = values.iter().enumerate().map(|(at, value)| {
        let key = if at == 0 {
            "first"
        } else {
            ["a", "b", "c"][at % 3]
        };
        (Some(key), value.as_str())
    });
    broker.produce_records(&topic, records).unwrap();
    wait_until("the broker has compacted the topic", || {
        // A new record closes the segment before it, once that is old enough.
        broker.produce_records(&topic, [(Some("z"), "{}")]).unwrap();
        // What is compacted later would be missing when the records are compared.
        let before = topic_records(broker.address(), &topic).len();
        std::thread::sleep(Duration::from_secs(5));
        before < 15 && topic_records(broker.address(), &topic).len() == before
    });
    let landing = tempfile::tempdir().unwrap();
    run_successfully(ingest_command(
        broker.address(),
        &topic,
        landing.path(),
        &[],
    ));
    assert_exact(broker.address(), &topic, landing.path());
    assert_eq!(topic_lag(broker, landing.path()), 0);
    let batch = last_batch(landing.path(), &topic);
    assert!(batch["ranges"][0]["runs"].as_array().is_some(), "{batch}");
}

#[test]
fn retention_that_overtakes_us_stops_ingest_until_the_loss_is_accepted() {
    let Some(broker) = shared_broker() else {
        return;
    };
    let topic = broker.new_topic(1);
    let landing = tempfile::tempdir().unwrap();
    produce_mixed(broker.address(), &topic, 1, 10, "a");
    run_successfully(ingest_command(
        broker.address(),
        &topic,
        landing.path(),
        &[],
    ));
    produce_mixed(broker.address(), &topic, 1, 20, "b");
    broker.delete_records(&topic, &[(0, 17)]).unwrap();
    let said = run_failing(
        ingest_command(broker.address(), &topic, landing.path(), &[]),
        10,
    );
    assert!(
        said.contains("7 records") && said.contains("offset 17"),
        "{said}"
    );
    let accept = ["--accept-data-loss"];
    let text = run_successfully(ingest_command(
        broker.address(),
        &topic,
        landing.path(),
        &accept,
    ));
    assert!(text.contains("7 offsets lost"), "{text}");
    let batch = last_batch(landing.path(), &topic);
    assert_eq!(batch["holes"][0]["end"], 17);
    assert_eq!(batch["next"]["0"], 30);
    let output = landing.path().to_str().unwrap();
    run_successfully(program_command(&["verify", "--landing", output]));
    // A new ledger starts at the first offset that exists and loses nothing.
    let fresh = tempfile::tempdir().unwrap();
    run_successfully(ingest_command(broker.address(), &topic, fresh.path(), &[]));
    assert_exact(broker.address(), &topic, fresh.path());
}

#[test]
fn a_topic_that_was_made_again_is_not_taken_for_the_old_one() {
    let Some(broker) = shared_broker() else {
        return;
    };
    let topic = broker.new_topic(1);
    let landing = tempfile::tempdir().unwrap();
    produce_mixed(broker.address(), &topic, 1, 10, "a");
    run_successfully(ingest_command(
        broker.address(),
        &topic,
        landing.path(),
        &[],
    ));
    let batch = last_batch(landing.path(), &topic);
    assert!(
        batch["topic_id"].is_string() && batch["cluster_id"].is_string(),
        "{batch}"
    );
    broker.delete_topic(&topic).unwrap();
    wait_until("the broker knows that the topic is gone", || {
        !broker.list_topics().unwrap().contains(&topic)
    });
    let said = run_failing(
        ingest_command(broker.address(), &topic, landing.path(), &[]),
        8,
    );
    assert!(said.contains("there is no topic"), "{said}");
    wait_until("the topic can be made again", || {
        broker.create_topic(&topic, 1).is_ok()
    });
    produce_mixed(broker.address(), &topic, 1, 50, "b");
    let said = run_failing(
        ingest_command(broker.address(), &topic, landing.path(), &[]),
        11,
    );
    assert!(said.contains("was deleted and recreated"), "{said}");
}

#[test]
fn offsets_that_went_backwards_stop_ingest() {
    let Some(broker) = shared_broker() else {
        return;
    };
    let topic = broker.new_topic(1);
    let landing = tempfile::tempdir().unwrap();
    produce_mixed(broker.address(), &topic, 1, 10, "a");
    run_successfully(ingest_command(
        broker.address(),
        &topic,
        landing.path(),
        &[],
    ));
    // Simulates a broker that lost records: the ledger has a higher offset.
    let entry = landing
        .path()
        .join(&topic)
        .join("_ledger/00000000000000000000.json");
    let text = std::fs::read_to_string(&entry).unwrap();
    std::fs::write(
        &entry,
        text.replace("\"next\":{\"0\":10}", "\"next\":{\"0\":99}"),
    )
    .unwrap();
    let said = run_failing(
        ingest_command(broker.address(), &topic, landing.path(), &[]),
        12,
    );
    assert!(said.contains("went backwards"), "{said}");
}

#[test]
fn partitions_that_are_added_land_too() {
    let Some(broker) = shared_broker() else {
        return;
    };
    let topic = broker.new_topic(1);
    let landing = tempfile::tempdir().unwrap();
    produce_mixed(broker.address(), &topic, 1, 30, "a");
    run_successfully(ingest_command(
        broker.address(),
        &topic,
        landing.path(),
        &[],
    ));
    broker.add_partitions(&topic, 3).unwrap();
    produce_mixed(broker.address(), &topic, 3, 60, "b");
    run_successfully(ingest_command(
        broker.address(),
        &topic,
        landing.path(),
        &[],
    ));
    assert_eq!(assert_exact(broker.address(), &topic, landing.path()), 90);
}

#[test]
fn two_runs_at_once_and_a_retry_repeat_nothing() {
    let Some(broker) = shared_broker() else {
        return;
    };
    let topic = broker.new_topic(3);
    let landing = tempfile::tempdir().unwrap();
    produce_mixed(broker.address(), &topic, 3, 3000, "a");
    let runs: Vec<_> = (0..2)
        .map(|_| {
            let mut run = ingest_command(
                broker.address(),
                &topic,
                landing.path(),
                &["--roll-size", "8KiB"],
            );
            run.spawn().unwrap()
        })
        .collect();
    for run in runs {
        assert!(run.wait_with_output().unwrap().status.success());
    }
    let twice = ["--run-id", "hourly"];
    run_successfully(ingest_command(
        broker.address(),
        &topic,
        landing.path(),
        &twice,
    ));
    produce_mixed(broker.address(), &topic, 3, 300, "b");
    let text = run_successfully(ingest_command(
        broker.address(),
        &topic,
        landing.path(),
        &twice,
    ));
    assert!(text.contains("already committed"), "{text}");
    run_successfully(ingest_command(
        broker.address(),
        &topic,
        landing.path(),
        &[],
    ));
    assert_eq!(assert_exact(broker.address(), &topic, landing.path()), 3300);
}

#[test]
fn a_broker_that_restarts_in_mid_window_costs_nothing() {
    let Some(broker) = start_broker() else { return };
    let topic = broker.new_topic(2);
    let landing = tempfile::tempdir().unwrap();
    let log = landing.path().join("log");
    // A run that is stopped by a signal after this many records.
    let halted = |records: usize, end: [&str; 2]| {
        let args = ["--bootstrap-servers", broker.address(), "--topic", &topic];
        let output = ["--landing", landing.path().to_str().unwrap()];
        let mut run = program_command(&[&args[..], &output, &end].concat())
            .env(POINT_VARIABLE, format!("landing.3@{records}"))
            .env(ACTION_VARIABLE, "stop")
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        assert!(
            wait_until_stopped(&mut run),
            "{records} records were not taken"
        );
        run
    };
    let said = || std::fs::read_to_string(&log).unwrap();
    produce_mixed(broker.address(), &topic, 2, 500, "a");
    let mut run = halted(500, ["--max-records", "1000"]);
    broker.stop().unwrap();
    send_signal(&run, libc::SIGCONT);
    wait_until("the run notices that the broker is down", || {
        said().contains("no broker answers, retrying")
    });
    broker.restart().unwrap();
    produce_mixed(broker.address(), &topic, 2, 500, "b");
    assert!(run.wait().unwrap().success(), "{}", said());
    assert_eq!(assert_exact(broker.address(), &topic, landing.path()), 1000);
    assert_eq!(ledger_entries(&landing.path().join(&topic)).len(), 1);
    // A broker that stays down is an error. Nobody can say whether what was read is
    // still of this topic, so it is not committed; the next run reads it again.
    produce_mixed(broker.address(), &topic, 2, 100, "c");
    let mut run = halted(100, ["--duration", "20"]);
    broker.stop().unwrap();
    send_signal(&run, libc::SIGCONT);
    assert_eq!(run.wait().unwrap().code(), Some(4), "{}", said());
    broker.restart().unwrap();
    run_successfully(ingest_command(
        broker.address(),
        &topic,
        landing.path(),
        &[],
    ));
    assert_eq!(assert_exact(broker.address(), &topic, landing.path()), 1100);
}

#[test]
fn tls_and_passwords_work_and_stay_secret() {
    let Some(installation) = Installation::find().unwrap() else {
        return;
    };
    let (broker, secure) = Broker::start_secure(&installation, &[]).unwrap();
    broker.create_topic("secure", 1).unwrap();
    produce_mixed(broker.address(), "secure", 1, 30, "a");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("client.properties");
    let landing = folder.path().join("landing");
    let with = |password: &str| {
        let text = format!(
            "security.protocol=SASL_SSL\nsasl.mechanism=SCRAM-SHA-512\nsasl.username={}\n\
             sasl.password={password}\nssl.ca.location={}\n",
            secure.user,
            secure.ca.display()
        );
        std::fs::write(&file, text).unwrap();
        let args = ["--bootstrap-servers", &secure.address, "--topic", "secure"];
        let more = [
            "--until-caught-up",
            "--timeout",
            "60s",
            "--log-level",
            "debug",
        ];
        let (file, landing) = (file.to_str().unwrap(), landing.to_str().unwrap());
        let files = ["--kafka-properties", file, "--landing", landing];
        program_command(&[&args[..], &more[..], &files[..]].concat())
    };
    let said = run_failing(with("a-wrong-password"), 4);
    assert!(
        said.contains("does not accept the user or the password"),
        "{said}"
    );
    assert!(!said.contains("a-wrong-password"), "{said}");
    let output = with(secure.password).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    assert!(!said.contains(secure.password), "{said}");
    assert_eq!(assert_exact(broker.address(), "secure", &landing), 30);
}
