//! Errors of reading and writing gold tables.

use std::error::Error as StdError;

use sluice_storage::{StoreError, StoreErrorKind};

use crate::schema::SchemaProblem;

/// A failed operation on a gold table.
#[derive(Debug, thiserror::Error)]
pub enum GoldError {
    /// The query's columns do not fit a gold table.
    #[error(
        "table '{table}' cannot have these columns: {}",
        join_problems(problems)
    )]
    Schema {
        table: String,
        /// Every problem, at least one.
        problems: Vec<SchemaProblem>,
    },
    /// A table property that is not supported or has a wrong value.
    #[error("table '{table}': property '{key}' {problem}")]
    Property {
        table: String,
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
        table: String,
        /// `minReaderVersion` of the table.
        reader: i32,
        /// `minWriterVersion` of the table.
        writer: i32,
        /// Features that this writer does not support.
        features: Vec<String>,
    },
    /// The table is append-only, so its files cannot be removed by a replace.
    #[error(
        "table '{table}' is append-only and cannot be replaced; unset delta.appendOnly, or write \
         to another table"
    )]
    AppendOnly { table: String },
    /// A data file that does not match its table; this is a bug of the writer.
    #[error("table '{table}' cannot take the file '{path}': {problem}")]
    DataFile {
        table: String,
        /// Relative to the table.
        path: String,
        problem: String,
    },
    /// The log or a data file could not be read or written. Nothing was committed.
    #[error("table '{table}': {source}")]
    Store {
        table: String,
        #[source]
        source: Box<StoreError>,
    },
    /// The log is not valid. Nothing was committed.
    #[error("the log of table '{table}' cannot be read: {source}")]
    Log {
        table: String,
        #[source]
        source: Box<dyn StdError + Send + Sync>,
    },
    /// The commit was sent, the store did not acknowledge it, and the log does
    /// not show whether it arrived. Its data files must not be deleted.
    #[error(
        "it is not known whether version {version} of table '{table}' was committed: {source}; \
         check the table's history before you run the job again"
    )]
    OutcomeUnknown {
        table: String,
        /// The version that was to be created.
        version: u64,
        /// The last error.
        #[source]
        source: Box<StoreError>,
    },
}

impl GoldError {
    /// The kind of the store's error, `None` when the error is about the table.
    pub fn store_kind(&self) -> Option<StoreErrorKind> {
        match self {
            Self::Store { source, .. } | Self::OutcomeUnknown { source, .. } => Some(source.kind()),
            Self::Log { source, .. } => Some(StoreErrorKind::from_error(source.as_ref()))
                .filter(|k| *k != StoreErrorKind::Other),
            _ => None,
        }
    }

    /// Whether the commit may have succeeded despite the error. If so, no data
    /// file of the job may be deleted.
    pub fn is_outcome_unknown(&self) -> bool {
        matches!(self, Self::OutcomeUnknown { .. })
    }
}

fn join_problems(problems: &[SchemaProblem]) -> String {
    let texts: Vec<_> = problems.iter().map(ToString::to_string).collect();
    texts.join("; ")
}

fn feature_note(features: &[String]) -> String {
    match features {
        [] => String::new(),
        some => format!(", features {}", some.join(", ")),
    }
}
