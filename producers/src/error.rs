//! Why a run did not send everything that was asked for.

use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;
use sluice_proto::v1::{ErrorKind, JobError};
use sluice_service::format::{format_count, group_thousands};
use sluice_service::kafka::{KafkaSettings, KafkaSettingsError};
use thiserror::Error;

use crate::error_code::{describe_code, error_kind};
use crate::plan::PlanError;

/// Why a run did not send everything that was asked for.
#[derive(Debug, Clone, Error)]
pub(crate) enum ProduceError {
    /// Clap's message about the command line.
    #[error("{0}")]
    Arguments(String),
    #[error("{0}")]
    Settings(String),
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A setting that the client library refuses.
    #[error("the Kafka setting {key} cannot be {value}: {why}")]
    Setting {
        key: String,
        value: String,
        why: String,
    },
    /// Settings that contradict each other.
    #[error("the Kafka client cannot start: {0}")]
    Client(String),
    #[error("no broker at {brokers} answered within {seconds} s{}", reason_suffix(reason.as_deref()))]
    Unreachable {
        brokers: String,
        seconds: u64,
        reason: Option<String>,
    },
    #[error("the broker at {brokers} refuses: {reason}")]
    Refused { brokers: String, reason: String },
    #[error("topic {topic} cannot be used: {}", describe_code(*code))]
    Topic {
        topic: String,
        code: RDKafkaErrorCode,
    },
    #[error("topic {topic} does not exist and cannot be created: {}", describe_code(*code))]
    Create {
        topic: String,
        code: RDKafkaErrorCode,
    },
    #[error("{} of {} failed: {}", group_thousands(*failed), format_count(*sent, "event"), describe_code(*code))]
    Failed {
        failed: u64,
        sent: u64,
        /// The most frequent reason.
        code: RDKafkaErrorCode,
        fatal: Option<String>,
    },
    #[error("stopped before the broker acknowledged {}", format_count(*unconfirmed, "event"))]
    Unconfirmed { unconfirmed: u64 },
    #[error("stopped after {} of {}", group_thousands(*sent), format_count(*required, "event"))]
    Stopped { sent: u64, required: u64 },
    #[error("produce-events cannot start: {0}")]
    Start(String),
}

impl From<KafkaSettingsError> for ProduceError {
    fn from(error: KafkaSettingsError) -> Self {
        Self::Settings(error.to_string())
    }
}

impl ProduceError {
    /// The error for a client that cannot be created.
    pub(crate) fn from_client_error(error: KafkaError) -> Self {
        match error {
            KafkaError::ClientConfig(_, why, key, value) => Self::Setting {
                value: KafkaSettings::displayed_value(&key, &value).to_owned(),
                key,
                why,
            },
            KafkaError::ClientCreation(why) => Self::Client(why),
            other => Self::Client(other.to_string()),
        }
    }

    /// The kind of error, which decides the exit code.
    pub(crate) fn kind(&self) -> ErrorKind {
        match self {
            Self::Arguments(_)
            | Self::Settings(_)
            | Self::Plan(_)
            | Self::Setting { .. }
            | Self::Client(_) => ErrorKind::Invalid,
            Self::Unreachable { .. } | Self::Refused { .. } => ErrorKind::Unavailable,
            Self::Topic { code, .. } | Self::Create { code, .. } | Self::Failed { code, .. } => {
                error_kind(*code)
            }
            Self::Unconfirmed { .. } | Self::Stopped { .. } => ErrorKind::Killed,
            Self::Start(_) => ErrorKind::Internal,
        }
    }

    /// What to do about it; empty when the message already says it.
    fn next_step(&self) -> String {
        match self {
            Self::Setting { .. } | Self::Client(_) => {
                "check --kafka-conf and --kafka-properties; they take librdkafka's settings"
                    .to_owned()
            }
            Self::Unreachable { .. } => {
                "start a broker, or name another one with --bootstrap-servers".to_owned()
            }
            Self::Refused { .. } => {
                "check user, password and certificates in --kafka-properties".to_owned()
            }
            Self::Topic { .. } => "choose another topic with --topic, or ask for access".to_owned(),
            Self::Create { topic, .. } => {
                format!("create {topic} by hand, or try another number of --partitions")
            }
            Self::Failed { fatal, .. } => {
                let again =
                    "the summary says what arrived; run it again when the broker is available";
                match fatal {
                    Some(reason) => format!("{reason}; {again}"),
                    None => again.to_owned(),
                }
            }
            Self::Unconfirmed { .. } => {
                "these events may or may not be in the topic; the acknowledged ones are".to_owned()
            }
            Self::Arguments(_)
            | Self::Settings(_)
            | Self::Plan(_)
            | Self::Stopped { .. }
            | Self::Start(_) => String::new(),
        }
    }

    /// The error in the form in which all programs of Sluice report errors.
    pub(crate) fn job_error(&self) -> JobError {
        JobError::new(self.kind(), self.to_string()).with_next_step(self.next_step())
    }
}

fn reason_suffix(reason: Option<&str>) -> String {
    reason.map_or_else(String::new, |reason| format!(": {reason}"))
}
