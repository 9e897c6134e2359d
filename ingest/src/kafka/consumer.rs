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

/// What happened to a group's member since it was last asked.
#[derive(Debug, Default)]
struct Membership {
    /// Partitions that were given to us and have no offset yet.
    given: Option<Vec<i32>>,
    /// Whether partitions were taken away.
    revoked: bool,
}

/// How often the same complaint of the client library is worth a word.
const SAME_COMPLAINT: Duration = Duration::from_secs(10);

/// Notes what the group does; the one who polls acts on it.
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
            // Nothing is fetched before the ledger has said from where: the
            // group's own offsets are never read.
            if let Err(error) = consumer.assign(&TopicPartitionList::new()) {
                tracing::warn!(%error, "the group's assignment cannot be taken");
            }
        } else {
            membership.revoked = true;
            membership.given = None;
            if let Err(error) = consumer.unassign() {
                tracing::warn!(%error, "the partitions cannot be given back");
            }
        }
    }
}

/// A consumer of one topic.
pub(crate) struct Consumer {
    client: BaseConsumer<Assigner>,
    pub(crate) topic: String,
    servers: String,
    /// Whether a group decides which partitions are ours.
    grouped: bool,
    timeout: Duration,
}

/// Connects lazily: only a wrong setting is an error here.
pub(crate) fn connect(
    settings: &KafkaSettings,
    topic: &str,
    group: Option<&str>,
    timeout: Duration,
) -> Result<Consumer, ConfError> {
    // Without a group of its own a consumer cannot leave offsets for lag tools.
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

    /// The error for a code with which the broker refused to go on.
    pub(crate) fn broken(&self, code: RDKafkaErrorCode) -> KafkaError {
        self.failed("go on with the records", Client::MessageConsumption(code))
    }

    pub(crate) fn is_grouped(&self) -> bool {
        self.grouped
    }

    /// Asks for the topic's ids, partitions and offsets. Blocks.
    pub(crate) fn facts(&self) -> Result<Facts, KafkaError> {
        facts::facts(&self.client, &self.topic, &self.servers, self.timeout)
    }

    /// Offsets by time; see [`facts::offsets_at`]. Blocks.
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

    /// The offsets of one partition. Blocks, for five seconds at most.
    pub(crate) fn watermarks(&self, partition: i32) -> Result<Watermarks, KafkaError> {
        self.watermarks_within(partition, Duration::from_secs(5))
    }

    /// The offsets of one partition. Blocks, no longer than `most`.
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

    /// Reads these partitions from these offsets on, and no others.
    pub(crate) fn assign(&self, offsets: &BTreeMap<i32, i64>) -> Result<(), KafkaError> {
        let list = self.list(offsets)?;
        self.client
            .assign(&list)
            .map_err(|source| self.failed("assign the partitions", source))
    }

    /// Joins the group.
    pub(crate) fn subscribe(&self) -> Result<(), KafkaError> {
        self.client
            .subscribe(&[&self.topic])
            .map_err(|source| self.failed("join the group", source))
    }

    /// Partitions that the group has given us since the last call.
    pub(crate) fn given(&self) -> Option<Vec<i32>> {
        self.client.context().membership.lock().given.take()
    }

    /// Whether the group has taken partitions away since the last call.
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

    /// How far each of these partitions was handed out, control records
    /// included.
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

    /// Leaves offsets for lag tools. Best effort: nobody here reads them.
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
            tracing::debug!(topic = self.topic, %error, "no offsets were left for lag tools");
        }
    }

    /// Where what was fetched comes out.
    pub(crate) fn feed(&self) -> Option<Feed<'_>> {
        if self.grouped {
            return Some(Feed::Events(&self.client));
        }
        Batches::new(&self.client).map(Feed::Batches)
    }
}

/// Where what was fetched comes out.
pub(crate) enum Feed<'c> {
    /// Many messages at a time.
    Batches(Batches<'c>),
    /// One at a time, with the group's events in between.
    Events(&'c BaseConsumer<Assigner>),
}

impl Feed<'_> {
    /// Hands what is there to `each`, or what comes first within `wait`. Returns
    /// how many there were.
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

/// A consumer that several threads use.
pub(crate) type SharedConsumer = Arc<Consumer>;
