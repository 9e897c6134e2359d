//! Errors of reading and writing a ledger.

use sluice_storage::{StoreError, StoreErrorKind};
use uuid::Uuid;

use crate::entry::{Damage, FORMAT};

/// A failed operation on a ledger. An entry may have been appended only after
/// [`LedgerError::OutcomeUnknown`].
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The store refused or failed. Nothing was appended.
    #[error(transparent)]
    Store(Box<StoreError>),
    /// The body cannot be encoded as JSON; this is a bug of the caller.
    #[error("entry {seq} of the ledger '{ledger}' cannot be written as JSON: {source}")]
    Encode {
        ledger: String,
        seq: u64,
        #[source]
        source: serde_json::Error,
    },
    /// An append that would leave a gap.
    #[error(
        "entry {seq} cannot be appended to the ledger '{ledger}': it has no entry {}; read \
         the tail and append after it",
        seq.saturating_sub(1)
    )]
    Gap {
        ledger: String,
        /// The entry that was to be appended.
        seq: u64,
    },
    /// An entry was removed from the folder.
    #[error(
        "entry {seq} of the ledger '{ledger}' is missing{}; restore its file from a backup, and \
         never delete or rename files there",
        found_note(*found)
    )]
    Missing {
        ledger: String,
        /// The missing entry.
        seq: u64,
        /// A later entry that exists.
        found: Option<u64>,
    },
    /// A file that is not a valid entry.
    #[error(
        "'{location}' is not a whole ledger entry: {damage}; restore the file from a backup, or, \
         if it is the newest entry and nothing depends on it, move it away and retry"
    )]
    Damaged {
        location: String,
        #[source]
        damage: Damage,
    },
    /// A file in a format of another version of Sluice.
    #[error(
        "'{location}' has format {format}, and this version of Sluice reads format {FORMAT}; use \
         the version that wrote it or a later one"
    )]
    Format { location: String, format: u32 },
    /// An entry whose body is not of this kind of ledger.
    #[error(
        "the body of '{location}' cannot be decoded: {source}; use the version of Sluice that \
         wrote it or a later one, and check that the folder is the right ledger"
    )]
    Body {
        location: String,
        #[source]
        source: serde_json::Error,
    },
    /// The entry was sent, the store did not acknowledge it, and reading it back
    /// did not show whether it arrived.
    #[error(
        "it is not known whether entry {seq} of the ledger '{ledger}' was written: {source}; when \
         the store is available again, check entry {seq}: it was written if its id is {id}"
    )]
    OutcomeUnknown {
        ledger: String,
        seq: u64,
        /// The id that the entry has if it arrived.
        id: Uuid,
        /// The last error.
        #[source]
        source: Box<StoreError>,
    },
}

impl LedgerError {
    /// The kind of the store's error, `None` when the error is about the ledger.
    pub fn store_kind(&self) -> Option<StoreErrorKind> {
        match self {
            Self::Store(source) | Self::OutcomeUnknown { source, .. } => Some(source.kind()),
            _ => None,
        }
    }

    /// Whether the entry may exist despite the error. If so, no file that it names
    /// may be deleted.
    pub fn is_outcome_unknown(&self) -> bool {
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
        Some(found) => format!(", although entry {found} exists"),
        None => String::new(),
    }
}
