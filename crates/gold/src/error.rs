//! Errors of reading and writing gold tables.

use std::error::Error as StdError;

use deltalake_core::DeltaTableError;
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
    /// The files of the table do not hold its rows as they are.
    #[error(
        "the Delta table '{table}' needs a newer reader than this one (reader version {reader}{}); \
         read a copy of it without them",
        feature_note(features)
    )]
    ReaderProtocol {
        table: String,
        /// `minReaderVersion` of the table.
        reader: i32,
        /// Features of the table.
        features: Vec<String>,
    },
    /// The table is append-only, so its files cannot be removed by a replace.
    #[error(
        "table '{table}' is append-only and cannot be replaced; unset delta.appendOnly, or write \
         to another table"
    )]
    AppendOnly { table: String },
    /// A streaming table, whose rows a replace would delete.
    #[error(
        "table '{table}' is a streaming table, and a materialized view of that name would delete \
         its rows; give the view another name, or delete the folder of the table"
    )]
    Streaming { table: String },
    /// A table with rows that no flow has added.
    #[error(
        "table '{table}' is not a streaming table, and what flows would add to its rows may be \
         among them; give the streaming table another name, or delete the folder of the table to \
         have it filled from the beginning"
    )]
    NotStreaming { table: String },
    /// Another run has taken what this one has taken.
    #[error(
        "another run has added to table '{table}' what flow '{flow}' of this one would add; \
         submit the job again to add what is new since"
    )]
    FlowOvertaken { table: String, flow: String },
    /// The table got a version after a run had compared its rows with the table's, or
    /// had read rows that stay.
    #[error("table '{table}' has changed since this run read it; submit the job again")]
    PastChanged { table: String },
    /// A version that is read as a stream does not only add rows.
    #[error(
        "version {version} of table '{table}' cannot be read as a stream: {problem}; fill the \
         tables that read the stream again with --full-refresh"
    )]
    NotAppended {
        table: String,
        version: u64,
        problem: String,
    },
    /// Rows with other columns than those of the table.
    #[error(
        "the columns of streaming table '{table}' cannot change so: {problem}; change the query, \
         or use --full-refresh {table} to have it filled from the beginning"
    )]
    AppendColumns { table: String, problem: String },
    /// A data file that does not match its table; this is a bug of the writer.
    #[error("table '{table}' cannot take the file '{path}': {problem}")]
    DataFile {
        table: String,
        /// Relative to the table.
        path: String,
        problem: String,
    },
    /// The record of a commit cannot be read.
    #[error("the recorded commit to table '{table}' cannot be read: {problem}")]
    PreparedCommit { table: String, problem: String },
    /// The log or a data file could not be read or written. Nothing was committed.
    #[error("table '{table}': {source}")]
    Store {
        table: String,
        #[source]
        source: Box<StoreError>,
    },
    /// The log is not valid, or cannot be read. Nothing was committed.
    #[error(
        "the log of table '{table}' cannot be read: {problem}; restore it, or move the table's \
         folder away to have it created anew"
    )]
    Log {
        table: String,
        /// What is wrong, without a stack trace.
        problem: String,
        /// The kind of the store's error, when there is one.
        kind: Option<StoreErrorKind>,
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
    /// An error of `deltalake` about a table's log.
    pub(crate) fn from_delta(table: &str, error: &DeltaTableError) -> Self {
        let error: &(dyn StdError + 'static) = error;
        Self::Log {
            table: table.to_owned(),
            problem: without_stack_trace(&error.to_string()),
            kind: Some(StoreErrorKind::from_error(error))
                .filter(|kind| *kind != StoreErrorKind::Other),
        }
    }

    /// The kind of the store's error, `None` when the error is about the table.
    pub fn store_kind(&self) -> Option<StoreErrorKind> {
        match self {
            Self::Store { source, .. } | Self::OutcomeUnknown { source, .. } => Some(source.kind()),
            Self::Log { kind, .. } => *kind,
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

/// The text of an error up to the first frame of a stack trace. With
/// `RUST_BACKTRACE=1`, the messages of `deltalake` contain one.
fn without_stack_trace(text: &str) -> String {
    let is_frame = |line: &str| {
        let number = line.trim_start().split(':').next().unwrap_or_default();
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    };
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim_end)
        .take_while(|line| !is_frame(line))
        .filter(|line| !line.is_empty())
        .collect();
    let text = lines.join(" ");
    let text = text.strip_prefix("Kernel error: ").unwrap_or(&text);
    text.trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stack_traces_are_cut_off() {
        let text = "Kernel error: expected ident at line 1\nin the log.\n   0: delta_kernel::error\n   1: clone3\n";
        assert_eq!(
            without_stack_trace(text),
            "expected ident at line 1 in the log"
        );
        assert_eq!(without_stack_trace("plain: 1"), "plain: 1");
    }
}
