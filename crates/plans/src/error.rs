//! Why it cannot be determined what a run takes.

use sluice_landing::LandedFilesError;
use sluice_ledger::LedgerError;
use sluice_storage::{StoreError, StoreErrorKind};

/// A failure to read or record what a run takes.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Landed(#[from] LandedFilesError),
    /// A file that was taken has other content now.
    #[error(
        "'{location}' has changed since its rows were added: it had {then}, and has {now}; write \
         new rows to new files, or use --full-refresh to have the table filled from the \
         beginning"
    )]
    FileChanged {
        location: String,
        then: String,
        now: String,
    },
    /// A file that an unfinished plan takes is missing or has other content.
    #[error(
        "'{location}' has changed since the run began that is to be finished: it had {then}, and \
         has {now}; restore it"
    )]
    InputChanged {
        location: String,
        then: String,
        now: String,
    },
    /// The ledger of a landing folder is not the one that rows were taken from.
    #[error(
        "the ledger of '{folder}' is not the one that rows were taken from before: {problem}; \
         restore it, or use --full-refresh to have the table filled from the beginning"
    )]
    OtherLedger { folder: String, problem: String },
    /// A table names a plan that is missing.
    #[error(
        "table '{table}' names plan {number}, which '{ledger}' does not have; restore that \
         folder, or use --full-refresh to have the table filled from the beginning"
    )]
    MissingPlan {
        table: String,
        number: u64,
        ledger: String,
    },
    /// A pattern that selects files of a landing folder.
    #[error(
        "'{location}' selects files of the landing folder '{folder}', and a stream reads such a \
         folder by its ledger; name the folder"
    )]
    PatternInLanding { location: String, folder: String },
    /// A Delta table as a stream of files.
    #[error(
        "'{location}' is a Delta table, and the source has another format; declare it STORED AS \
         PARQUET"
    )]
    DeltaTable { location: String },
}

impl PlanError {
    /// The kind of the store's error, `None` when the error is about what was taken.
    pub fn store_kind(&self) -> Option<StoreErrorKind> {
        match self {
            Self::Ledger(error) => error.store_kind(),
            Self::Store(error) => Some(error.kind()),
            Self::Landed(error) => error.store_kind(),
            _ => None,
        }
    }

    /// Whether what an unfinished plan takes is no longer there as it was.
    pub fn is_input_changed(&self) -> bool {
        match self {
            Self::InputChanged { .. } | Self::OtherLedger { .. } => true,
            Self::Landed(error) => matches!(
                error,
                LandedFilesError::Missing { .. } | LandedFilesError::Size { .. }
            ),
            _ => false,
        }
    }
}
