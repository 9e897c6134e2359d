//! Tests of produce-events as a process, with Apache Kafka.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;

use serde_json::Value;
use sluice_kafka_sandbox::{Broker, Installation, Record, SecureListener};

/// One broker for all tests that do not stop or change it.
fn broker() -> Option<&'static (Broker, SecureListener)> {
    static BROKER: OnceLock<Option<(Broker, SecureListener)>> = OnceLock::new();
    BROKER
        .get_or_init(|| {
            let kafka = Installation::find().unwrap()?;
            Some(Broker::start_secure(&kafka, &[]).unwrap())
        })
        .as_ref()
}

fn command(servers: &str, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_produce-events"));
    command
        .args(args)
        .args(["--output", "json"])
        .env("KAFKA_BOOTSTRAP_SERVERS", servers)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn ended(output: Output) -> (i32, Value, String) {
    let err = String::from_utf8(output.stderr).unwrap();
    let json =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {err}"));
    (output.status.code().unwrap(), json, err)
}

fn run(servers: &str, args: &[&str]) -> (i32, Value, String) {
    ended(command(servers, args).output().unwrap())
}

fn signal(child: &Child, name: &str) {
    let status = Command::new("kill")
        .args([format!("-{name}"), child.id().to_string()])
        .status()
        .unwrap();
    assert!(status.success());
}

/// Keys and values by partition, in their order.
fn by_partition(records: &[Record]) -> BTreeMap<i32, Vec<(&str, &str)>> {
    let mut partitions = BTreeMap::<_, Vec<_>>::new();
    for record in records {
        let key = record.key.as_deref().unwrap();
        partitions
            .entry(record.partition)
            .or_default()
            .push((key, record.value.as_str()));
    }
    partitions
}

fn keys(records: &[Record]) -> HashMap<&str, i32> {
    records
        .iter()
        .map(|record| (record.key.as_deref().unwrap(), record.partition))
        .collect()
}

#[test]
fn a_bulk_arrives_and_can_be_made_again() {
    let Some((broker, _)) = broker() else { return };
    let servers = broker.address();
    let mut args = vec![
        "user-events",
        "--bulk",
        "--count",
        "2000",
        "--users",
        "40",
        "--partitions",
        "5",
    ];
    args.extend([
        "--duplicate-permille",
        "20",
        "--malformed-permille",
        "20",
        "--late-permille",
        "20",
    ]);
    let (code, json, err) = run(servers, &[&args[..], &["--topic", "made"]].concat());
    assert_eq!(code, 0, "{err}");
    assert_eq!(json["topic_created"], true);
    assert_eq!(json["topic_partitions"], 5);
    let made = broker.consume_count("made", 2_000).unwrap();
    assert_eq!(made.len(), 2_000);
    assert_eq!(json["acknowledged"], 2_000);
    let ends: BTreeMap<i64, i64> = made
        .iter()
        .map(|record| (record.partition.into(), record.offset))
        .collect();
    let reported: BTreeMap<i64, i64> = json["partitions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| {
            (
                p["partition"].as_i64().unwrap(),
                p["last_offset"].as_i64().unwrap(),
            )
        })
        .collect();
    assert_eq!(reported, ends);

    // Events have their customer's id as key; the other records are counted.
    let mut no_events = 0;
    let mut times = Vec::new();
    for record in &made {
        match serde_json::from_str::<Value>(&record.value) {
            Ok(Value::Object(event)) => {
                assert_eq!(event["user_id"].as_str(), record.key.as_deref());
                times.extend(event["timestamp"].as_str().map(str::to_owned));
            }
            _ => no_events += 1,
        }
    }
    let malformed = &json["malformed"];
    let wrong_type = malformed["wrong_type"].as_u64().unwrap();
    assert_eq!(no_events + wrong_type, malformed["total"].as_u64().unwrap());
    assert!(no_events > 0);
    times.sort_unstable();
    times.retain(|time| time.ends_with('Z'));
    assert!(json["first_timestamp"].as_str().unwrap()[..19] <= times[0][..19]);
    assert!(times[0] < times[times.len() - 1]);

    let again = json["again_with"].as_str().unwrap();
    let args: Vec<&str> = ["user-events", "--topic", "again", "--partitions", "5"]
        .into_iter()
        .chain(again.split(' '))
        .collect();
    let (code, _, err) = run(servers, &args);
    assert_eq!(code, 0, "{err}");
    let again = broker.consume_count("again", 2_000).unwrap();
    assert_eq!(by_partition(&made), by_partition(&again));

    // The other topic has the same customers, although its seed differs.
    let args = [
        "transaction-events",
        "--bulk",
        "--count",
        "1000",
        "--users",
        "40",
    ];
    let (code, json, err) = run(servers, &args);
    assert_eq!(code, 0, "{err}");
    assert_eq!(
        (&json["topic"], &json["topic_partitions"]),
        (&"transaction_events".into(), &3.into())
    );
    let bought = broker.consume_count("transaction_events", 1_000).unwrap();
    let (made, bought) = (keys(&made), keys(&bought));
    assert_eq!(
        made.keys().collect::<HashSet<_>>(),
        bought.keys().collect::<HashSet<_>>()
    );

    // Java's producer puts the same keys into the same partitions.
    broker.create_topic("by_java", 5).unwrap();
    broker
        .produce_records("by_java", made.keys().map(|key| (Some(*key), "{}")))
        .unwrap();
    let by_java = broker.consume_count("by_java", made.len()).unwrap();
    assert_eq!(keys(&by_java), made);
}

#[test]
fn signals_end_a_run_with_an_honest_code() {
    let Some((broker, _)) = broker() else { return };
    let mut runs = Vec::new();
    for (topic, name, more) in [
        ("endless", "INT", &[][..]),
        ("counted", "TERM", &["--count", "1000000"]),
    ] {
        broker.create_topic(topic, 2).unwrap();
        let args = [&["user-events", "--rate", "50", "--topic", topic], more].concat();
        let child = command(broker.address(), &args).spawn().unwrap();
        runs.push((topic, name, child));
    }
    let mut codes = Vec::new();
    for (topic, name, child) in runs {
        while broker.end_offsets(topic).unwrap().values().sum::<i64>() == 0 {}
        signal(&child, name);
        let (code, json, err) = ended(child.wait_with_output().unwrap());
        assert_eq!(json["stopped"], true, "{err}");
        assert_eq!(json["unconfirmed"], 0, "{err}");
        let there: i64 = broker.end_offsets(topic).unwrap().values().sum();
        assert_eq!(json["acknowledged"], there, "{err}");
        codes.push(code);
    }
    assert_eq!(codes, [0, 5]);
}

#[test]
fn a_broker_that_is_killed_loses_and_repeats_nothing() {
    let Some(kafka) = Installation::find().unwrap() else {
        return;
    };
    let broker = Broker::start(&kafka, &[]).unwrap();
    broker.create_topic("user_events", 3).unwrap();
    let mut args = vec![
        "user-events",
        "--bulk",
        "--count",
        "20000",
        "--rate",
        "2000",
    ];
    args.extend(["--kafka-conf", "message.timeout.ms=600000"]);
    let child = command(broker.address(), &args).spawn().unwrap();
    while broker
        .end_offsets("user_events")
        .unwrap()
        .values()
        .sum::<i64>()
        == 0
    {}
    broker.kill().unwrap();
    broker.restart().unwrap();
    let (code, json, err) = ended(child.wait_with_output().unwrap());
    assert_eq!(code, 0, "{json:#} {err}");
    assert_eq!(json["acknowledged"], 20_000);
    let there: i64 = broker.end_offsets("user_events").unwrap().values().sum();
    assert_eq!(there, 20_000);
    let records = broker.consume_count("user_events", 20_000).unwrap();
    let different: HashSet<&str> = records.iter().map(|record| record.value.as_str()).collect();
    assert_eq!((records.len(), different.len()), (20_000, 20_000));
}

#[test]
fn tls_and_passwords_work_and_stay_secret() {
    let Some((broker, secure)) = broker() else {
        return;
    };
    broker.create_topic("secure", 1).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("client.properties");
    let try_with = |mechanism: &str, password: &str, ca: &str| {
        let text = format!(
            "bootstrap.servers={}\nsecurity.protocol=SASL_SSL\nsasl.mechanism={mechanism}\n\
             sasl.username={}\nsasl.password={password}\nssl.ca.location={ca}\n",
            secure.address, secure.user
        );
        fs::write(&file, text).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_produce-events"));
        command
            .args([
                "user-events",
                "--topic",
                "secure",
                "--bulk",
                "--count",
                "10",
            ])
            .args(["--output", "json", "--kafka-conf", "debug=security"])
            .arg("--kafka-properties")
            .arg(&file)
            .env_remove("KAFKA_BOOTSTRAP_SERVERS");
        let (code, json, err) = ended(command.output().unwrap());
        assert!(!format!("{json} {err}").contains(password), "{json} {err}");
        (code, json, err)
    };
    let ca = secure.ca.to_str().unwrap();
    for mechanism in ["SCRAM-SHA-512", "PLAIN"] {
        let (code, json, err) = try_with(mechanism, secure.password, ca);
        assert_eq!((code, &json["acknowledged"]), (0, &10.into()), "{err}");
    }
    for mechanism in ["SCRAM-SHA-512", "PLAIN"] {
        let (code, json, err) = try_with(mechanism, "a-wrong-password", ca);
        assert_eq!(code, 4, "{err}");
        let message = json["error"]["message"].as_str().unwrap();
        assert!(message.contains("uthentication"), "{message}");
    }
    // A wrong certificate: the system's.
    let (code, json, err) = try_with("PLAIN", secure.password, "probe");
    assert_eq!(code, 4, "{err}");
    let message = json["error"]["message"].as_str().unwrap();
    assert!(message.contains("certificate"), "{message}");
    assert_eq!(broker.end_offsets("secure").unwrap()[&0], 20);
}
