//! Compares the topic with the landing folder. The topic is read by a consumer
//! that shares no code with the project, and the folder as plain JSON.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::{ClientConfig, Message as _, Offset, TopicPartitionList};
use serde_json::Value;

use crate::join::joined_entries;

/// Only keeps a test from hanging forever.
const PATIENCE: Duration = Duration::from_secs(300);

/// `(partition, offset, hash of the value)`, and how often each occurs.
pub(crate) type Multiset = BTreeMap<(i32, i64, u64), u32>;

fn hash_value(value: Option<&[u8]>) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// Reads all committed records of a topic.
pub(crate) fn topic_records(address: &str, topic: &str) -> Multiset {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", address)
        .set("group.id", "checker")
        .set("enable.auto.commit", "false")
        .set("isolation.level", "read_committed")
        .set("enable.partition.eof", "true")
        .create()
        .unwrap();
    let metadata = consumer.fetch_metadata(Some(topic), PATIENCE).unwrap();
    let mut list = TopicPartitionList::new();
    let mut open = 0;
    for partition in metadata.topics()[0].partitions() {
        list.add_partition_offset(topic, partition.id(), Offset::Beginning)
            .unwrap();
        open += 1;
    }
    consumer.assign(&list).unwrap();
    let mut all = Multiset::new();
    while open > 0 {
        match consumer.poll(PATIENCE) {
            Some(Ok(message)) => {
                let key = (
                    message.partition(),
                    message.offset(),
                    hash_value(message.payload()),
                );
                *all.entry(key).or_default() += 1;
            }
            Some(Err(KafkaError::PartitionEOF(_))) => open -= 1,
            Some(Err(error)) => panic!("{error}"),
            None => panic!("the topic does not end"),
        }
    }
    all
}

/// The stored bytes of the landed files that are parts of joined files.
fn joined_parts(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut parts = BTreeMap::new();
    for entry in joined_entries(folder) {
        for kind in ["rows", "rejects"] {
            let Some(path) = entry["body"][kind]["path"].as_str() else {
                continue;
            };
            let bytes = std::fs::read(folder.join(path)).unwrap();
            let mut rest = bytes.as_slice();
            for part in entry["body"][kind]["parts"].as_array().unwrap() {
                let length = part["bytes"].as_u64().unwrap() as usize;
                let (part_bytes, after) = rest.split_at(length);
                let path = part["path"].as_str().unwrap().to_owned();
                assert!(parts.insert(path, part_bytes.to_vec()).is_none());
                rest = after;
            }
            assert!(rest.is_empty(), "{path}");
        }
    }
    parts
}

fn read_stored(folder: &Path, path: &str, joined: &BTreeMap<String, Vec<u8>>) -> Vec<u8> {
    let path_in_folder = folder.join(path);
    let stored = match joined.get(path) {
        Some(bytes) => bytes.clone(),
        None => std::fs::read(&path_in_folder).unwrap(),
    };
    let path = path_in_folder;
    let mut plain = Vec::new();
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("zst") => zstd::stream::copy_decode(&stored[..], &mut plain).unwrap(),
        Some("gz") => {
            flate2::read::MultiGzDecoder::new(&stored[..])
                .read_to_end(&mut plain)
                .unwrap();
        }
        _ => plain = stored,
    }
    plain
}

/// Reads the entries of a topic's ledger as plain JSON.
pub(crate) fn ledger_entries(folder: &Path) -> Vec<Value> {
    let ledger = folder.join("_ledger");
    (0..)
        .map(|seq| ledger.join(format!("{seq:020}.json")))
        .take_while(|path| path.exists())
        .map(|path| serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())
        .collect()
}

/// Reads all records that have landed in a topic's folder, lines and rejects.
pub(crate) fn landed_records(folder: &Path) -> Multiset {
    let mut all = Multiset::new();
    let joined = joined_parts(folder);
    for entry in ledger_entries(folder) {
        for range in entry["body"]["ranges"].as_array().unwrap() {
            let partition = i32::try_from(range["partition"].as_i64().unwrap()).unwrap();
            let start = range["start"].as_i64().unwrap();
            if let Some(path) = range["file"]["path"].as_str() {
                let text = read_stored(folder, path, &joined);
                let rows = range["rows"].as_i64().unwrap();
                let offsets: Vec<i64> = match range["runs"].as_array() {
                    Some(runs) => runs
                        .iter()
                        .flat_map(|run| {
                            let start = run["start"].as_i64().unwrap();
                            start..start + run["lines"].as_i64().unwrap()
                        })
                        .collect(),
                    None => (start..start + rows).collect(),
                };
                let lines: Vec<&[u8]> = text
                    .strip_suffix(b"\n")
                    .unwrap()
                    .split(|byte| *byte == b'\n')
                    .collect();
                assert_eq!(lines.len(), offsets.len(), "{path}");
                for (line, offset) in lines.into_iter().zip(offsets) {
                    *all.entry((partition, offset, hash_value(Some(line))))
                        .or_default() += 1;
                }
            }
            if let Some(path) = range["rejected"]["path"].as_str() {
                let text = String::from_utf8(read_stored(folder, path, &joined)).unwrap();
                for line in text.lines() {
                    let reject: Value = serde_json::from_str(line).unwrap();
                    let value = reject["value_base64"].as_str().map(|text| {
                        base64::engine::general_purpose::STANDARD
                            .decode(text)
                            .unwrap()
                    });
                    let offset = reject["offset"].as_i64().unwrap();
                    let key = (partition, offset, hash_value(value.as_deref()));
                    *all.entry(key).or_default() += 1;
                }
            }
        }
    }
    all
}

/// The numbers of lost and repeated records; both must be zero.
pub(crate) fn differences(topic: &Multiset, landed: &Multiset) -> (usize, usize) {
    let lost = topic
        .iter()
        .filter(|(record, _)| !landed.contains_key(*record))
        .count();
    let repeated = landed
        .iter()
        .filter(|(record, count)| **count > 1 || !topic.contains_key(*record))
        .count();
    (lost, repeated)
}

/// Asserts that every record of the topic has landed exactly once, and returns
/// how many there are.
pub(crate) fn assert_exact(address: &str, name: &str, landing: &Path) -> usize {
    let topic = topic_records(address, name);
    let landed = landed_records(&landing.join(name));
    assert_eq!(
        differences(&topic, &landed),
        (0, 0),
        "(lost, repeated) of {name}"
    );
    topic.len()
}
