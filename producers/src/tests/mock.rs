//! Tests with librdkafka's mock cluster, whose brokers return scripted errors.

use std::collections::HashMap;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use rdkafka::{ClientConfig, Message as _, Offset, TopicPartitionList};
use sluice_service::signals::StopSignal;

use super::harness::{IMPATIENT, RunOutput, SharedText, run, run_impatiently, run_until, run_with};
use super::plan::plan;
use crate::source::EventSource;

const PARTITIONS: i32 = 3;
const ALL_BROKERS: i32 = -1;
const WAIT: Duration = Duration::from_secs(60);

type Cluster = MockCluster<'static, DefaultProducerContext>;

fn cluster() -> Cluster {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic("user_events", PARTITIONS, 1).unwrap();
    cluster
}

/// From now on the broker answers, but refuses producers the id that they need
/// to send.
fn takes_no_events(cluster: &Cluster) {
    let error = RDKafkaRespErr::RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE;
    cluster.request_errors(RDKafkaApiKey::InitProducerId, &[error; 10_000]);
}

fn bulk<'a>(servers: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let base = [
        "user-events",
        "--bootstrap-servers",
        servers,
        "--output",
        "json",
        "--bulk",
    ];
    [&base, more].concat()
}

/// Keys and values by partition, each in order.
type Content = HashMap<i32, Vec<(String, Vec<u8>)>>;

fn consumer(cluster: &Cluster) -> BaseConsumer {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", cluster.bootstrap_servers());
    config.set("group.id", "test");
    config.create().unwrap()
}

fn end(consumer: &BaseConsumer) -> i64 {
    (0..PARTITIONS)
        .map(|partition| {
            consumer
                .fetch_watermarks("user_events", partition, WAIT)
                .unwrap()
                .1
        })
        .sum()
}

fn content(cluster: &Cluster) -> Content {
    let consumer = consumer(cluster);
    let mut assignment = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        assignment
            .add_partition_offset("user_events", partition, Offset::Beginning)
            .unwrap();
    }
    consumer.assign(&assignment).unwrap();
    let mut content = Content::new();
    for _ in 0..end(&consumer) {
        let message = consumer.poll(WAIT).expect("a message").unwrap();
        let key = String::from_utf8(message.key().unwrap().to_vec()).unwrap();
        content
            .entry(message.partition())
            .or_default()
            .push((key, message.payload().unwrap().to_vec()));
    }
    content
}

/// What the same seed sends, as one list in order.
fn expected(args: &[&str]) -> Vec<(String, Vec<u8>)> {
    let plan = plan(args).unwrap();
    let mut source = EventSource::new(&plan);
    (0..plan.required_events())
        .map(|_| source.next_event())
        .map(|event| (event.key.to_string(), event.value))
        .collect()
}

/// Asserts that every event arrived once, and each customer's events in order.
fn assert_arrived(content: &Content, expected: &[(String, Vec<u8>)]) {
    let mut by_key: HashMap<&str, Vec<&[u8]>> = HashMap::new();
    for (key, value) in content.values().flatten() {
        by_key.entry(key).or_default().push(value);
    }
    let mut wanted: HashMap<&str, Vec<&[u8]>> = HashMap::new();
    for (key, value) in expected {
        wanted.entry(key).or_default().push(value);
    }
    assert!(
        by_key == wanted,
        "{} keys, {} wanted",
        by_key.len(),
        wanted.len()
    );
}

fn assert_balanced(ended: &RunOutput) {
    let json = ended.json();
    let number = |name: &str| json[name].as_u64().unwrap();
    assert_eq!(
        number("sent"),
        number("acknowledged") + number("failed") + number("unconfirmed"),
        "{json:#}"
    );
    let partitions = json["partitions"].as_array().unwrap();
    let events: u64 = partitions
        .iter()
        .map(|p| p["events"].as_u64().unwrap())
        .sum();
    assert_eq!(events, number("acknowledged"), "{json:#}");
    assert_eq!(json["exit_code"], ended.code);
}

const FIVE_THOUSAND: [&str; 11] = [
    "--count",
    "5000",
    "--seed",
    "4",
    "--until",
    "2026-03-01T00:00:00Z",
    "--duplicate-permille",
    "20",
    "--malformed-permille",
    "10",
    "--late-permille=30",
];

#[test]
fn a_bulk_arrives_as_the_seed_has_it() {
    let cluster = cluster();
    let servers = cluster.bootstrap_servers();
    let args = bulk(&servers, &FIVE_THOUSAND);
    let ended = run(&args);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_balanced(&ended);
    let json = ended.json();
    assert_eq!(json["acknowledged"], 5_000);
    assert_eq!(json["topic_partitions"], 3);
    assert_eq!(json["topic_created"], false);
    assert_eq!(json["seed"], 4);
    assert_eq!(json["until"], "2026-03-01T00:00:00Z");
    assert_eq!(json["error"], serde_json::Value::Null);
    for dirt in ["duplicates", "malformed"] {
        assert!(json[dirt]["total"].as_u64().unwrap() > 10, "{json:#}");
    }
    assert!(json["late"].as_u64().unwrap() > 50, "{json:#}");
    let expected = expected(&args);
    assert_eq!(
        json["bytes"],
        expected
            .iter()
            .map(|(_, value)| value.len() as u64)
            .sum::<u64>()
    );
    assert_arrived(&content(&cluster), &expected);
    assert!(ended.err.contains("seed 4"), "{}", ended.err);
}

#[test]
fn a_full_queue_is_waited_for() {
    let cluster = cluster();
    cluster
        .broker_round_trip_time(ALL_BROKERS, Duration::from_millis(20))
        .unwrap();
    let servers = cluster.bootstrap_servers();
    let mut args = bulk(&servers, &FIVE_THOUSAND);
    args.extend(["--kafka-conf", "queue.buffering.max.messages=100"]);
    let ended = run(&args);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_balanced(&ended);
    assert_arrived(&content(&cluster), &expected(&args));
}

#[test]
fn answers_that_are_lost_make_no_duplicates() {
    let cluster = cluster();
    let servers = cluster.bootstrap_servers();
    cluster.request_errors(
        RDKafkaApiKey::Produce,
        &[
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__TRANSPORT,
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
        ],
    );
    let args = bulk(&servers, &FIVE_THOUSAND);
    let ended = run(&args);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_balanced(&ended);
    assert_arrived(&content(&cluster), &expected(&args));
}

#[test]
fn a_broker_that_refuses_events_ends_the_run() {
    let cluster = cluster();
    let servers = cluster.bootstrap_servers();
    let errors = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED; 2_000];
    cluster.request_errors(RDKafkaApiKey::Produce, &errors);
    let mut args = bulk(&servers, &["--count", "100000000"]);
    // Small, so that events are refused long before all of them are in the queue.
    args.extend(["--kafka-conf", "queue.buffering.max.messages=100"]);
    let ended = run(&args);
    assert_eq!(ended.code, 4, "{ended:?}");
    assert_balanced(&ended);
    let json = ended.json();
    assert!(json["failed"].as_u64().unwrap() > 0, "{json:#}");
    assert!(json["sent"].as_u64().unwrap() < 100_000_000, "{json:#}");
    assert_eq!(json["failures"][0]["reason"], "topic authorization failed");
    assert_eq!(json["error"]["kind"], "unavailable");
    assert!(
        ended.err.contains("topic authorization failed"),
        "{}",
        ended.err
    );
}

#[test]
fn events_that_time_out_are_failures() {
    let cluster = cluster();
    let servers = cluster.bootstrap_servers();
    takes_no_events(&cluster);
    let mut args = bulk(&servers, &["--count", "10"]);
    args.extend(["--kafka-conf", "message.timeout.ms=1500"]);
    let ended = run(&args);
    assert_eq!(ended.code, 4, "{ended:?}");
    assert_balanced(&ended);
    assert_eq!(ended.json()["failed"], 10);
    assert_eq!(ended.json()["acknowledged"], 0);
}

/// Runs the program and asks it to stop once `events` are in the topic.
fn run_and_stop_after(cluster: &Cluster, args: &[&str], events: i64) -> RunOutput {
    let stop = StopSignal::new();
    let consumer = consumer(cluster);
    std::thread::scope(|scope| {
        let run = scope.spawn(|| run_until(args, &stop));
        while end(&consumer) < events && !run.is_finished() {
            std::thread::sleep(Duration::from_millis(10));
        }
        stop.request_stop();
        run.join().unwrap()
    })
}

#[test]
fn stopping_an_endless_run_is_its_proper_end() {
    let cluster = cluster();
    let servers = cluster.bootstrap_servers();
    let args = [
        "user-events",
        "--bootstrap-servers",
        &servers,
        "--rate",
        "200",
        "--output=json",
    ];
    let ended = run_and_stop_after(&cluster, &args, 20);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_balanced(&ended);
    let json = ended.json();
    assert_eq!(json["stopped"], true);
    assert_eq!(json["unconfirmed"], 0);
    assert_eq!(json["until"], serde_json::Value::Null);
    assert_eq!(
        end(&consumer(&cluster)) as u64,
        json["acknowledged"].as_u64().unwrap()
    );
}

#[test]
fn stopping_before_the_count_is_reached_is_not_success() {
    let cluster = cluster();
    let servers = cluster.bootstrap_servers();
    let args = bulk(
        &servers,
        &["--count", "1000000", "--rate", "500", "--seed", "8"],
    );
    let ended = run_and_stop_after(&cluster, &args, 20);
    assert_eq!(ended.code, 5, "{ended:?}");
    assert_balanced(&ended);
    let json = ended.json();
    assert_eq!(json["error"]["kind"], "killed");
    assert_eq!(json["unconfirmed"], 0);
    // The sent events are the first events of the seed.
    let sent = json["sent"].as_u64().unwrap();
    let until = json["until"].as_str().unwrap();
    let args = [
        "user-events",
        "--bulk",
        "--count",
        "1000000",
        "--seed",
        "8",
        "--until",
        until,
    ];
    let plan = plan(&args).unwrap();
    let mut source = EventSource::new(&plan);
    let expected: Vec<_> = (0..sent)
        .map(|_| source.next_event())
        .map(|event| (event.key.to_string(), event.value))
        .collect();
    assert_arrived(&content(&cluster), &expected);
    assert!(ended.err.contains("error: stopped after "), "{}", ended.err);
}

#[test]
fn after_the_bulk_a_stop_is_success() {
    let cluster = cluster();
    let servers = cluster.bootstrap_servers();
    let args = bulk(
        &servers,
        &["--count", "50", "--continue-after", "--interval", "0.01"],
    );
    let ended = run_and_stop_after(&cluster, &args, 60);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_balanced(&ended);
    assert!(ended.json()["sent"].as_u64().unwrap() >= 60);
}

#[test]
fn events_without_an_answer_are_not_called_sent() {
    let cluster = cluster();
    let servers = cluster.bootstrap_servers();
    takes_no_events(&cluster);
    let (stop, err) = (StopSignal::new(), SharedText::default());
    let args = bulk(&servers, &["--count", "1000000000"]);
    let ended = std::thread::scope(|scope| {
        let run = scope.spawn(|| run_with(&args, &stop, IMPATIENT, &err));
        while !err.read().contains(" in flight") && !run.is_finished() {
            std::thread::sleep(Duration::from_millis(10));
        }
        stop.request_stop();
        run.join().unwrap()
    });
    assert_eq!(ended.code, 5, "{ended:?}");
    assert_balanced(&ended);
    let json = ended.json();
    assert_eq!(json["acknowledged"], 0);
    assert!(json["unconfirmed"].as_u64().unwrap() > 0, "{json:#}");
    assert!(
        ended.err.contains("stopped before the broker acknowledged"),
        "{}",
        ended.err
    );
}

#[test]
fn a_count_of_live_events_ends_by_itself() {
    let cluster = cluster();
    let servers = cluster.bootstrap_servers();
    let args = [
        "user-events",
        "--bootstrap-servers",
        &servers,
        "--count",
        "5",
        "--interval",
        "10ms",
    ];
    let ended = run(&args);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(
        ended
            .out
            .starts_with("user_events: 5 events acknowledged, "),
        "{}",
        ended.out
    );
    assert!(
        ended.out.contains("5, 0 failed, 0 unconfirmed"),
        "{}",
        ended.out
    );
    assert_eq!(end(&consumer(&cluster)), 5);
}

#[test]
fn without_a_broker_the_reason_is_reported() {
    let args = [
        "user-events",
        "--bootstrap-servers",
        "127.0.0.1:1",
        "--output",
        "json",
    ];
    let ended = run_impatiently(&args);
    assert_eq!(ended.code, 4, "{ended:?}");
    assert_eq!(ended.json()["error"]["kind"], "unavailable");
    assert!(
        ended
            .err
            .contains("no broker at 127.0.0.1:1 answered within 10 s"),
        "{}",
        ended.err
    );
    assert!(ended.err.contains("Connection refused"), "{}", ended.err);
    assert!(ended.err.contains("--bootstrap-servers"), "{}", ended.err);
}

#[test]
fn settings_that_are_refused_show_no_secret() {
    let secret = "correct-horse-battery";
    for (setting, said) in [
        (
            "no.such.setting=1",
            "the Kafka setting no.such.setting cannot be 1",
        ),
        ("acks=1", "acks"),
        ("sasl.mechanism=NONSENSE", "NONSENSE"),
        (
            "sasl.jaas.config=x password=correct-horse-battery",
            "sasl.jaas.config",
        ),
    ] {
        let password = format!("sasl.password={secret}");
        let args = [
            "user-events",
            "--kafka-conf",
            &password,
            "--kafka-conf",
            setting,
            "--kafka-conf",
            "security.protocol=SASL_PLAINTEXT",
            "--output",
            "json",
        ];
        let ended = run_impatiently(&args);
        assert_eq!(ended.code, 2, "{setting}: {ended:?}");
        assert!(ended.err.contains(said), "{setting}: {}", ended.err);
        assert!(!format!("{ended:?}").contains(secret), "{ended:?}");
    }
}
