//! Measures how fast ingest reads a topic of Apache Kafka, next to librdkafka's
//! bare consumer.
//!
//! For each record size the topic is read alternately by a consumer that drops
//! what it polls, and by ingest with durable files and ledger. The best of the
//! rounds is printed. Run it with `cargo bench -p sluice-ingest --bench ingest --
//! --records 1000000`; it needs Apache Kafka (see `docs/benchmarks.md`).

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a benchmark prints, and fails by panicking"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::{ClientConfig, Message as _, Offset, TopicPartitionList};
use sluice_ingest::{IngestOptions, RunLimits, ingest_topic};
use sluice_kafka_sandbox::{Broker, Installation};
use sluice_service::kafka::KafkaSettings;
use sluice_service::signals::StopSignal;
use sluice_storage::{StoreOptions, Stores};

const PARTITIONS: i32 = 3;
const ROUNDS: usize = 3;

/// The measurements of reading the topic once.
#[derive(Clone, Copy)]
struct BenchRun {
    records: u64,
    bytes: u64,
    wall: Duration,
    cpu: Duration,
}

impl BenchRun {
    fn records_per_second(&self) -> f64 {
        self.records as f64 / self.wall.as_secs_f64()
    }

    fn print_rates(&self, what: &str) {
        println!(
            "  {what:14} {:>9.0} records/s {:>7.1} MB/s {:>6.2} µs CPU/record",
            self.records_per_second(),
            self.bytes as f64 / 1e6 / self.wall.as_secs_f64(),
            self.cpu.as_secs_f64() * 1e6 / self.records as f64,
        );
    }
}

/// The CPU time of this process, over all threads.
fn cpu_time() -> Duration {
    // SAFETY: all zero is a valid value, and the call fills it.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &raw mut usage);
        usage
    };
    let time = |time: libc::timeval| {
        Duration::from_secs(time.tv_sec.unsigned_abs())
            + Duration::from_micros(time.tv_usec.unsigned_abs())
    };
    time(usage.ru_utime) + time(usage.ru_stime)
}

fn make_record(at: u64, size: usize) -> String {
    let mut text = format!(
        "{{\"event_id\":\"{at:032x}\",\"user_id\":\"user_{:05}\",\"event_type\":\"page_view\",\
         \"timestamp\":\"2026-11-{:02}T{:02}:{:02}:{:02}.{:06}Z\",\"price\":{}.99,\
         \"in_cart\":true,\"referrer\":null,\"tags\":[\"a\",\"b\"],\"text\":\"",
        at % 2500,
        1 + at % 28,
        at % 24,
        at % 60,
        at % 59,
        at % 1_000_000,
        at % 500,
    );
    let words = ["lorem ", "ipsum ", "dolor ", "sit ", "amet "];
    let mut word = at as usize;
    while text.len() + 2 < size {
        text.push_str(words[word % words.len()]);
        word += 1;
    }
    text.truncate(size - 2);
    text.push_str("\"}");
    text
}

fn fill_topic(address: &str, topic: &str, records: u64, size: usize) -> u64 {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", address)
        .set("linger.ms", "20")
        .set("batch.size", "500000")
        .create()
        .unwrap();
    let mut bytes = 0;
    for at in 0..records {
        let text = make_record(at, size);
        bytes += text.len() as u64;
        loop {
            let record = BaseRecord::<str, String>::to(topic)
                .partition((at % PARTITIONS as u64) as i32)
                .payload(&text);
            match producer.send(record) {
                Ok(()) => break,
                Err(_) => {
                    producer.poll(Duration::from_millis(50));
                }
            }
        }
        if at % 1000 == 0 {
            producer.poll(Duration::ZERO);
        }
    }
    producer.flush(Duration::from_secs(60)).unwrap();
    bytes
}

/// Reads the topic with librdkafka alone: polls and drops.
fn read_with_bare_consumer(address: &str, topic: &str) -> BenchRun {
    let (begun, before) = (Instant::now(), cpu_time());
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", address)
        .set("group.id", "bare")
        .set("enable.auto.commit", "false")
        .set("isolation.level", "read_committed")
        .set("enable.partition.eof", "true")
        .set("fetch.wait.max.ms", "100")
        .set("check.crcs", "true")
        .create()
        .unwrap();
    let mut list = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        list.add_partition_offset(topic, partition, Offset::Beginning)
            .unwrap();
    }
    consumer.assign(&list).unwrap();
    let (mut records, mut bytes, mut open) = (0, 0, PARTITIONS);
    while open > 0 {
        match consumer.poll(Duration::from_secs(30)) {
            Some(Ok(message)) => {
                records += 1;
                bytes += message.payload().map_or(0, <[u8]>::len) as u64;
            }
            Some(Err(KafkaError::PartitionEOF(_))) => open -= 1,
            Some(Err(error)) => panic!("{error}"),
            None => panic!("the topic does not end"),
        }
    }
    BenchRun {
        records,
        bytes,
        wall: begun.elapsed(),
        cpu: cpu_time() - before,
    }
}

fn read_with_ingest(address: &str, topic: &str, bytes: u64) -> BenchRun {
    let folder = tempfile::tempdir_in(".").unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let stores = Stores::new(StoreOptions::new());
    let path = folder.path().join(topic);
    let place = stores.open(&stores.parse_location(path.to_str().unwrap()).unwrap());
    let options = Arc::new(IngestOptions {
        kafka: KafkaSettings::new(address),
        limits: RunLimits {
            until_caught_up: true,
            ..RunLimits::default()
        },
        timeout: Duration::from_secs(30),
        ..IngestOptions::default()
    });
    let (begun, before) = (Instant::now(), cpu_time());
    let run = ingest_topic(options, topic.to_owned(), place.unwrap(), StopSignal::new());
    let (report, result) = runtime.block_on(run);
    result.unwrap();
    BenchRun {
        records: report.rows,
        bytes,
        wall: begun.elapsed(),
        cpu: cpu_time() - before,
    }
}

fn main() {
    let mut args = std::env::args()
        .skip_while(|arg| arg != "--records")
        .skip(1);
    let records: u64 = args.next().map_or(300_000, |text| text.parse().unwrap());
    let Some(kafka) = Installation::find().unwrap() else {
        return;
    };
    let broker = Broker::start(&kafka, &[]).unwrap();
    for size in [330, 1000] {
        let topic = format!("bench_{size}");
        broker.create_topic(&topic, PARTITIONS as u32).unwrap();
        let bytes = fill_topic(broker.address(), &topic, records, size);
        let (mut best_bare, mut best_landing): (Option<BenchRun>, Option<BenchRun>) = (None, None);
        for _ in 0..ROUNDS {
            let better = |best: Option<BenchRun>, run: BenchRun| match best {
                Some(best) if best.wall < run.wall => Some(best),
                _ => Some(run),
            };
            best_bare = better(best_bare, read_with_bare_consumer(broker.address(), &topic));
            best_landing = better(
                best_landing,
                read_with_ingest(broker.address(), &topic, bytes),
            );
        }
        let (bare, landing) = (best_bare.unwrap(), best_landing.unwrap());
        assert_eq!((bare.records, landing.records), (records, records));
        println!("{records} records of {size} bytes, {PARTITIONS} partitions, best of {ROUNDS}");
        bare.print_rates("bare consumer");
        landing.print_rates("ingest-landing");
        println!(
            "  ratio          {:>9.2}",
            landing.records_per_second() / bare.records_per_second()
        );
    }
}
