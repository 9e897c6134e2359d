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

use super::conf::{self, ConfError};
use super::facts::{self, KafkaError};
use super::native::{Batches, Polled, show_borrowed};
use crate::start::{Facts, Watermarks};

/// What happened to a group member since the last look.
#[derive(Debug, Default)]
struct Membership {
    /// Newly assigned partitions, which have no offset yet.
    given: Option<Vec<i32>>,
    /// Whether partitions were revoked.
    revoked: bool,
}

/// How often the same warning of the client library is logged.
const SAME_COMPLAINT: Duration = Duration::from_secs(10);

/// Records the group's rebalances; the polling thread acts on them.
#[derive(Default)]
pub(crate) struct Assigner {
    membership: Mutex<Membership>,
    complained: Mutex<Option<(Option<RDKafkaErrorCode>, Instant)>>,
}

impl ClientContext for Assigner {
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
        let mut complained = self.complained.lock();
        let again =
            complained.is_some_and(|(last, at)| last == code && at.elapsed() < SAME_COMPLAINT);
        if !again {
            *complained = Some((code, Instant::now()));
            tracing::warn!("{reason}");
        }
    }
}

impl ConsumerContext for Assigner {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        event: RDKafkaRespErr,
        partitions: &mut TopicPartitionList,
    ) {
        let mut membership = self.membership.lock();
        if event == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            let given = partitions
                .elements()
                .iter()
                .map(|e| e.partition())
                .collect();
            membership.given = Some(given);
            // Nothing is fetched until the offsets are known from the ledger:
            // the group's own offsets are never read.
            if let Err(error) = consumer.assign(&TopicPartitionList::new()) {
                tracing::warn!(%error, "the group's assignment cannot be accepted");
            }
        } else {
            membership.revoked = true;
            membership.given = None;
            if let Err(error) = consumer.unassign() {
                tracing::warn!(%error, "the revoked partitions cannot be released");
            }
        }
    }
}

/// A consumer of one topic.
pub(crate) struct Consumer {
    client: BaseConsumer<Assigner>,
    pub(crate) topic: String,
    servers: String,
    /// Whether a group assigns the partitions.
    grouped: bool,
    timeout: Duration,
}

/// Creates a consumer. It connects lazily, so only a wrong setting is an error
/// here.
pub(crate) fn connect(
    settings: &KafkaSettings,
    topic: &str,
    group: Option<&str>,
    timeout: Duration,
) -> Result<Consumer, ConfError> {
    // A consumer needs a group to commit offsets for lag tools.
    let lag_group = format!("ingest-landing-{topic}");
    let client = conf::client(settings, group.unwrap_or(&lag_group))?
        .create_with_context(Assigner::default())
        .map_err(|error| ConfError::Refused {
            problem: error.to_string(),
        })?;
    Ok(Consumer {
        client,
        topic: topic.to_owned(),
        servers: settings.bootstrap_servers().to_owned(),
        grouped: group.is_some(),
        timeout,
    })
}

impl Consumer {
    fn failed(&self, action: &'static str, source: Client) -> KafkaError {
        KafkaError::of(action, &self.topic, &self.servers, source)
    }

    /// The error for a code after which records can no longer be read.
    pub(crate) fn broken(&self, code: RDKafkaErrorCode) -> KafkaError {
        self.failed("read the records", Client::MessageConsumption(code))
    }

    pub(crate) fn is_grouped(&self) -> bool {
        self.grouped
    }

    /// Fetches the topic's ids, partitions and offsets. Blocks.
    pub(crate) fn facts(&self) -> Result<Facts, KafkaError> {
        facts::facts(&self.client, &self.topic, &self.servers, self.timeout)
    }

    /// The first offset of each partition at or after a time; the partition's end
    /// where there is none. Blocks.
    pub(crate) fn offsets_at(
        &self,
        facts: &Facts,
        millis: i64,
    ) -> Result<BTreeMap<i32, i64>, KafkaError> {
        facts::offsets_at(
            &self.client,
            &self.topic,
            &self.servers,
            facts,
            millis,
            self.timeout,
        )
    }

    /// The first and last offset of one partition. Blocks, for at most five seconds.
    pub(crate) fn watermarks(&self, partition: i32) -> Result<Watermarks, KafkaError> {
        self.watermarks_within(partition, Duration::from_secs(5))
    }

    /// The first and last offset of one partition. Blocks, for at most `most`.
    pub(crate) fn watermarks_within(
        &self,
        partition: i32,
        most: Duration,
    ) -> Result<Watermarks, KafkaError> {
        let timeout = self.timeout.min(most);
        let (low, high) = self
            .client
            .fetch_watermarks(&self.topic, partition, timeout)
            .map_err(|source| self.failed("read the offsets", source))?;
        Ok(Watermarks { low, high })
    }

    /// Assigns these partitions, and no others, to be read from these offsets.
    pub(crate) fn assign(&self, offsets: &BTreeMap<i32, i64>) -> Result<(), KafkaError> {
        let list = self.list(offsets)?;
        self.client
            .assign(&list)
            .map_err(|source| self.failed("assign the partitions", source))
    }

    pub(crate) fn subscribe(&self) -> Result<(), KafkaError> {
        self.client
            .subscribe(&[&self.topic])
            .map_err(|source| self.failed("join the group", source))
    }

    /// The partitions that the group has assigned since the last call.
    pub(crate) fn given(&self) -> Option<Vec<i32>> {
        self.client.context().membership.lock().given.take()
    }

    /// Whether the group has revoked partitions since the last call.
    pub(crate) fn revoked(&self) -> bool {
        std::mem::take(&mut self.client.context().membership.lock().revoked)
    }

    fn list(&self, offsets: &BTreeMap<i32, i64>) -> Result<TopicPartitionList, KafkaError> {
        let mut list = TopicPartitionList::new();
        for (partition, offset) in offsets {
            list.add_partition_offset(&self.topic, *partition, Offset::Offset(*offset))
                .map_err(|source| self.failed("assign the partitions", source))?;
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
    pub(crate) fn leave_offsets(&self, next: &BTreeMap<i32, i64>) {
        let left = self
            .list(next)
            .map_err(|error| error.to_string())
            .and_then(|list| {
                self.client
                    .commit(&list, CommitMode::Async)
                    .map_err(|error| error.to_string())
            });
        if let Err(error) = left {
            tracing::debug!(topic = self.topic, %error, "no offsets were committed for lag tools");
        }
    }

    /// Opens the source of fetched messages. `None` when the client has no queue.
    pub(crate) fn feed(&self) -> Option<Feed<'_>> {
        if self.grouped {
            return Some(Feed::Events(&self.client));
        }
        Batches::new(&self.client).map(Feed::Batches)
    }
}

/// The source of fetched messages.
pub(crate) enum Feed<'c> {
    /// Many messages at a time, for partitions that are assigned by hand.
    Batches(Batches<'c>),
    /// One message at a time, with the group's events in between.
    Events(&'c BaseConsumer<Assigner>),
}

impl Feed<'_> {
    /// Passes all available events to `each`, or waits up to `wait` for the first
    /// one. Returns how many there were.
    pub(crate) fn poll(&mut self, wait: Duration, each: &mut dyn FnMut(Polled<'_>)) -> usize {
        let consumer = match self {
            Self::Batches(batches) => return batches.poll(wait, each),
            Self::Events(consumer) => consumer,
        };
        match consumer.poll(wait) {
            None => return 0,
            Some(Ok(message)) => show_borrowed(&message, each),
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
pub(crate) type SharedConsumer = Arc<Consumer>;
