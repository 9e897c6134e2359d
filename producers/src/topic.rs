//! Finds a broker and the topic before anything is sent.

use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::producer::Producer as _;
use rdkafka::types::RDKafkaErrorCode;
use sluice_service::kafka::KafkaSettings;

use crate::client::{self, DeliveryContext, Producer};
use crate::error::ProduceError;

/// How long one metadata request may take before signals are checked.
const METADATA_TIMEOUT: Duration = Duration::from_millis(500);
/// After this time without an answer, a line says that the program waits.
const REPORT_AFTER: Duration = Duration::from_secs(1);
/// The pause between two metadata requests while the topic is not ready.
const RETRY_PAUSE: Duration = Duration::from_millis(100);
/// Kafka's value for the broker's default number of replicas.
const DEFAULT_REPLICATION: i32 = -1;

/// A topic that accepts events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TargetTopic {
    pub(crate) partitions: usize,
    pub(crate) created: bool,
}

/// Finds or creates the topic.
pub(crate) struct TopicFinder<'a> {
    pub(crate) producer: &'a Producer,
    pub(crate) context: &'a DeliveryContext,
    pub(crate) settings: &'a KafkaSettings,
    pub(crate) topic: &'a str,
    /// How many partitions the topic gets if it does not exist.
    pub(crate) partitions: i32,
    /// How long to look for a broker.
    pub(crate) connect_timeout: Duration,
    /// Prints a line for the user.
    pub(crate) print_note: &'a dyn Fn(&str),
}

/// What a broker reports about the topic.
enum TopicState {
    /// All its partitions can be written to.
    Ready(usize),
    /// Not all partitions have a leader yet.
    NotReady(RDKafkaErrorCode),
    Missing,
}

impl TopicFinder<'_> {
    /// Finds the topic or creates it. Returns `None` when `stopped` returns true.
    pub(crate) async fn find_or_create(
        &self,
        stopped: impl Fn() -> bool,
    ) -> Result<Option<TargetTopic>, ProduceError> {
        let started_at = Instant::now();
        let mut created = false;
        let mut reported = false;
        loop {
            if stopped() {
                return Ok(None);
            }
            let timed_out = started_at.elapsed() >= self.connect_timeout;
            match self.query_topic()? {
                Some(TopicState::Ready(partitions)) => {
                    return Ok(Some(TargetTopic {
                        partitions,
                        created,
                    }));
                }
                Some(TopicState::Missing) if !created => {
                    self.create_topic().await?;
                    created = true;
                }
                // The broker that answered may not know the new topic yet.
                Some(TopicState::Missing) if timed_out => {
                    return Err(self.topic_error(RDKafkaErrorCode::UnknownTopicOrPartition));
                }
                Some(TopicState::NotReady(code)) if timed_out => return Err(self.topic_error(code)),
                Some(TopicState::Missing | TopicState::NotReady(_)) => {
                    tokio::time::sleep(RETRY_PAUSE).await
                }
                None => {
                    self.check_connection(timed_out)?;
                    if !reported && started_at.elapsed() >= REPORT_AFTER {
                        reported = true;
                        self.report_waiting();
                    }
                }
            }
        }
    }

    /// Asks a broker for the topic's state; `None` when no broker answers.
    fn query_topic(&self) -> Result<Option<TopicState>, ProduceError> {
        let client = self.producer.client();
        let Ok(metadata) = client.fetch_metadata(Some(self.topic), METADATA_TIMEOUT) else {
            return Ok(None);
        };
        let topic = metadata
            .topics()
            .iter()
            .find(|topic| topic.name() == self.topic);
        let Some(topic) = topic else {
            return Ok(Some(TopicState::Missing));
        };
        // Only a topic without an error is sure to have a list of partitions.
        let error = topic.error().or_else(|| {
            topic
                .partitions()
                .iter()
                .find_map(|partition| partition.error())
        });
        match error.map(RDKafkaErrorCode::from) {
            Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => {
                Ok(Some(TopicState::Missing))
            }
            Some(
                code @ (RDKafkaErrorCode::LeaderNotAvailable
                | RDKafkaErrorCode::ReplicaNotAvailable
                | RDKafkaErrorCode::NotLeaderForPartition),
            ) => Ok(Some(TopicState::NotReady(code))),
            Some(code) => Err(self.topic_error(code)),
            None if topic.partitions().is_empty() => Ok(Some(TopicState::NotReady(
                RDKafkaErrorCode::LeaderNotAvailable,
            ))),
            None => Ok(Some(TopicState::Ready(topic.partitions().len()))),
        }
    }

    fn check_connection(&self, timed_out: bool) -> Result<(), ProduceError> {
        let brokers = self.settings.bootstrap_servers().to_owned();
        match self.context.last_error() {
            Some(trouble) if trouble.is_refusal => Err(ProduceError::Refused {
                brokers,
                reason: trouble.reason,
            }),
            trouble if timed_out => Err(ProduceError::Unreachable {
                brokers,
                seconds: self.connect_timeout.as_secs(),
                reason: trouble.map(|trouble| trouble.reason),
            }),
            _ => Ok(()),
        }
    }

    fn report_waiting(&self) {
        let brokers = self.settings.bootstrap_servers();
        let reason = match self.context.last_error() {
            Some(trouble) => format!(" ({})", trouble.reason),
            None => String::new(),
        };
        (self.print_note)(&format!("waiting for a broker at {brokers}{reason}"));
    }

    async fn create_topic(&self) -> Result<(), ProduceError> {
        let failed = |code| ProduceError::Create {
            topic: self.topic.to_owned(),
            code,
        };
        let config = client::client_config(self.settings);
        // A separate context, so that its errors are not mixed with the producer's.
        let admin = AdminClient::from_config_and_context(&config, DeliveryContext::new(None))
            .map_err(ProduceError::from_client_error)?;
        let replication = TopicReplication::Fixed(DEFAULT_REPLICATION);
        let topic = NewTopic::new(self.topic, self.partitions, replication);
        let options = AdminOptions::new()
            .request_timeout(Some(self.connect_timeout))
            .operation_timeout(Some(self.connect_timeout));
        let results = admin
            .create_topics([&topic], &options)
            .await
            .map_err(|error| {
                failed(
                    error
                        .rdkafka_error_code()
                        .unwrap_or(RDKafkaErrorCode::OperationTimedOut),
                )
            })?;
        for result in results {
            match result {
                // Another process created it first.
                Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((_, code)) => return Err(failed(code)),
            }
        }
        Ok(())
    }

    fn topic_error(&self, code: RDKafkaErrorCode) -> ProduceError {
        ProduceError::Topic {
            topic: self.topic.to_owned(),
            code,
        }
    }
}
