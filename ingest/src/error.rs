//! Why ingest ended without success, and with which exit code.

use sluice_ledger::LedgerError;
use sluice_storage::{StoreError, StoreErrorKind};
use thiserror::Error;

use crate::kafka::{ConfError, KafkaError};
use crate::start::StartError;
use crate::tiling::TilingError;

/// How a command ended: see `docs/exit-codes.md`, which is a published contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum ExitKind {
    /// Everything that was asked for is true.
    Success = 0,
    /// A fault, or one that may go away when it is tried again.
    Failed = 1,
    /// Wrong arguments or settings.
    Invalid = 2,
    /// Files are not what the ledger says.
    Damaged = 3,
    /// No broker could be reached.
    Unavailable = 4,
    /// Somebody has asked twice to end.
    Killed = 5,
    /// There is no such topic or ledger.
    NotFound = 8,
    /// The landing folder cannot be read or written.
    Storage = 9,
    /// Records were deleted before they were read.
    DataLost = 10,
    /// The topic was deleted and made again.
    TopicRecreated = 11,
    /// The broker has fewer records than were read.
    OffsetsBackwards = 12,
    /// The topic is not complete up to the time that was asked for.
    NotComplete = 13,
}

/// Why a command did not succeed.
#[derive(Debug, Error)]
pub enum IngestError {
    /// Arguments that do not go together.
    #[error("{problem}")]
    Invalid {
        /// What is wrong and what to do.
        problem: String,
    },
    /// A setting of the Kafka client.
    #[error(transparent)]
    Conf(#[from] ConfError),
    /// The brokers.
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    /// The ledger and the broker do not fit.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The landing folder.
    #[error("landing of topic `{topic}`: {source}")]
    Store {
        /// The topic.
        topic: String,
        /// What went wrong.
        #[source]
        source: Box<StoreError>,
    },
    /// The ledger.
    #[error("ledger of topic `{topic}`: {source}")]
    Ledger {
        /// The topic.
        topic: String,
        /// What went wrong.
        #[source]
        source: Box<LedgerError>,
    },
    /// A batch does not continue the ledger: a fault in Sluice.
    #[error(
        "a batch of topic `{topic}` does not continue its ledger: {source}; please report this"
    )]
    Tiling {
        /// The topic.
        topic: String,
        /// What is wrong.
        #[source]
        source: TilingError,
    },
    /// A batch that is too old to be committed.
    #[error(
        "a batch of topic `{topic}` was begun {hours} hours ago and is not committed any more, \
         because its files may have been collected; run again"
    )]
    TooOld {
        /// The topic.
        topic: String,
        /// Its age.
        hours: i64,
    },
    /// There is nothing in the landing folder.
    #[error("there is no ledger at '{location}'; check --output and --topic")]
    NoLedger {
        /// Where it was looked for.
        location: String,
    },
    /// A replay into a folder that has something in it.
    #[error("'{location}' has a ledger already; replay into a folder of its own")]
    NotEmpty {
        /// The folder.
        location: String,
    },
    /// Files are not what the ledger says.
    #[error("{problems} problems were found in the landing folder")]
    Damaged {
        /// How many.
        problems: usize,
    },
    /// The wait is not over.
    #[error("topic `{topic}` is not complete up to {wanted}, only {known}")]
    NotComplete {
        /// The topic.
        topic: String,
        /// The time that was asked for.
        wanted: String,
        /// What is known.
        known: String,
    },
    /// Somebody has asked twice to end.
    #[error("left at once; what was not committed has not landed, run again")]
    Killed,
    /// The process itself.
    #[error("ingest-landing cannot start: {source}")]
    Process {
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// A fault in Sluice.
    #[error("topic `{topic}`: {problem}; please report this")]
    Internal {
        /// The topic.
        topic: String,
        /// What happened.
        problem: &'static str,
    },
}

impl IngestError {
    /// How the process ends.
    pub fn exit(&self) -> ExitKind {
        match self {
            Self::Invalid { .. } | Self::Conf(_) => ExitKind::Invalid,
            Self::Kafka(KafkaError::Unreachable { .. }) => ExitKind::Unavailable,
            Self::Kafka(KafkaError::UnknownTopic { .. }) | Self::NoLedger { .. } => {
                ExitKind::NotFound
            }
            Self::Kafka(KafkaError::Refused { .. }) => ExitKind::Invalid,
            Self::Start(StartError::DataLost { .. }) => ExitKind::DataLost,
            Self::Start(StartError::Recreated { .. }) => ExitKind::TopicRecreated,
            Self::Start(StartError::Backwards { .. }) => ExitKind::OffsetsBackwards,
            Self::Start(StartError::NoSuchOffset { .. }) | Self::NotEmpty { .. } => {
                ExitKind::Invalid
            }
            Self::Store { source, .. } => store(source.kind()),
            Self::Ledger { source, .. } => match source.store_kind() {
                Some(kind) => store(kind),
                None => ExitKind::Damaged,
            },
            Self::Damaged { .. } => ExitKind::Damaged,
            Self::Killed => ExitKind::Killed,
            Self::NotComplete { .. } => ExitKind::NotComplete,
            Self::Kafka(KafkaError::Failed { .. })
            | Self::Tiling { .. }
            | Self::TooOld { .. }
            | Self::Process { .. }
            | Self::Internal { .. } => ExitKind::Failed,
        }
    }
}

fn store(kind: StoreErrorKind) -> ExitKind {
    match kind {
        StoreErrorKind::InvalidLocation | StoreErrorKind::Unsupported => ExitKind::Invalid,
        _ => ExitKind::Storage,
    }
}
