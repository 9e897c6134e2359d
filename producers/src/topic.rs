//! Finds a broker and the topic before anything is sent.

use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::producer::Producer as _;
use rdkafka::types::RDKafkaErrorCode;
use sluice_service::kafka::KafkaSettings;

use crate::client::{self, Context, Producer};
use crate::error::ProduceError;

/// How long one metadata request may take before signals are checked.
const QUESTION: Duration = Duration::from_millis(500);
/// After this time without an answer, a line says that the program waits.
const WORTH_A_WORD: Duration = Duration::from_secs(1);
/// The pause between two metadata requests while the topic is not ready.
const PAUSE: Duration = Duration::from_millis(100);
/// Kafka's value for the broker's default number of replicas.
const DEFAULT_REPLICATION: i32 = -1;

/// A topic that accepts events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Topic {
    pub(crate) partitions: usize,
    pub(crate) created: bool,
}

/// Finds or creates the topic.
pub(crate) struct Finder<'a> {
    pub(crate) producer: &'a Producer,
    pub(crate) context: &'a Context,
    pub(crate) settings: &'a KafkaSettings,
    pub(crate) topic: &'a str,
    /// How many partitions the topic gets if it does not exist.
    pub(crate) partitions: i32,
    /// How long to look for a broker.
    pub(crate) patience: Duration,
    /// Prints a line for the user.
    pub(crate) note: &'a dyn Fn(&str),
}

/// What a broker reports about the topic.
enum Found {
    /// All its partitions can be written to.
    Ready(usize),
    /// Not all partitions have a leader yet.
    Wait(RDKafkaErrorCode),
    Missing,
}

impl Finder<'_> {
    /// Finds the topic or creates it. Returns `None` when `stopped` returns true.
    pub(crate) async fn find(
        &self,
        stopped: impl Fn() -> bool,
    ) -> Result<Option<Topic>, ProduceError> {
        let begun = Instant::now();
        let mut created = false;
        let mut told = false;
        loop {
            if stopped() {
                return Ok(None);
            }
            let late = begun.elapsed() >= self.patience;
            match self.ask()? {
                Some(Found::Ready(partitions)) => {
                    return Ok(Some(Topic {
                        partitions,
                        created,
                    }));
                }
                Some(Found::Missing) if !created => {
                    self.create().await?;
                    created = true;
                }
                // The broker that answered may not know the new topic yet.
                Some(Found::Missing) if late => {
                    return Err(self.unusable(RDKafkaErrorCode::UnknownTopicOrPartition));
                }
                Some(Found::Wait(code)) if late => return Err(self.unusable(code)),
                Some(Found::Missing | Found::Wait(_)) => tokio::time::sleep(PAUSE).await,
                None => {
                    self.still_looking(late)?;
                    if !told && begun.elapsed() >= WORTH_A_WORD {
                        told = true;
                        self.tell();
                    }
                }
            }
        }
    }

    /// Asks a broker for the topic's state; `None` when no broker answers.
    fn ask(&self) -> Result<Option<Found>, ProduceError> {
        let client = self.producer.client();
        let Ok(metadata) = client.fetch_metadata(Some(self.topic), QUESTION) else {
            return Ok(None);
        };
        let topic = metadata
            .topics()
            .iter()
            .find(|topic| topic.name() == self.topic);
        let Some(topic) = topic else {
            return Ok(Some(Found::Missing));
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
                Ok(Some(Found::Missing))
            }
            Some(
                code @ (RDKafkaErrorCode::LeaderNotAvailable
                | RDKafkaErrorCode::ReplicaNotAvailable
                | RDKafkaErrorCode::NotLeaderForPartition),
            ) => Ok(Some(Found::Wait(code))),
            Some(code) => Err(self.unusable(code)),
            None if topic.partitions().is_empty() => {
                Ok(Some(Found::Wait(RDKafkaErrorCode::LeaderNotAvailable)))
            }
            None => Ok(Some(Found::Ready(topic.partitions().len()))),
        }
    }

    fn still_looking(&self, late: bool) -> Result<(), ProduceError> {
        let brokers = self.settings.bootstrap_servers().to_owned();
        match self.context.trouble() {
            Some(trouble) if trouble.refused => Err(ProduceError::Refused {
                brokers,
                reason: trouble.reason,
            }),
            trouble if late => Err(ProduceError::Unreachable {
                brokers,
                seconds: self.patience.as_secs(),
                reason: trouble.map(|trouble| trouble.reason),
            }),
            _ => Ok(()),
        }
    }

    fn tell(&self) {
        let brokers = self.settings.bootstrap_servers();
        let reason = match self.context.trouble() {
            Some(trouble) => format!(" ({})", trouble.reason),
            None => String::new(),
        };
        (self.note)(&format!("waiting for a broker at {brokers}{reason}"));
    }

    async fn create(&self) -> Result<(), ProduceError> {
        let failed = |code| ProduceError::Create {
            topic: self.topic.to_owned(),
            code,
        };
        let config = client::configuration(self.settings);
        // A separate context, so that its errors are not mixed with the producer's.
        let admin = AdminClient::from_config_and_context(&config, Context::new(None))
            .map_err(ProduceError::client)?;
        let replication = TopicReplication::Fixed(DEFAULT_REPLICATION);
        let topic = NewTopic::new(self.topic, self.partitions, replication);
        let options = AdminOptions::new()
            .request_timeout(Some(self.patience))
            .operation_timeout(Some(self.patience));
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

    fn unusable(&self, code: RDKafkaErrorCode) -> ProduceError {
        ProduceError::Topic {
            topic: self.topic.to_owned(),
            code,
        }
    }
}
