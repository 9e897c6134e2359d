//! Fetches a topic's ids, partitions and offsets from the brokers.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer as _;
use rdkafka::error::{KafkaError as Client, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};

use super::admin_request::Waiting;
use super::error::KafkaError;
use super::list_offsets::{OffsetKind, list_offsets};
use super::topic_id::fetch_topic_id;
use super::topic_query::TopicQuery;

/// A topic's ids and offsets, as the broker reports them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct TopicMetadata {
    /// `None` when the broker does not report it.
    pub(crate) cluster_id: Option<String>,
    /// `None` when the broker does not report it.
    pub(crate) topic_id: Option<String>,
    pub(crate) partitions: BTreeMap<i32, OffsetBounds>,
}

/// The first and last offsets that a partition has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OffsetBounds {
    /// The first offset that still exists.
    pub(crate) low: i64,
    /// The offset after the last record that can be read: ingest does not read past
    /// an open transaction.
    pub(crate) high: i64,
    /// The offset after the last record, whether its transaction is open or not.
    pub(crate) end: i64,
}

/// The prefix of the cluster ids of librdkafka's mock clusters.
const MOCK_CLUSTER_PREFIX: &str = "mockCluster";

/// How long to wait before a question to a leader that has changed is repeated.
const LEADER_PAUSE: Duration = Duration::from_millis(200);

impl TopicQuery<'_> {
    /// Fetches the topic's ids, partitions and offsets. Blocks.
    pub(super) fn fetch_metadata(&self) -> Result<TopicMetadata, KafkaError> {
        let action = "read the metadata";
        let metadata = self.ask_any_broker(action, |client, timeout| {
            client.client().fetch_metadata(Some(self.topic), timeout)
        })?;
        let found = metadata
            .topics()
            .iter()
            .find(|found| found.name() == self.topic)
            .ok_or_else(|| KafkaError::UnknownTopic {
                topic: self.topic.to_owned(),
                servers: self.servers.to_owned(),
            })?;
        if let Some(error) = found.error() {
            return Err(self.error(action, Client::MetadataFetch(error.into())));
        }
        let cluster_id = self.client.client().fetch_cluster_id(self.timeout);
        // librdkafka's mock cluster has no controller that could answer.
        let is_mock = cluster_id
            .as_deref()
            .is_some_and(|id| id.starts_with(MOCK_CLUSTER_PREFIX));
        let topic_id = match is_mock {
            true => None,
            false => self.fetch_id()?,
        };
        let partitions: Vec<i32> = found.partitions().iter().map(|p| p.id()).collect();
        Ok(TopicMetadata {
            cluster_id,
            topic_id,
            partitions: self.fetch_offset_bounds(&partitions)?,
        })
    }

    fn waiting<'a>(&'a self, timeout: Duration, on_wait: &'a dyn Fn()) -> Waiting<'a> {
        Waiting {
            timeout,
            after_stop: self.after_stop,
            stop: self.stop,
            on_wait,
        }
    }

    /// The topic's id; `None` when the brokers do not report ids. Blocks.
    pub(super) fn fetch_id(&self) -> Result<Option<String>, KafkaError> {
        let client = self.client.client().native_ptr();
        let on_wait = || self.read_client_log();
        let waiting = self.waiting(self.timeout, &on_wait);
        // SAFETY: the consumer is borrowed, and so is its client.
        let answer = unsafe { fetch_topic_id(client, self.topic, &waiting) };
        match answer {
            // Brokers before Kafka 2.8 know no ids.
            Err(RDKafkaErrorCode::UnsupportedFeature | RDKafkaErrorCode::UnsupportedVersion) => {
                Ok(None)
            }
            answer => answer.map_err(|code| self.error("read the id", Client::MetadataFetch(code))),
        }
    }

    /// The offsets of these partitions, in three requests for all of them. Blocks.
    fn fetch_offset_bounds(
        &self,
        partitions: &[i32],
    ) -> Result<BTreeMap<i32, OffsetBounds>, KafkaError> {
        let low = self.fetch_offsets(partitions, OffsetKind::Earliest)?;
        // In this order, because both only grow: `high` is never greater than `end`.
        let high = self.fetch_offsets(partitions, OffsetKind::LastStable)?;
        let end = self.fetch_offsets(partitions, OffsetKind::End)?;
        Ok(partitions
            .iter()
            .filter_map(|partition| {
                let bounds = OffsetBounds {
                    low: *low.get(partition)?,
                    high: *high.get(partition)?,
                    end: *end.get(partition)?,
                };
                Some((*partition, bounds))
            })
            .collect())
    }

    /// One offset of each of these partitions, in one request. Blocks.
    pub(super) fn fetch_offsets(
        &self,
        partitions: &[i32],
        kind: OffsetKind,
    ) -> Result<BTreeMap<i32, i64>, KafkaError> {
        let begun = Instant::now();
        let on_wait = || self.read_client_log();
        loop {
            let left = self.time_left(begun);
            let waiting = self.waiting(left, &on_wait);
            let client = self.client.client().native_ptr();
            // SAFETY: the consumer is borrowed, and so is its client.
            let answer = unsafe {
                let partitions = partitions.iter().copied();
                list_offsets(client, (self.topic, partitions), kind, &waiting)
            };
            match answer {
                // The client asks the new leader after it has learned of it.
                Err(
                    RDKafkaErrorCode::NotLeaderForPartition | RDKafkaErrorCode::LeaderNotAvailable,
                ) if left > LEADER_PAUSE => {
                    std::thread::sleep(LEADER_PAUSE);
                }
                answer => {
                    return answer.map_err(|code| {
                        self.error("read the offsets", Client::MetadataFetch(code))
                    });
                }
            }
        }
    }

    /// The first offset of each partition whose record is not older than `millis`
    /// since the epoch; the partition's end where there is none. Blocks.
    pub(super) fn find_offsets_at_time(
        &self,
        metadata: &TopicMetadata,
        millis: i64,
    ) -> Result<BTreeMap<i32, i64>, KafkaError> {
        let fail = |source| self.error("look up the offsets", source);
        let mut wanted = TopicPartitionList::new();
        for partition in metadata.partitions.keys() {
            wanted
                .add_partition_offset(self.topic, *partition, Offset::Offset(millis))
                .map_err(fail)?;
        }
        let found = self.client.offsets_for_times(wanted, self.timeout);
        Ok(found
            .map_err(fail)?
            .elements_for_topic(self.topic)
            .iter()
            .filter_map(|element| {
                let partition = element.partition();
                let bounds = metadata.partitions.get(&partition)?;
                let offset = match element.offset() {
                    Offset::Offset(offset) => offset.clamp(bounds.low, bounds.high),
                    _ => bounds.high,
                };
                Some((partition, offset))
            })
            .collect())
    }
}
