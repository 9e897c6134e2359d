//! Why a gold table could not be read or written.

use std::error::Error as StdError;

use sluice_storage::{StoreError, StoreErrorKind};

use crate::schema::SchemaProblem;

/// A failed operation on a gold table.
#[derive(Debug, thiserror::Error)]
pub enum GoldError {
    /// The query's columns do not fit a gold table.
    #[error("table '{table}' cannot have these columns: {}", join(problems))]
    Schema {
        /// The table.
        table: String,
        /// Everything that is wrong, at least one.
        problems: Vec<SchemaProblem>,
    },
    /// A table property that does not fit.
    #[error("table '{table}': property '{key}' {problem}")]
    Property {
        /// The table.
        table: String,
        /// The property.
        key: String,
        /// What is wrong and what to do.
        problem: String,
    },
    /// The table needs features that this writer does not have.
    #[error(
        "table '{table}' needs a newer Delta writer than this one (reader version {reader}, \
         writer version {writer}{}); write to another table, or recreate this one without them",
        feature_note(features)
    )]
    Protocol {
        /// The table.
        table: String,
        /// `minReaderVersion` of the table.
        reader: i32,
        /// `minWriterVersion` of the table.
        writer: i32,
        /// Features that are in the way.
        features: Vec<String>,
    },
    /// The table takes no removals, and replacing is one.
    #[error(
        "table '{table}' is append-only and cannot be replaced; unset delta.appendOnly, or write \
         to another table"
    )]
    AppendOnly {
        /// The table.
        table: String,
    },
    /// A data file that does not fit its table: a fault of the writer.
    #[error("table '{table}' cannot take the file '{path}': {problem}")]
    DataFile {
        /// The table.
        table: String,
        /// The file, relative to the table.
        path: String,
        /// What does not fit.
        problem: String,
    },
    /// The log or a data file could not be read or written. Nothing was committed.
    #[error("table '{table}': {source}")]
    Store {
        /// The table.
        table: String,
        /// The store's error.
        #[source]
        source: Box<StoreError>,
    },
    /// The log could not be understood. Nothing was committed.
    #[error("the log of table '{table}' cannot be read: {source}")]
    Log {
        /// The table.
        table: String,
        /// What the reader says.
        #[source]
        source: Box<dyn StdError + Send + Sync>,
    },
    /// The commit was sent, its answer was lost, and the log does not tell
    /// (yet) whether it arrived. Its files must stay where they are.
    #[error(
        "it is not known whether version {version} of table '{table}' was committed: {source}; \
         look at the table's history before the job runs again"
    )]
    OutcomeUnknown {
        /// The table.
        table: String,
        /// The version that was written.
        version: u64,
        /// The last error.
        #[source]
        source: Box<StoreError>,
    },
}

impl GoldError {
    /// What the error means for storage, `None` when it is about the table.
    pub fn store_kind(&self) -> Option<StoreErrorKind> {
        match self {
            Self::Store { source, .. } | Self::OutcomeUnknown { source, .. } => Some(source.kind()),
            Self::Log { source, .. } => {
                Some(StoreErrorKind::of(source.as_ref())).filter(|k| *k != StoreErrorKind::Other)
            }
            _ => None,
        }
    }

    /// Whether the commit may have happened all the same: then no data file of
    /// the job may be deleted.
    pub fn outcome_unknown(&self) -> bool {
        matches!(self, Self::OutcomeUnknown { .. })
    }
}

fn join(problems: &[SchemaProblem]) -> String {
    let texts: Vec<_> = problems.iter().map(ToString::to_string).collect();
    texts.join("; ")
}

fn feature_note(features: &[String]) -> String {
    match features {
        [] => String::new(),
        some => format!(", features {}", some.join(", ")),
    }
}
