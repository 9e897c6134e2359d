//! The consumer of one topic, its partitions assigned by hand or by a group.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::error::KafkaError as Client;
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};
use sluice_service::kafka::KafkaSettings;
use sluice_service::outage::Outage;

use super::client_config::{self, ClientConfigError};
use super::error::KafkaError;
use super::group_context::GroupContext;
use super::list_offsets::OffsetKind;
use super::log_queue::LogQueue;
use super::metadata::TopicMetadata;
use super::native::{BatchQueue, Polled, emit_borrowed_message};
use super::stop_deadline::StopDeadline;
use super::topic_query::TopicQuery;

/// A consumer of one topic.
pub(crate) struct TopicConsumer {
    // Destroyed before the client, as the library demands.
    log_queue: Option<LogQueue>,
    client: BaseConsumer<GroupContext>,
    pub(crate) topic: String,
    servers: String,
    /// Whether a group assigns the partitions.
    grouped: bool,
    timeout: Duration,
    stop: StopDeadline,
    /// Of questions that no broker answers.
    outage: Mutex<Outage>,
}

/// How long after a request to stop the brokers may take to answer a question. With the
/// end of a batch, and with closing the consumer, a stop takes less than 5 seconds
/// whatever the brokers do.
pub(crate) const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// The same for the ends of partitions, without which a batch can be committed.
const STOP_ENDS_TIMEOUT: Duration = Duration::from_secs(1);

/// How many lines the library logs at most when a client is created: it warns of settings
/// that have no effect.
const MAX_EARLY_LINES: usize = 16;

/// Creates a consumer. It connects lazily, so only a wrong setting is an error
/// here.
pub(crate) fn create_consumer(
    settings: &KafkaSettings,
    topic: &str,
    group: Option<&str>,
    timeout: Duration,
    stop: StopDeadline,
) -> Result<TopicConsumer, ClientConfigError> {
    // A consumer needs a group to commit offsets for lag tools.
    let lag_group = format!("ingest-landing-{topic}");
    let context = GroupContext::new(settings.bootstrap_servers());
    let client: BaseConsumer<GroupContext> =
        client_config::client_config(settings, group.unwrap_or(&lag_group))?
            .create_with_context(context)
            .map_err(|error| ClientConfigError::Refused {
                problem: error.to_string(),
            })?;
    // SAFETY: the client lives longer than the queue: see the order of the fields.
    let log_queue = unsafe { LogQueue::attach_to(client.client().native_ptr()) };
    // What was logged before is in the queue of the records, from where the calls for
    // batches would print it. There are no records yet.
    for _ in 0..MAX_EARLY_LINES {
        let _ = client.poll(Duration::ZERO);
    }
    Ok(TopicConsumer {
        log_queue,
        client,
        topic: topic.to_owned(),
        servers: settings.bootstrap_servers().to_owned(),
        grouped: group.is_some(),
        timeout,
        stop,
        outage: Mutex::default(),
    })
}

impl TopicConsumer {
    /// A question that the brokers may take at most this long to answer.
    fn query(&self, timeout: Duration) -> TopicQuery<'_> {
        TopicQuery {
            client: &self.client,
            log_queue: self.log_queue.as_ref(),
            topic: &self.topic,
            servers: &self.servers,
            timeout,
            after_stop: STOP_TIMEOUT,
            stop: &self.stop,
        }
    }

    fn kafka_error(&self, action: &'static str, source: Client) -> KafkaError {
        self.query(self.timeout).error(action, source)
    }

    /// Logs what the client library has reported since the last call. Questions do so by
    /// themselves.
    pub(crate) fn read_client_log(&self) {
        self.query(self.timeout).read_client_log();
    }

    /// The error for a code after which records can no longer be read.
    pub(crate) fn consume_error(&self, code: RDKafkaErrorCode) -> KafkaError {
        self.kafka_error("read the records", Client::MessageConsumption(code))
    }

    /// Logs that no broker answers, if that is new or lasts.
    pub(crate) fn log_silence(&self, error: &KafkaError) {
        if let Some(note) = self.outage.lock().on_seen(Instant::now()) {
            tracing::warn!(topic = self.topic, %error, "no broker answers, retrying ({note})");
        }
    }

    /// Logs that the brokers answer again, if they did not before.
    pub(crate) fn log_answer(&self) {
        if let Some(note) = self.outage.lock().on_ended(Instant::now()) {
            tracing::info!(topic = self.topic, "the brokers answer again ({note})");
        }
    }

    pub(crate) fn is_grouped(&self) -> bool {
        self.grouped
    }

    /// Fetches the topic's ids, partitions and offsets. Blocks.
    pub(crate) fn fetch_metadata(&self) -> Result<TopicMetadata, KafkaError> {
        self.query(self.timeout).fetch_metadata()
    }

    /// The first offset of each partition at or after a time; the partition's end
    /// where there is none. Blocks.
    pub(crate) fn offsets_at_time(
        &self,
        metadata: &TopicMetadata,
        millis: i64,
    ) -> Result<BTreeMap<i32, i64>, KafkaError> {
        let query = self.query(self.timeout);
        query.find_offsets_at_time(metadata, millis)
    }

    /// The topic's id now; `None` when the brokers do not report ids. Blocks, for at
    /// most `most`.
    pub(crate) fn fetch_topic_id(&self, most: Duration) -> Result<Option<String>, KafkaError> {
        self.query(self.timeout.min(most)).fetch_id()
    }

    /// The ends of these partitions, records of open transactions included, in one
    /// request. Blocks, for at most `most`.
    pub(crate) fn fetch_ends(
        &self,
        partitions: &[i32],
        most: Duration,
    ) -> Result<BTreeMap<i32, i64>, KafkaError> {
        let query = TopicQuery {
            after_stop: STOP_ENDS_TIMEOUT,
            ..self.query(self.timeout.min(most))
        };
        query.fetch_offsets(partitions, OffsetKind::End)
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
        self.client.context().take_assignment()
    }

    /// Whether the group has revoked partitions since the last call.
    pub(crate) fn take_revocation(&self) -> bool {
        self.client.context().take_revocation()
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
