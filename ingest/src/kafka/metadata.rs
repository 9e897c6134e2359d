//! Fetches a topic's ids, partitions and offsets from the brokers.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError as Client, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};
use thiserror::Error;

use super::topic_id::fetch_topic_id;

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
    /// The offset after the last record that can be read.
    pub(crate) high: i64,
}

/// Why a request to the brokers failed.
#[derive(Debug, Error)]
pub enum KafkaError {
    /// No broker answers.
    #[error(
        "no broker of `{servers}` answers: {source}; check --bootstrap-servers and that Kafka runs"
    )]
    Unreachable {
        /// The bootstrap servers.
        servers: String,
        #[source]
        source: Client,
    },
    #[error("there is no topic `{topic}` at `{servers}`; create it, or check its name")]
    UnknownTopic {
        topic: String,
        /// The bootstrap servers.
        servers: String,
    },
    /// This user may not read the topic.
    #[error(
        "reading topic `{topic}` is not allowed: {code}; give this user the right to read and \
         describe the topic"
    )]
    AccessDenied {
        topic: String,
        /// The broker's error code.
        code: RDKafkaErrorCode,
    },
    /// Anything else.
    #[error("cannot {action} of topic `{topic}`: {source}")]
    Failed {
        /// What was attempted, as a verb and its object.
        action: &'static str,
        topic: String,
        #[source]
        source: Client,
    },
}

impl KafkaError {
    pub(super) fn from_client_error(
        action: &'static str,
        topic: &str,
        servers: &str,
        source: Client,
    ) -> Self {
        let topic = topic.to_owned();
        let servers = servers.to_owned();
        use RDKafkaErrorCode as Code;
        match source.rdkafka_error_code() {
            Some(Code::UnknownTopicOrPartition | Code::UnknownTopicId) => {
                Self::UnknownTopic { topic, servers }
            }
            Some(
                code @ (Code::TopicAuthorizationFailed
                | Code::ClusterAuthorizationFailed
                | Code::GroupAuthorizationFailed),
            ) => Self::AccessDenied { topic, code },
            Some(
                Code::BrokerTransportFailure
                | Code::AllBrokersDown
                | Code::OperationTimedOut
                | Code::RequestTimedOut
                | Code::Resolve
                | Code::Authentication
                | Code::SaslAuthenticationFailed
                | Code::SSL
                | Code::LeaderNotAvailable
                | Code::NotLeaderForPartition
                | Code::NetworkException
                // The client's own errors for a topic whose brokers it does not
                // know: only a broker can say whether the topic exists.
                | Code::UnknownTopic
                | Code::UnknownPartition
                | Code::BrokerNotAvailable,
            ) => Self::Unreachable { servers, source },
            _ => Self::Failed {
                action,
                topic,
                source,
            },
        }
    }
}

/// The prefix of the cluster ids of librdkafka's mock clusters.
const MOCK_CLUSTER_PREFIX: &str = "mockCluster";

/// How long to wait for the topic's id, which is useful but not necessary.
const TOPIC_ID_TIMEOUT: Duration = Duration::from_secs(10);

/// Fetches a topic's ids, partitions and offsets. Blocks.
pub(crate) fn fetch_topic_metadata<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    topic: &str,
    servers: &str,
    timeout: Duration,
) -> Result<TopicMetadata, KafkaError> {
    let fail = |action, source| KafkaError::from_client_error(action, topic, servers, source);
    let client = consumer.client();
    let metadata = client
        .fetch_metadata(Some(topic), timeout)
        .map_err(|source| fail("read the metadata", source))?;
    let found = metadata
        .topics()
        .iter()
        .find(|found| found.name() == topic)
        .ok_or_else(|| KafkaError::UnknownTopic {
            topic: topic.to_owned(),
            servers: servers.to_owned(),
        })?;
    if let Some(error) = found.error() {
        let source = Client::MetadataFetch(error.into());
        return Err(fail("read the metadata", source));
    }
    let cluster_id = client.fetch_cluster_id(timeout);
    // librdkafka's mock cluster has no controller that could answer.
    let is_mock = cluster_id
        .as_deref()
        .is_some_and(|id| id.starts_with(MOCK_CLUSTER_PREFIX));
    let topic_id = if is_mock {
        None
    } else {
        // SAFETY: the consumer is borrowed, and so is its client.
        unsafe { fetch_topic_id(client.native_ptr(), topic, timeout.min(TOPIC_ID_TIMEOUT)) }
    };
    let mut facts = TopicMetadata {
        cluster_id,
        topic_id,
        partitions: BTreeMap::new(),
    };
    for partition in found.partitions() {
        let (low, high) = client
            .fetch_watermarks(topic, partition.id(), timeout)
            .map_err(|source| fail("read the offsets", source))?;
        facts
            .partitions
            .insert(partition.id(), OffsetBounds { low, high });
    }
    Ok(facts)
}

/// The first offset of each partition whose record is not older than `millis`
/// since the epoch; the partition's end where there is none. Blocks.
pub(crate) fn find_offsets_at_time<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    topic: &str,
    servers: &str,
    metadata: &TopicMetadata,
    millis: i64,
    timeout: Duration,
) -> Result<BTreeMap<i32, i64>, KafkaError> {
    let fail =
        |source| KafkaError::from_client_error("look up the offsets", topic, servers, source);
    let mut wanted = TopicPartitionList::new();
    for partition in metadata.partitions.keys() {
        wanted
            .add_partition_offset(topic, *partition, Offset::Offset(millis))
            .map_err(fail)?;
    }
    let found = consumer.offsets_for_times(wanted, timeout).map_err(fail)?;
    Ok(found
        .elements_for_topic(topic)
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
