//! The consumer of one topic, its partitions assigned by hand or by a group.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext};
use rdkafka::error::KafkaError as Client;
use rdkafka::types::{RDKafkaErrorCode, RDKafkaRespErr};
use rdkafka::{Offset, TopicPartitionList};
use sluice_service::kafka::KafkaSettings;

use super::client_config::{self, ClientConfigError};
use super::metadata::{self, KafkaError, OffsetBounds, TopicMetadata};
use super::native::{BatchQueue, Polled, emit_borrowed_message};

/// What happened to a group member since the last look.
#[derive(Debug, Default)]
struct GroupMembership {
    /// Newly assigned partitions, which have no offset yet.
    assigned: Option<Vec<i32>>,
    /// Whether partitions were revoked.
    revoked: bool,
}

/// How often the same warning of the client library is logged.
const REPEATED_WARNING_INTERVAL: Duration = Duration::from_secs(10);

/// Records the group's rebalances; the polling thread acts on them.
#[derive(Default)]
pub(crate) struct GroupContext {
    membership: Mutex<GroupMembership>,
    last_warning: Mutex<Option<(Option<RDKafkaErrorCode>, Instant)>>,
}

impl ClientContext for GroupContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        use RDKafkaLogLevel as Level;
        match level {
            Level::Emerg | Level::Alert | Level::Critical | Level::Error => {
                tracing::warn!(facility, "{message}");
            }
            Level::Warning => tracing::info!(facility, "{message}"),
            _ => tracing::debug!(facility, "{message}"),
        }
    }

    fn error(&self, error: Client, reason: &str) {
        let code = error.rdkafka_error_code();
        if code == Some(RDKafkaErrorCode::PartitionEOF) {
            return;
        }
        let mut last_warning = self.last_warning.lock();
        let is_repeated = last_warning
            .is_some_and(|(last, at)| last == code && at.elapsed() < REPEATED_WARNING_INTERVAL);
        if !is_repeated {
            *last_warning = Some((code, Instant::now()));
            tracing::warn!("{reason}");
        }
    }
}

impl ConsumerContext for GroupContext {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        event: RDKafkaRespErr,
        partitions: &mut TopicPartitionList,
    ) {
        let mut membership = self.membership.lock();
        if event == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            let elements = partitions.elements();
            membership.assigned = Some(elements.iter().map(|e| e.partition()).collect());
            // Nothing is fetched until the offsets are known from the ledger:
            // the group's own offsets are never read.
            if let Err(error) = consumer.assign(&TopicPartitionList::new()) {
                tracing::warn!(%error, "the group's assignment cannot be accepted");
            }
        } else {
            membership.revoked = true;
            membership.assigned = None;
            if let Err(error) = consumer.unassign() {
                tracing::warn!(%error, "the revoked partitions cannot be released");
            }
        }
    }
}

/// A consumer of one topic.
pub(crate) struct TopicConsumer {
    client: BaseConsumer<GroupContext>,
    pub(crate) topic: String,
    servers: String,
    /// Whether a group assigns the partitions.
    grouped: bool,
    timeout: Duration,
}

/// Creates a consumer. It connects lazily, so only a wrong setting is an error
/// here.
pub(crate) fn create_consumer(
    settings: &KafkaSettings,
    topic: &str,
    group: Option<&str>,
    timeout: Duration,
) -> Result<TopicConsumer, ClientConfigError> {
    // A consumer needs a group to commit offsets for lag tools.
    let lag_group = format!("ingest-landing-{topic}");
    let client = client_config::client_config(settings, group.unwrap_or(&lag_group))?
        .create_with_context(GroupContext::default())
        .map_err(|error| ClientConfigError::Refused {
            problem: error.to_string(),
        })?;
    Ok(TopicConsumer {
        client,
        topic: topic.to_owned(),
        servers: settings.bootstrap_servers().to_owned(),
        grouped: group.is_some(),
        timeout,
    })
}

impl TopicConsumer {
    fn kafka_error(&self, action: &'static str, source: Client) -> KafkaError {
        KafkaError::from_client_error(action, &self.topic, &self.servers, source)
    }

    /// The error for a code after which records can no longer be read.
    pub(crate) fn consume_error(&self, code: RDKafkaErrorCode) -> KafkaError {
        self.kafka_error("read the records", Client::MessageConsumption(code))
    }

    pub(crate) fn is_grouped(&self) -> bool {
        self.grouped
    }

    /// Fetches the topic's ids, partitions and offsets. Blocks.
    pub(crate) fn fetch_metadata(&self) -> Result<TopicMetadata, KafkaError> {
        metadata::fetch_topic_metadata(&self.client, &self.topic, &self.servers, self.timeout)
    }

    /// The first offset of each partition at or after a time; the partition's end
    /// where there is none. Blocks.
    pub(crate) fn offsets_at_time(
        &self,
        metadata: &TopicMetadata,
        millis: i64,
    ) -> Result<BTreeMap<i32, i64>, KafkaError> {
        metadata::find_offsets_at_time(
            &self.client,
            &self.topic,
            &self.servers,
            metadata,
            millis,
            self.timeout,
        )
    }

    /// The first and last offset of one partition. Blocks, for at most five seconds.
    pub(crate) fn offset_bounds(&self, partition: i32) -> Result<OffsetBounds, KafkaError> {
        self.offset_bounds_within(partition, Duration::from_secs(5))
    }

    /// The first and last offset of one partition. Blocks, for at most `most`.
    pub(crate) fn offset_bounds_within(
        &self,
        partition: i32,
        most: Duration,
    ) -> Result<OffsetBounds, KafkaError> {
        let timeout = self.timeout.min(most);
        let (low, high) = self
            .client
            .fetch_watermarks(&self.topic, partition, timeout)
            .map_err(|source| self.kafka_error("read the offsets", source))?;
        Ok(OffsetBounds { low, high })
    }

    /// Assigns these partitions, and no others, to be read from these offsets.
    pub(crate) fn assign_offsets(&self, offsets: &BTreeMap<i32, i64>) -> Result<(), KafkaError> {
        let list = self.partition_list(offsets)?;
        self.client
            .assign(&list)
            .map_err(|source| self.kafka_error("assign the partitions", source))
    }

    pub(crate) fn join_group(&self) -> Result<(), KafkaError> {
        self.client
            .subscribe(&[&self.topic])
            .map_err(|source| self.kafka_error("join the group", source))
    }

    /// The partitions that the group has assigned since the last call.
    pub(crate) fn take_assignment(&self) -> Option<Vec<i32>> {
        self.client.context().membership.lock().assigned.take()
    }

    /// Whether the group has revoked partitions since the last call.
    pub(crate) fn take_revocation(&self) -> bool {
        std::mem::take(&mut self.client.context().membership.lock().revoked)
    }

    fn partition_list(
        &self,
        offsets: &BTreeMap<i32, i64>,
    ) -> Result<TopicPartitionList, KafkaError> {
        let mut list = TopicPartitionList::new();
        for (partition, offset) in offsets {
            list.add_partition_offset(&self.topic, *partition, Offset::Offset(*offset))
                .map_err(|source| self.kafka_error("assign the partitions", source))?;
        }
        Ok(list)
    }

    /// The next offset that the consumer will deliver, by partition. Control
    /// records count as delivered.
    pub(crate) fn positions(&self) -> BTreeMap<i32, i64> {
        let Ok(list) = self.client.position() else {
            return BTreeMap::new();
        };
        list.elements_for_topic(&self.topic)
            .iter()
            .filter_map(|element| match element.offset() {
                Offset::Offset(offset) => Some((element.partition(), offset)),
                _ => None,
            })
            .collect()
    }

    /// Commits offsets to the consumer group for lag tools. Best effort: ingest
    /// never reads them.
    pub(crate) fn commit_offsets_for_lag_tools(&self, next: &BTreeMap<i32, i64>) {
        let result = self
            .partition_list(next)
            .map_err(|error| error.to_string())
            .and_then(|list| {
                self.client
                    .commit(&list, CommitMode::Async)
                    .map_err(|error| error.to_string())
            });
        if let Err(error) = result {
            tracing::debug!(topic = self.topic, %error, "no offsets were committed for lag tools");
        }
    }

    /// Opens the source of fetched messages. `None` when the client has no queue.
    pub(crate) fn open_feed(&self) -> Option<RecordFeed<'_>> {
        if self.grouped {
            return Some(RecordFeed::Events(&self.client));
        }
        BatchQueue::new(&self.client).map(RecordFeed::Batches)
    }
}

/// The source of fetched messages.
pub(crate) enum RecordFeed<'c> {
    /// Many messages at a time, for partitions that are assigned by hand.
    Batches(BatchQueue<'c>),
    /// One message at a time, with the group's events in between.
    Events(&'c BaseConsumer<GroupContext>),
}

impl RecordFeed<'_> {
    /// Passes all available events to `each`, or waits up to `wait` for the first
    /// one. Returns how many there were.
    pub(crate) fn poll(&mut self, wait: Duration, each: &mut dyn FnMut(Polled<'_>)) -> usize {
        let consumer = match self {
            Self::Batches(batches) => return batches.poll(wait, each),
            Self::Events(consumer) => consumer,
        };
        match consumer.poll(wait) {
            None => return 0,
            Some(Ok(message)) => emit_borrowed_message(&message, each),
            Some(Err(Client::PartitionEOF(partition))) => each(Polled::End {
                partition,
                offset: None,
            }),
            Some(Err(error)) => {
                if let Some(code) = error.rdkafka_error_code() {
                    each(Polled::Error {
                        partition: None,
                        code,
                        text: error.to_string(),
                    });
                }
            }
        }
        1
    }
}

/// A consumer that is shared between threads.
pub(crate) type SharedConsumer = Arc<TopicConsumer>;
