//! Why a ledger could not be read or written.

use sluice_storage::{StoreError, StoreErrorKind};
use uuid::Uuid;

use crate::entry::FORMAT;

/// A failed operation on a ledger. Only after [`LedgerError::OutcomeUnknown`]
/// may something have been appended.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The store refused or failed. Nothing was appended.
    #[error(transparent)]
    Store(Box<StoreError>),
    /// The body has no JSON form: a fault of the caller.
    #[error("entry {seq} of the ledger '{ledger}' cannot be written as JSON: {source}")]
    Encode {
        /// The ledger's folder.
        ledger: String,
        /// The number that it should get.
        seq: u64,
        /// What the encoder says.
        #[source]
        source: serde_json::Error,
    },
    /// An append that would leave a gap.
    #[error(
        "entry {seq} cannot be appended to the ledger '{ledger}', for it has no entry {}; read \
         the tail and append after it",
        seq.saturating_sub(1)
    )]
    Gap {
        /// The ledger's folder.
        ledger: String,
        /// The number that was asked for.
        seq: u64,
    },
    /// Somebody took an entry out of the folder.
    #[error(
        "entry {seq} of the ledger '{ledger}' is missing{}; restore its file from a backup, and \
         never delete or rename files there",
        found_note(*found)
    )]
    Missing {
        /// The ledger's folder.
        ledger: String,
        /// The missing number.
        seq: u64,
        /// A later entry that is there.
        found: Option<u64>,
    },
    /// A file that is not what was written.
    #[error(
        "'{location}' is not a whole ledger entry: {damage}; restore the file from a backup, or, \
         if it is the newest and nothing was built on it, move it away and run again"
    )]
    Damaged {
        /// The file.
        location: String,
        /// What is wrong with it.
        #[source]
        damage: Damage,
    },
    /// A file of another version of Sluice.
    #[error(
        "'{location}' has format {format}, and this version of Sluice reads format {FORMAT}; use \
         the version that wrote it or a later one"
    )]
    Format {
        /// The file.
        location: String,
        /// Its format.
        format: u32,
    },
    /// An entry that says something else than this kind of ledger does.
    #[error(
        "the body of '{location}' is not understood: {source}; use the version of Sluice that \
         wrote it or a later one, and check that the folder is the right ledger"
    )]
    Body {
        /// The file.
        location: String,
        /// What the decoder says.
        #[source]
        source: serde_json::Error,
    },
    /// The entry was sent, its answer was lost, and reading back did not tell
    /// (yet) whether it arrived.
    #[error(
        "it is not known whether entry {seq} of the ledger '{ledger}' was written: {source}; when \
         the store answers again, entry {seq} tells: it is ours if its id is {id}"
    )]
    OutcomeUnknown {
        /// The ledger's folder.
        ledger: String,
        /// The number.
        seq: u64,
        /// The id that the entry has if it arrived.
        id: Uuid,
        /// The last error.
        #[source]
        source: Box<StoreError>,
    },
}

/// What is wrong with a file that should be an entry.
#[derive(Debug, thiserror::Error)]
pub enum Damage {
    /// There are no bytes in it.
    #[error("it is empty")]
    Empty,
    /// It is cut off, or something else.
    #[error("{0}")]
    NotAnEntry(#[source] serde_json::Error),
    /// A field of the header is missing or wrong.
    #[error("its '{0}' is missing or wrong")]
    Header(&'static str),
    /// It was renamed or copied.
    #[error("it holds the entry with the number {found}")]
    Number {
        /// The number inside.
        found: u64,
    },
}

impl LedgerError {
    /// What the error means for storage, `None` when it is about the ledger.
    pub fn store_kind(&self) -> Option<StoreErrorKind> {
        match self {
            Self::Store(source) | Self::OutcomeUnknown { source, .. } => Some(source.kind()),
            _ => None,
        }
    }

    /// Whether the entry may be there all the same: then nothing that it names
    /// may be deleted.
    pub fn outcome_unknown(&self) -> bool {
        matches!(self, Self::OutcomeUnknown { .. })
    }
}

impl From<StoreError> for LedgerError {
    fn from(error: StoreError) -> Self {
        Self::Store(Box::new(error))
    }
}

fn found_note(found: Option<u64>) -> String {
    match found {
        Some(found) => format!(", though entry {found} is there"),
        None => String::new(),
    }
}
