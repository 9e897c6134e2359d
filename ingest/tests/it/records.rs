//! Produces records for tests.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};

/// Only keeps a test from hanging forever.
const PATIENCE: Duration = Duration::from_secs(300);

/// Sends records `(partition, value)`; a value of `None` is a tombstone.
pub(crate) fn produce_records<'a>(
    address: &str,
    topic: &str,
    records: impl IntoIterator<Item = (i32, Option<&'a [u8]>)>,
) {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", address)
        .set("linger.ms", "5")
        .create()
        .unwrap();
    for (at, (partition, value)) in records.into_iter().enumerate() {
        let key = format!("key-{at}");
        let mut record = BaseRecord::to(topic).partition(partition).key(&key);
        if let Some(value) = value {
            record = record.payload(value);
        }
        producer.send(record).map_err(|(error, _)| error).unwrap();
        if at % 1000 == 0 {
            producer.poll(Duration::ZERO);
        }
    }
    producer.flush(PATIENCE).unwrap();
}

/// Sends `count` records, spread over the partitions. Every tenth must be
/// rejected.
pub(crate) fn produce_mixed(address: &str, topic: &str, partitions: i32, count: usize, tag: &str) {
    let values: Vec<Option<Vec<u8>>> = (0..count)
        .map(|at| match at % 30 {
            9 => Some(format!("[\"{tag}\",{at}]").into_bytes()),
            19 => None,
            29 => Some(b"{\"a\":\"\xff\"}\n".to_vec()),
            _ => Some(
                format!(
                    "{{\"tag\":\"{tag}\",\"n\":{at},\"timestamp\":\"2026-11-24T10:{:02}:00Z\"}}",
                    at % 60
                )
                .into_bytes(),
            ),
        })
        .collect();
    let records = values
        .iter()
        .enumerate()
        .map(|(at, value)| ((at % partitions as usize) as i32, value.as_deref()));
    produce_records(address, topic, records);
}
