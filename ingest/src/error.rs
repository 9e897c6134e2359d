//! The errors of ingest, and their exit codes.

use sluice_landing::LandedFilesError;
use sluice_ledger::LedgerError;
use sluice_storage::{StoreError, StoreErrorKind};
use thiserror::Error;

use crate::batch::continuity::ContinuityError;
use crate::batch::start_offsets::StartError;
use crate::kafka::{ClientConfigError, KafkaError};

/// How a command ended: see `docs/exit-codes.md`, which is a published contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum ExitKind {
    /// Everything was done, and every check passed.
    Success = 0,
    /// Any other failure; a retry may succeed.
    Failed = 1,
    Invalid = 2,
    /// Files do not match the ledger.
    Damaged = 3,
    /// No broker could be reached.
    Unavailable = 4,
    /// A second signal asked to stop at once.
    Killed = 5,
    /// There is no such topic or ledger.
    NotFound = 8,
    /// The landing folder cannot be read or written.
    Storage = 9,
    /// Records were deleted before they were read.
    DataLost = 10,
    /// The topic was deleted and recreated.
    TopicRecreated = 11,
    /// The broker has fewer records than were read.
    OffsetsBackwards = 12,
    /// The topic is not complete up to the requested time.
    NotComplete = 13,
}

/// Why a command did not succeed.
#[derive(Debug, Error)]
pub enum IngestError {
    /// Wrong arguments.
    #[error("{problem}")]
    Invalid { problem: String },
    /// Wrong settings of the Kafka client.
    #[error(transparent)]
    ClientConfig(#[from] ClientConfigError),
    /// A request to the brokers failed.
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    /// The ledger and the broker do not match.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The landing folder cannot be read or written.
    #[error("landing of topic `{topic}`: {source}")]
    Store {
        topic: String,
        #[source]
        source: Box<StoreError>,
    },
    /// The ledger cannot be read or written.
    #[error("ledger of topic `{topic}`: {source}")]
    Ledger {
        topic: String,
        #[source]
        source: Box<LedgerError>,
    },
    /// Landed files cannot be read.
    #[error("landing of topic `{topic}`: {source}")]
    Landed {
        topic: String,
        #[source]
        source: Box<LandedFilesError>,
    },
    /// A file or ledger is not what has landed, so its files are not joined or deleted.
    #[error(
        "landing of topic `{topic}`: '{location}' is not what landing entry {seq} says: {problem}; \
         see `ingest-landing verify`, and restore it from a backup"
    )]
    NotAsLanded {
        topic: String,
        location: String,
        seq: u64,
        problem: String,
    },
    /// A batch does not continue the ledger: a bug in Sluice.
    #[error(
        "a batch of topic `{topic}` does not continue its ledger: {source}; please report this"
    )]
    Continuity {
        topic: String,
        #[source]
        source: ContinuityError,
    },
    /// A batch that is too old to be committed.
    #[error(
        "a batch of topic `{topic}` began {hours} hours ago and can no longer be committed, \
         because its files may have been deleted as orphans; run ingest again"
    )]
    TooOld { topic: String, hours: i64 },
    /// There is no ledger in the folder.
    #[error("there is no ledger at '{location}'; check --landing and --topic")]
    NoLedger { location: String },
    /// A replay into a folder that has a ledger of the topic.
    #[error("'{location}' has a ledger already; replay into another folder")]
    NotEmpty { location: String },
    /// Files do not match the ledger.
    #[error("{problems} problems were found in the landing folder")]
    Damaged { problems: usize },
    /// The topic is not complete up to the requested time.
    #[error("topic `{topic}` is not complete up to {wanted}, only {known}")]
    NotComplete {
        topic: String,
        wanted: String,
        /// The time up to which it is complete.
        known: String,
    },
    /// A second signal asked to stop at once.
    #[error("stopped at once; what was not committed has not landed, so run ingest again")]
    Killed,
    /// The process cannot start.
    #[error("ingest-landing cannot start: {source}")]
    Process {
        #[source]
        source: std::io::Error,
    },
    /// A bug in Sluice.
    #[error("topic `{topic}`: {problem}; please report this")]
    Internal {
        topic: String,
        problem: &'static str,
    },
}

/// Stands for the topic in errors that are not about one.
pub(crate) const ALL_TOPICS: &str = "*";

/// Names the topic of an error that does not know it.
pub(crate) trait ForTopic<T> {
    fn for_topic(self, topic: &str) -> Result<T, IngestError>;
}

impl<T> ForTopic<T> for Result<T, StoreError> {
    fn for_topic(self, topic: &str) -> Result<T, IngestError> {
        self.map_err(|source| IngestError::Store {
            topic: topic.to_owned(),
            source: Box::new(source),
        })
    }
}

impl<T> ForTopic<T> for Result<T, LedgerError> {
    fn for_topic(self, topic: &str) -> Result<T, IngestError> {
        self.map_err(|source| IngestError::Ledger {
            topic: topic.to_owned(),
            source: Box::new(source),
        })
    }
}

impl<T> ForTopic<T> for Result<T, LandedFilesError> {
    fn for_topic(self, topic: &str) -> Result<T, IngestError> {
        self.map_err(|source| IngestError::Landed {
            topic: topic.to_owned(),
            source: Box::new(source),
        })
    }
}

impl<T> ForTopic<T> for Result<T, ContinuityError> {
    fn for_topic(self, topic: &str) -> Result<T, IngestError> {
        self.map_err(|source| IngestError::Continuity {
            topic: topic.to_owned(),
            source,
        })
    }
}

impl IngestError {
    /// Whether a retry may succeed without anyone doing anything.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Kafka(error) => {
                error.is_unreachable() || matches!(error, KafkaError::Failed { .. })
            }
            Self::Store { source, .. } => source.kind().is_transient(),
            Self::Ledger { source, .. } => source
                .store_kind()
                .is_some_and(StoreErrorKind::is_transient),
            Self::Landed { source, .. } => source
                .store_kind()
                .is_some_and(StoreErrorKind::is_transient),
            _ => false,
        }
    }

    /// The exit code of a process that ends with this error.
    pub fn exit_kind(&self) -> ExitKind {
        match self {
            Self::Invalid { .. } | Self::ClientConfig(_) => ExitKind::Invalid,
            Self::Kafka(KafkaError::NoConnection { .. } | KafkaError::Unreachable { .. }) => {
                ExitKind::Unavailable
            }
            Self::Kafka(KafkaError::UnknownTopic { .. }) | Self::NoLedger { .. } => {
                ExitKind::NotFound
            }
            Self::Kafka(KafkaError::AccessDenied { .. }) => ExitKind::Invalid,
            Self::Start(StartError::DataLost { .. }) => ExitKind::DataLost,
            Self::Start(StartError::TopicRecreated { .. }) => ExitKind::TopicRecreated,
            Self::Start(StartError::OffsetsBackwards { .. }) => ExitKind::OffsetsBackwards,
            Self::Start(StartError::NoSuchOffset { .. }) | Self::NotEmpty { .. } => {
                ExitKind::Invalid
            }
            Self::Store { source, .. } => store_exit_kind(source.kind()),
            Self::Ledger { source, .. } => match source.store_kind() {
                Some(kind) => store_exit_kind(kind),
                None => ExitKind::Damaged,
            },
            Self::Landed { source, .. } => match source.store_kind() {
                Some(kind) => store_exit_kind(kind),
                None => ExitKind::Damaged,
            },
            Self::Damaged { .. } | Self::NotAsLanded { .. } => ExitKind::Damaged,
            Self::Killed => ExitKind::Killed,
            Self::NotComplete { .. } => ExitKind::NotComplete,
            Self::Kafka(KafkaError::Failed { .. })
            | Self::Continuity { .. }
            | Self::TooOld { .. }
            | Self::Process { .. }
            | Self::Internal { .. } => ExitKind::Failed,
        }
    }
}

fn store_exit_kind(kind: StoreErrorKind) -> ExitKind {
    match kind {
        StoreErrorKind::InvalidLocation | StoreErrorKind::Unsupported => ExitKind::Invalid,
        _ => ExitKind::Storage,
    }
}
