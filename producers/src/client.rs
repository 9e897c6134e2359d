//! The Kafka client: its settings, its callbacks, and which kind of error each of
//! its error codes is.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::error::KafkaError;
use rdkafka::producer::{DeliveryResult, ProducerContext, ThreadedProducer};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{ClientConfig, ClientContext, Message};
use sluice_service::kafka::{KafkaSettings, KafkaSettingsError};
use sluice_proto::v1::ErrorKind;
use tokio::sync::Notify;

use crate::error::ProduceError;
use crate::tally::Answered;
use sluice_service::console::Console;

/// How long an event may wait for its acknowledgement, broker failures
/// included.
const MESSAGE_TIMEOUT_MS: &str = "120000";

pub(crate) type Producer = ThreadedProducer<Context>;

/// The settings with those added that produce-events depends on: no duplicates,
/// and events in order.
pub(crate) fn settings(mut given: KafkaSettings) -> Result<KafkaSettings, KafkaSettingsError> {
    // No duplicates, and the order is kept, even when an acknowledgement is lost
    // and a batch is retried.
    given.fix("enable.idempotence", "true")?;
    given.set_default("client.id", "produce-events");
    given.set_default("message.timeout.ms", MESSAGE_TIMEOUT_MS);
    given.set_default("linger.ms", "10");
    given.set_default("compression.type", "lz4");
    // As in Java clients, so that a key's partition is the same for all writers.
    given.set_default("partitioner", "murmur2_random");
    // This program creates the topic itself, with the number of partitions asked for.
    given.set_default("allow.auto.create.topics", "false");
    Ok(given)
}

/// The client library's configuration.
pub(crate) fn configuration(settings: &KafkaSettings) -> ClientConfig {
    let mut config = ClientConfig::new();
    for (key, value) in settings.iter() {
        config.set(key, value);
    }
    config.set_log_level(match settings.get("debug") {
        Some(_) => RDKafkaLogLevel::Debug,
        None => RDKafkaLogLevel::Error,
    });
    config
}

/// A producer, not yet connected.
pub(crate) fn producer(
    settings: &KafkaSettings,
    context: &Context,
) -> Result<Producer, ProduceError> {
    Producer::from_config_and_context(&configuration(settings), context.clone())
        .map_err(ProduceError::client)
}

/// Receives the client's callbacks and keeps their results. Clones share them.
#[derive(Clone)]
pub(crate) struct Context(Arc<Shared>);

struct Shared {
    /// Where the client's own log goes; `None` without the setting `debug`.
    log: Option<Console>,
    answered: Mutex<Answered>,
    trouble: Mutex<Option<Trouble>>,
    /// Notified when an event is acknowledged or failed.
    answer: Notify,
}

/// The last error that the client reported.
#[derive(Debug, Clone)]
pub(crate) struct Trouble {
    pub(crate) reason: String,
    /// The broker refuses; a retry does not help.
    pub(crate) refused: bool,
}

impl Context {
    /// `log` receives the client's log lines.
    pub(crate) fn new(log: Option<Console>) -> Self {
        Self(Arc::new(Shared {
            log,
            answered: Mutex::default(),
            trouble: Mutex::default(),
            answer: Notify::new(),
        }))
    }

    /// A copy of the delivery counts.
    pub(crate) fn answered(&self) -> Answered {
        self.0.answered.lock().clone()
    }

    /// Reads the delivery counts without copying them.
    pub(crate) fn read<T>(&self, what: impl FnOnce(&Answered) -> T) -> T {
        what(&self.0.answered.lock())
    }

    /// Counts an event that did not enter the client's queue.
    pub(crate) fn fail(&self, code: RDKafkaErrorCode) {
        self.0.answered.lock().fail(code);
    }

    /// The last error that the client reported.
    pub(crate) fn trouble(&self) -> Option<Trouble> {
        self.0.trouble.lock().clone()
    }

    /// The last error that the client reported; each error is returned once.
    pub(crate) fn take_trouble(&self) -> Option<Trouble> {
        self.0.trouble.lock().take()
    }

    /// Returns when an event is acknowledged or failed, or after `longest`.
    pub(crate) async fn answer(&self, longest: Duration) {
        let _ = tokio::time::timeout(longest, self.0.answer.notified()).await;
    }
}

impl ClientContext for Context {
    fn log(&self, _level: RDKafkaLogLevel, facility: &str, message: &str) {
        if let Some(console) = &self.0.log {
            console.err(&format!("kafka {facility}: {message}"));
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let code = error.rdkafka_error_code();
        // It follows an error with a better reason.
        if code == Some(RDKafkaErrorCode::AllBrokersDown) {
            return;
        }
        *self.0.trouble.lock() = Some(Trouble {
            reason: reason.to_owned(),
            refused: code.is_some_and(is_refusal),
        });
    }
}

impl ProducerContext for Context {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): Self::DeliveryOpaque) {
        let mut answered = self.0.answered.lock();
        match result {
            Ok(message) => {
                let bytes = message.payload().map_or(0, <[u8]>::len) as u64;
                answered.acknowledge(message.partition(), message.offset(), bytes);
            }
            Err((error, _)) => {
                let code = error.rdkafka_error_code();
                answered.fail(code.unwrap_or(RDKafkaErrorCode::Unknown));
            }
        }
        drop(answered);
        self.0.answer.notify_one();
    }
}

/// Whether the broker refuses for good, so that a retry does not help.
fn is_refusal(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        code,
        Code::Authentication
            | Code::SaslAuthenticationFailed
            | Code::UnsupportedSASLMechanism
            | Code::SSL
            | Code::TopicAuthorizationFailed
            | Code::ClusterAuthorizationFailed
    )
}

/// Whether all further events would fail the same way.
pub(crate) fn is_hopeless(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    is_refusal(code)
        || matches!(
            code,
            Code::Fatal
                // The client retried until the message timeout.
                | Code::MessageTimedOut
                | Code::UnknownTopic
                | Code::UnknownTopicOrPartition
                | Code::UnknownPartition
                | Code::InvalidTopic
                | Code::PolicyViolation
        )
}

/// The kind of error that a code stands for.
pub(crate) fn kind(code: RDKafkaErrorCode) -> ErrorKind {
    use RDKafkaErrorCode as Code;
    match code {
        Code::MessageTimedOut
        | Code::OperationTimedOut
        | Code::RequestTimedOut
        | Code::TimedOutQueue
        | Code::BrokerTransportFailure
        | Code::AllBrokersDown
        | Code::Resolve
        | Code::NetworkException => ErrorKind::Unavailable,
        Code::InvalidTopic
        | Code::InvalidPartitions
        | Code::InvalidReplicationFactor
        | Code::InvalidConfig
        | Code::InvalidArgument
        | Code::PolicyViolation => ErrorKind::Invalid,
        code if is_refusal(code) => ErrorKind::Unavailable,
        _ => ErrorKind::Transient,
    }
}
