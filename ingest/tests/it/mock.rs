//! librdkafka's mock cluster: one broker in this process, in memory only.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer as _};

/// A mock cluster that all tests of this process share.
pub(crate) struct Mock {
    cluster: MockCluster<'static, DefaultProducerContext>,
}

// SAFETY: the mock cluster's calls go through its own queue to its own thread.
unsafe impl Sync for Mock {}
// SAFETY: as above.
unsafe impl Send for Mock {}

static MOCK: OnceLock<Mock> = OnceLock::new();
static TOPICS: AtomicU32 = AtomicU32::new(0);

/// The shared cluster.
pub(crate) fn mock() -> &'static Mock {
    MOCK.get_or_init(|| Mock {
        cluster: MockCluster::new(1).unwrap(),
    })
}

impl Mock {
    pub(crate) fn address(&self) -> String {
        self.cluster.bootstrap_servers()
    }

    /// A new topic.
    pub(crate) fn topic(&self, partitions: i32) -> String {
        let topic = format!("topic_{}", TOPICS.fetch_add(1, Ordering::Relaxed));
        self.cluster.create_topic(&topic, partitions, 1).unwrap();
        topic
    }
}

/// Sends records `(partition, value)`; a value that is none is a tombstone.
pub(crate) fn produce<'a>(
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
    producer.flush(Duration::from_secs(30)).unwrap();
}

/// `count` records over some partitions, every tenth of them one that must be
/// rejected.
pub(crate) fn produce_some(address: &str, topic: &str, partitions: i32, count: usize, tag: &str) {
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
    produce(address, topic, records);
}
