//! The job language: turns the text of a SQL job file into a checked job.
//!
//! [`parse_job_file`] reads the statements of a file and reports all errors at once,
//! each with its position, a code and a suggestion. [`JobFile::variables`] are
//! the job's parameters. [`JobFile::bind_parameters`] replaces them by their values and
//! returns a [`Job`]: sources, views and datasets in an order in which they can
//! be computed.
//!
//! This crate checks names, not columns. The engine checks the columns and
//! types of queries, and reports errors with the same [`Diagnostic`].
//!
//! # Names
//! Unquoted names are converted to lower case, as in DataFusion; `"…"` and
//! backquotes keep a name as it is. A source's columns also keep their written
//! name, because the keys of JSON are case-sensitive ([`Column::source_name`]).
//!
//! # Variables
//! An unquoted name without qualifier that equals a variable's name is the
//! variable and is replaced by a literal of its type. Spark would prefer a
//! column of the same name. Where such a column is known to be visible, the
//! name is an error (ambiguous). `${name}` stands for the value in every string
//! literal, `$${` for the characters `${`.
//!
//! # Codes
//! `docs/diagnostics.md` explains every code of [`codes`].

mod bind;
mod check;
mod diagnostics;
mod file;
mod found_columns;
mod functions;
mod job;
mod scope;
mod span;
mod statements;
mod syntax;
mod traversal;
mod values;

pub use diagnostics::codes;
pub use diagnostics::{Diagnostic, Diagnostics, Severity};
pub use file::{JobFile, parse_job_file};
pub use job::types::{DataType, Field};
pub use job::variable::{RESERVED_VARIABLE_NAMES, Variable, option_name};
pub use job::{
    Column, Compression, CsvOptions, DEFAULT_MAX_LINE_BYTES, Dataset, Flow, Format, GOLD_VARIABLE,
    Inference, Job, METADATA_PREFIX, NewFields, ParseMode, RefreshPolicy, Relation, ReplacedPart,
    Setting, SortKey, Source, View,
};
pub use scope::{DatasetScope, RunScope, ScopeError, ScopeRequest};
pub use sluice_values::{TimeZone, did_you_mean, suggest_or_list};
pub use span::{Position, Span, Spanned};
pub use statements::column_text::{read_columns, write_columns};
pub use syntax::source_text::{MAX_FILE_BYTES, decode_job_file};
pub use syntax::streams::{STREAM_PREFIX, rename_streams, stream_of};
pub use traversal::{SyntaxNode, visit_nodes, visit_nodes_mut};
pub use values::size::{parse_min_shared_size, parse_target_file_size};
