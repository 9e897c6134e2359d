//! The Kafka client: its settings and its callbacks.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::error::KafkaError;
use rdkafka::producer::{DeliveryResult, ProducerContext, ThreadedProducer};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{ClientConfig, ClientContext, Message};
use sluice_service::console::Console;
use sluice_service::kafka::{KafkaSettings, KafkaSettingsError};
use tokio::sync::Notify;

use crate::counts::DeliveryCounts;
use crate::error::ProduceError;
use crate::error_code;

/// How long an event may wait for its acknowledgement, broker failures
/// included.
const MESSAGE_TIMEOUT_MS: &str = "120000";

pub(crate) type Producer = ThreadedProducer<DeliveryContext>;

/// The settings with those added that produce-events depends on: no duplicates,
/// and events in order.
pub(crate) fn producer_settings(
    mut settings: KafkaSettings,
) -> Result<KafkaSettings, KafkaSettingsError> {
    // No duplicates, and the order is kept, even when an acknowledgement is lost
    // and a batch is retried.
    settings.set_fixed("enable.idempotence", "true")?;
    settings.set_default("client.id", "produce-events");
    settings.set_default("message.timeout.ms", MESSAGE_TIMEOUT_MS);
    settings.set_default("linger.ms", "10");
    settings.set_default("compression.type", "lz4");
    // As in Java clients, so that a key's partition is the same for all writers.
    settings.set_default("partitioner", "murmur2_random");
    // This program creates the topic itself, with the number of partitions asked for.
    settings.set_default("allow.auto.create.topics", "false");
    Ok(settings)
}

/// The client library's configuration.
pub(crate) fn client_config(settings: &KafkaSettings) -> ClientConfig {
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
pub(crate) fn create_producer(
    settings: &KafkaSettings,
    context: &DeliveryContext,
) -> Result<Producer, ProduceError> {
    Producer::from_config_and_context(&client_config(settings), context.clone())
        .map_err(ProduceError::from_client_error)
}

/// Receives the client's callbacks and keeps their results. Clones share them.
#[derive(Clone)]
pub(crate) struct DeliveryContext(Arc<DeliveryState>);

struct DeliveryState {
    /// Where the client's own log goes; `None` without the setting `debug`.
    log: Option<Console>,
    deliveries: Mutex<DeliveryCounts>,
    last_error: Mutex<Option<ReportedError>>,
    /// Notified when an event is acknowledged or failed.
    delivery_reported: Notify,
}

/// The last error that the client reported.
#[derive(Debug, Clone)]
pub(crate) struct ReportedError {
    pub(crate) reason: String,
    /// The broker refuses; a retry does not help.
    pub(crate) is_refusal: bool,
}

impl DeliveryContext {
    /// `log` receives the client's log lines.
    pub(crate) fn new(log: Option<Console>) -> Self {
        Self(Arc::new(DeliveryState {
            log,
            deliveries: Mutex::default(),
            last_error: Mutex::default(),
            delivery_reported: Notify::new(),
        }))
    }

    /// A copy of the delivery counts.
    pub(crate) fn deliveries(&self) -> DeliveryCounts {
        self.0.deliveries.lock().clone()
    }

    /// Reads the delivery counts without copying them.
    pub(crate) fn read_deliveries<T>(&self, what: impl FnOnce(&DeliveryCounts) -> T) -> T {
        what(&self.0.deliveries.lock())
    }

    /// Counts an event that did not enter the client's queue.
    pub(crate) fn record_failure(&self, code: RDKafkaErrorCode) {
        self.0.deliveries.lock().record_failure(code);
    }

    /// The last error that the client reported.
    pub(crate) fn last_error(&self) -> Option<ReportedError> {
        self.0.last_error.lock().clone()
    }

    /// The last error that the client reported; each error is returned once.
    pub(crate) fn take_last_error(&self) -> Option<ReportedError> {
        self.0.last_error.lock().take()
    }

    /// Returns when an event is acknowledged or failed, or after `longest`.
    pub(crate) async fn wait_for_delivery(&self, longest: Duration) {
        let _ = tokio::time::timeout(longest, self.0.delivery_reported.notified()).await;
    }
}

impl ClientContext for DeliveryContext {
    fn log(&self, _level: RDKafkaLogLevel, facility: &str, message: &str) {
        if let Some(console) = &self.0.log {
            console.print_err(&format!("kafka {facility}: {message}"));
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let code = error.rdkafka_error_code();
        // It follows an error with a better reason.
        if code == Some(RDKafkaErrorCode::AllBrokersDown) {
            return;
        }
        *self.0.last_error.lock() = Some(ReportedError {
            reason: reason.to_owned(),
            is_refusal: code.is_some_and(error_code::is_refusal),
        });
    }
}

impl ProducerContext for DeliveryContext {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): Self::DeliveryOpaque) {
        let mut answered = self.0.deliveries.lock();
        match result {
            Ok(message) => {
                let bytes = message.payload().map_or(0, <[u8]>::len) as u64;
                answered.record_ack(message.partition(), message.offset(), bytes);
            }
            Err((error, _)) => {
                let code = error.rdkafka_error_code();
                answered.record_failure(code.unwrap_or(RDKafkaErrorCode::Unknown));
            }
        }
        drop(answered);
        self.0.delivery_reported.notify_one();
    }
}
