//! Compares what has landed with what the brokers have, record by record.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::Hasher as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use sluice_landing::{Compression, LandedRange, TopicLanding, read_lines};
use twox_hash::XxHash3_64;

use crate::IngestError;
use crate::batch::envelope;
use crate::error::ForTopic as _;
use crate::kafka::{KafkaError, Polled, Record, SharedConsumer, TopicConsumer};

/// After this many problems, the comparison stops.
const MAX_PROBLEMS: usize = 100;

/// The hash of a line or a value; `None` if there is no value.
type ValueHash = Option<u64>;

fn hash_value(bytes: Option<&[u8]>) -> ValueHash {
    let mut hash = XxHash3_64::with_seed(0);
    hash.write(bytes?);
    Some(hash.finish())
}

/// The hashes of one range's landed records, by offset.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct LandedRecords(HashMap<i64, ValueHash>);

/// The fields of a reject's line that are needed here.
#[derive(Deserialize)]
struct RejectLine {
    offset: i64,
    value_base64: Option<String>,
}

impl LandedRecords {
    /// Adds a range's files: the file of lines, and the file of rejects.
    fn add_files(
        &mut self,
        range: &LandedRange,
        files: Vec<Option<(String, Bytes)>>,
    ) -> Result<(), String> {
        for ((path, bytes), rejects) in files
            .into_iter()
            .zip([false, true])
            .filter_map(|(file, rejects)| Some((file?, rejects)))
        {
            let way = Compression::from_path(&path);
            let broken = |problem: String| format!("`{path}`: {problem}");
            let all: std::io::Result<Vec<Vec<u8>>> =
                read_lines(way, bytes.as_ref()).and_then(Iterator::collect);
            let all = all.map_err(|error| broken(error.to_string()))?;
            if rejects {
                for line in &all {
                    self.add_reject(line).map_err(broken)?;
                }
            } else {
                self.add_lines(range, all.iter().map(Vec::as_slice));
            }
        }
        Ok(())
    }

    /// Adds the lines of a range's file.
    pub(crate) fn add_lines<'a>(
        &mut self,
        range: &LandedRange,
        lines: impl Iterator<Item = &'a [u8]>,
    ) {
        let runs = range.line_offsets();
        for (offset, line) in runs.offsets().zip(lines) {
            self.0.insert(offset, hash_value(Some(line)));
        }
    }

    /// Adds a line of a range's rejects.
    pub(crate) fn add_reject(&mut self, line: &[u8]) -> Result<(), String> {
        let reject: RejectLine = serde_json::from_slice(line).map_err(|error| error.to_string())?;
        let value = reject.value_base64.map(|text| STANDARD.decode(text));
        let value = value.transpose().map_err(|error| error.to_string())?;
        self.0.insert(reject.offset, hash_value(value.as_deref()));
        Ok(())
    }

    /// Compares records of the broker with what landed. A record that only landed
    /// is no problem: compaction may have removed it from the topic since.
    fn compare_records(
        &self,
        partition: i32,
        records: &[RecordHashes],
        problems: &mut Vec<String>,
    ) {
        for record in records {
            let offset = record.offset;
            match self.0.get(&offset) {
                Some(landed) if *landed == record.value || *landed == record.envelope => {}
                Some(_) => problems.push(format!(
                    "partition {partition}, offset {offset}: what landed is not what the broker has"
                )),
                None => problems.push(format!(
                    "partition {partition}, offset {offset}: the broker has a record that has not \
                     landed"
                )),
            }
        }
    }
}

/// The hashes of a record of the broker.
#[derive(Debug, Clone, Copy)]
struct RecordHashes {
    offset: i64,
    value: ValueHash,
    /// The hash of the line that `--envelope` makes of the record.
    envelope: ValueHash,
}

impl RecordHashes {
    fn from_record(record: &Record<'_>, line: &mut Vec<u8>) -> Self {
        line.clear();
        if let Some(value) = record.value {
            envelope::append_envelope(record, value, line);
            line.pop();
        }
        Self {
            offset: record.offset,
            value: hash_value(record.value),
            envelope: record.value.and_then(|_| hash_value(Some(line))),
        }
    }
}

/// Compares everything that has landed with what the brokers still have, and
/// returns how many records they had.
pub(crate) async fn compare_with_brokers(
    landing: &TopicLanding,
    mut ranges: Vec<(u64, LandedRange)>,
    mut broker_reader: BrokerReader,
    problems: &mut Vec<String>,
) -> Result<u64, IngestError> {
    ranges.sort_by_key(|(_, range)| (range.partition, range.start));
    let topic = broker_reader.consumer.topic.clone();
    for (seq, range) in ranges
        .into_iter()
        .filter(|(_, range)| broker_reader.may_have_records(range))
        .collect::<Vec<_>>()
    {
        let mut files = Vec::new();
        for file in [&range.file, &range.rejected] {
            files.push(match file {
                None => None,
                Some(file) => match landing.fetch_file(seq, file).await {
                    Ok(bytes) => Some((file.path.clone(), bytes)),
                    // The missing file is a problem that was reported before.
                    Err(error) if error.is_missing() => None,
                    Err(error) => return Err(error).for_topic(&topic),
                },
            });
        }
        let internal = IngestError::Internal {
            topic: topic.clone(),
            problem: "a thread that compares records ended early",
        };
        let compared = tokio::task::spawn_blocking(move || {
            let mut problems = Vec::new();
            let mut landed = LandedRecords::default();
            if let Err(problem) = landed.add_files(&range, files) {
                problems.push(problem);
            }
            let result = broker_reader.compare_range(&range, &landed, &mut problems);
            (broker_reader, problems, result)
        });
        let (back, found, result) = compared.await.map_err(|_| internal)?;
        result?;
        broker_reader = back;
        problems.extend(found);
        if problems.len() >= MAX_PROBLEMS {
            problems.push("there may be more problems, the comparison stopped here".to_owned());
            break;
        }
    }
    Ok(broker_reader.compared)
}

/// Reads the broker's records, one partition after another and range by range.
pub(crate) struct BrokerReader {
    consumer: SharedConsumer,
    timeout: Duration,
    /// The first offset of each partition that the broker still has.
    low_offsets: BTreeMap<i32, i64>,
    /// The partition that is being read.
    partition: Option<i32>,
    /// The next offset to read in that partition.
    position: i64,
    /// Records that were read past the requested range.
    read_ahead: VecDeque<RecordHashes>,
    /// How many records were compared.
    pub(crate) compared: u64,
}

impl BrokerReader {
    pub(crate) fn new(
        consumer: TopicConsumer,
        timeout: Duration,
        low_offsets: BTreeMap<i32, i64>,
    ) -> Self {
        Self {
            consumer: Arc::new(consumer),
            timeout,
            low_offsets,
            partition: None,
            position: 0,
            read_ahead: VecDeque::new(),
            compared: 0,
        }
    }

    /// Whether the broker may still have records of a range.
    pub(crate) fn may_have_records(&self, range: &LandedRange) -> bool {
        self.low_offsets
            .get(&range.partition)
            .is_some_and(|low| *low < range.end)
    }

    /// Compares a range with the broker's records. Ranges must come by partition
    /// and offset. Blocks.
    pub(crate) fn compare_range(
        &mut self,
        range: &LandedRange,
        landed: &LandedRecords,
        problems: &mut Vec<String>,
    ) -> Result<(), KafkaError> {
        let low = self.low_offsets.get(&range.partition).copied().unwrap_or(0);
        if self.partition != Some(range.partition) {
            let from = range.start.max(low);
            self.consumer
                .assign_offsets(&[(range.partition, from)].into())?;
            self.partition = Some(range.partition);
            self.position = from;
            self.read_ahead.clear();
        }
        self.read_up_to(range.partition, range.end)?;
        let mut records = Vec::new();
        while let Some(next) = self
            .read_ahead
            .front()
            .filter(|next| next.offset < range.end)
        {
            records.push(*next);
            self.read_ahead.pop_front();
        }
        self.compared += records.len() as u64;
        landed.compare_records(range.partition, &records, problems);
        Ok(())
    }

    fn read_up_to(&mut self, partition: i32, end: i64) -> Result<(), KafkaError> {
        let consumer = Arc::clone(&self.consumer);
        let Some(mut feed) = consumer.open_feed() else {
            return Ok(());
        };
        let mut last_event_at = Instant::now();
        let mut line = Vec::new();
        let mut failed = None;
        while self.position < end {
            let count = feed.poll(Duration::from_millis(200), &mut |polled| match polled {
                Polled::Record(record) if record.partition == partition => {
                    self.read_ahead
                        .push_back(RecordHashes::from_record(&record, &mut line));
                    self.position = record.offset.saturating_add(1);
                }
                Polled::End {
                    partition: of,
                    offset,
                } if of == partition => {
                    self.position = self.position.max(offset.unwrap_or(end)).max(end);
                }
                Polled::Error { code, .. } => failed = Some(code),
                _ => {}
            });
            if count == 0 {
                consumer.read_client_log();
            }
            if count > 0 {
                last_event_at = Instant::now();
            } else if last_event_at.elapsed() >= self.timeout {
                return Err(consumer.consume_error(
                    failed.unwrap_or(rdkafka::types::RDKafkaErrorCode::OperationTimedOut),
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use sluice_landing::OffsetSpans;

    use super::*;
    use crate::batch::envelope::tests::FakeMetadata;

    #[test]
    fn every_difference_is_reported() {
        let mut runs = OffsetSpans::default();
        [5, 6, 8]
            .iter()
            .for_each(|offset| runs.push_offset(*offset));
        let range = LandedRange {
            partition: 1,
            start: 5,
            end: 12,
            rows: 3,
            rejects: 2,
            runs: Some(runs),
            file: None,
            rejected: None,
            event_time: None,
            events_ahead: 0,
        };
        let meta = FakeMetadata::default();
        let sums = |offset, value: Option<&[u8]>| {
            let record = Record {
                partition: 1,
                offset,
                value,
                metadata: &meta,
            };
            RecordHashes::from_record(&record, &mut Vec::new())
        };
        let mut landed = LandedRecords::default();
        let enveloped = b"{\"partition\":1,\"offset\":6,\"value\":{\"b\":1}}";
        let lines: [&[u8]; 3] = [b"{\"a\":1}", enveloped, b"{\"c\":1}"];
        landed.add_lines(&range, lines.into_iter());
        landed
            .add_reject(b"{\"offset\":9,\"value_base64\":\"W10=\"}")
            .unwrap();
        landed
            .add_reject(b"{\"offset\":10,\"value_base64\":null}")
            .unwrap();
        let mut problems = Vec::new();
        let records = [
            sums(5, Some(b"{\"a\":1}")),
            sums(6, Some(b"{\"b\":1}")),
            sums(9, Some(b"[]")),
            sums(10, None),
        ];
        landed.compare_records(1, &records, &mut problems);
        assert_eq!(problems, [""; 0]);
        let records = [
            sums(7, Some(b"{}")),
            sums(8, Some(b"{\"c\":2}")),
            sums(10, Some(b"")),
        ];
        landed.compare_records(1, &records, &mut problems);
        assert_eq!(
            problems,
            [
                "partition 1, offset 7: the broker has a record that has not landed",
                "partition 1, offset 8: what landed is not what the broker has",
                "partition 1, offset 10: what landed is not what the broker has",
            ]
        );
        assert!(landed.add_reject(b"{}").is_err());
    }
}
