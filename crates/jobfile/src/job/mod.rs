//! A checked job: the input of the engine's planner.

pub(crate) mod types;
pub(crate) mod variable;

use std::collections::BTreeMap;
use std::sync::Arc;

use sqlparser::ast::Query;

use crate::diagnostics::Diagnostics;
use crate::job::types::DataType;
use crate::span::{Span, Spanned};

/// A job file with its parameters bound: every name is declared, there are no
/// cycles, and every option is known and has a valid value. Columns and types of
/// queries are not checked yet.
#[derive(Debug, Clone)]
pub struct Job {
    /// The file's name as passed by the caller, for messages.
    pub file_name: String,
    /// The file's text without a byte-order mark; spans refer to it.
    pub text: Arc<str>,
    /// `SET` statements, in file order.
    pub settings: Vec<Setting>,
    /// All declared relations, each after its dependencies. Where dependencies
    /// leave a choice, in file order.
    pub relations: Vec<Relation>,
    /// The value of each variable as text; `None` is NULL.
    pub variables: BTreeMap<String, Option<String>>,
    /// Probable mistakes; no errors.
    pub warnings: Diagnostics,
}

/// The variable that holds the location of the datasets. A job declares it like
/// any other; it need not be used in the file.
pub const GOLD_VARIABLE: &str = "gold";

impl Job {
    /// The folder or URL below which each dataset has a table of its name;
    /// `None` when the job does not set it.
    pub fn gold_location(&self) -> Option<&str> {
        self.variables
            .get(GOLD_VARIABLE)?
            .as_deref()
            .filter(|gold| !gold.trim().is_empty())
    }
}

/// `SET key = value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Such as `sluice.shuffle_partitions`, in lower case.
    pub key: String,
    /// As text. Values of `sluice.*` keys are checked; the engine checks those of
    /// `datafusion.*`.
    pub value: String,
    /// The span of the value.
    pub span: Span,
}

/// Something that queries can read.
#[derive(Debug, Clone)]
pub enum Relation {
    /// External files, read as rows.
    Source(Source),
    /// A named query.
    View(View),
    /// A query whose rows are written to a table of the gold zone.
    Dataset(Dataset),
}

impl Relation {
    /// The name that queries use.
    pub fn name(&self) -> &str {
        match self {
            Self::Source(source) => &source.name,
            Self::View(view) => &view.name,
            Self::Dataset(dataset) => &dataset.name,
        }
    }

    /// The span of its declared name.
    pub fn span(&self) -> Span {
        match self {
            Self::Source(source) => source.span,
            Self::View(view) => view.span,
            Self::Dataset(dataset) => dataset.span,
        }
    }

    /// The relations that its query names, each once, in order of appearance.
    pub fn depends_on(&self) -> &[String] {
        match self {
            Self::Source(_) => &[],
            Self::View(view) => &view.depends_on,
            Self::Dataset(dataset) => &dataset.depends_on,
        }
    }

    /// Its query, unless it is a source.
    pub fn query(&self) -> Option<&Query> {
        match self {
            Self::Source(_) => None,
            Self::View(view) => Some(&view.query),
            Self::Dataset(dataset) => Some(&dataset.query),
        }
    }

    /// `source`, `view` or `dataset`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Source(_) => "source",
            Self::View(_) => "view",
            Self::Dataset(_) => "dataset",
        }
    }
}

/// `CREATE EXTERNAL TABLE`.
#[derive(Debug, Clone)]
pub struct Source {
    /// The name that queries use.
    pub name: String,
    /// The span of its declared name.
    pub span: Span,
    /// At least one; names distinct without regard to case.
    pub columns: Vec<Column>,
    /// How the files are written.
    pub format: Format,
    /// A folder, file or URL, never empty.
    pub location: String,
    /// Includes the quotes.
    pub location_span: Span,
    /// How malformed records are handled (JSON and CSV).
    pub mode: ParseMode,
    /// How the files are compressed.
    pub compression: Compression,
    /// The longest line of JSON, in bytes.
    pub max_line_bytes: u64,
    /// Used for CSV only.
    pub csv: CsvOptions,
    /// All options as written, by lower-case key; the fields above hold their
    /// parsed values.
    pub options: BTreeMap<String, Spanned<String>>,
    /// Its `COMMENT`.
    pub comment: Option<String>,
}

/// The longest line of JSON unless the option `max_line_bytes` is set.
pub const DEFAULT_MAX_LINE_BYTES: u64 = 16 * 1024 * 1024;

/// A column of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// The name that queries use: lower case unless it was quoted.
    pub name: String,
    /// The name as written: the key in JSON files, where case matters.
    pub source_name: String,
    pub ty: DataType,
    /// Whether it may be null; false after `NOT NULL`.
    pub nullable: bool,
    /// The span of its declared name.
    pub span: Span,
    /// Its `COMMENT`.
    pub comment: Option<String>,
}

/// How a source's files are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One JSON object per line.
    Json,
    /// Parquet.
    Parquet,
    /// Separated values.
    Csv,
}

impl Format {
    /// `JSON`, `PARQUET` or `CSV`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Json => "JSON",
            Self::Parquet => "PARQUET",
            Self::Csv => "CSV",
        }
    }
}

/// How a malformed record is handled. The names are Spark's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ParseMode {
    /// Keep the row with nulls, and the record in `_corrupt_record` if that is declared.
    #[default]
    Permissive,
    /// Drop the record and count it.
    DropMalformed,
    /// Fail the job.
    FailFast,
}

impl ParseMode {
    /// As the option spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Permissive => "permissive",
            Self::DropMalformed => "dropmalformed",
            Self::FailFast => "failfast",
        }
    }
}

/// How a source's files are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    /// Detected from each file's name: `.gz`, `.zst`; anything else is
    /// uncompressed.
    #[default]
    Auto,
    /// Uncompressed, regardless of the names.
    None,
    /// gzip, regardless of the names.
    Gzip,
    /// zstd, regardless of the names.
    Zstd,
}

/// How CSV files are written. All single characters are ASCII.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvOptions {
    /// Whether the first line of each file names the columns.
    pub header: bool,
    pub delimiter: u8,
    /// Around values that contain a delimiter; `None` when nothing is quoted.
    pub quote: Option<u8>,
    /// Before a quote inside quotes; `None` when it is doubled.
    pub escape: Option<u8>,
    /// The text that means NULL; empty by default.
    pub null_value: String,
}

impl Default for CsvOptions {
    fn default() -> Self {
        Self {
            header: false,
            delimiter: b',',
            quote: Some(b'"'),
            escape: None,
            null_value: String::new(),
        }
    }
}

/// `CREATE TEMPORARY VIEW`.
#[derive(Debug, Clone)]
pub struct View {
    /// The name that queries use.
    pub name: String,
    /// The span of its declared name.
    pub span: Span,
    /// Variables are replaced by their values.
    pub query: Query,
    pub query_span: Span,
    /// The relations that the query names, each once, in order of appearance.
    pub depends_on: Vec<String>,
    /// Its `COMMENT`.
    pub comment: Option<String>,
}

/// `CREATE OR REFRESH MATERIALIZED VIEW`.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// The name that queries use, and the table's folder in the gold zone:
    /// lower-case ASCII letters, digits and `_`.
    pub name: String,
    /// The span of its declared name.
    pub span: Span,
    /// Variables are replaced by their values.
    pub query: Query,
    pub query_span: Span,
    /// The relations that the query names, each once, in order of appearance.
    pub depends_on: Vec<String>,
    /// Columns that become folders, in order; not checked against the query.
    pub partition_by: Vec<Spanned<String>>,
    /// How rows are ordered in each file (`sluice.sort_by`); empty: not sorted.
    pub sort_by: Vec<SortKey>,
    /// The target size of a file, in bytes (`sluice.target_file_size`).
    pub target_file_size: Option<u64>,
    /// All properties as written. Keys that begin with `sluice.` are in lower
    /// case, and the fields above hold their parsed values.
    pub properties: BTreeMap<String, Spanned<String>>,
    /// Its `COMMENT`.
    pub comment: Option<String>,
    /// Informational: columns declared as unique. Not enforced.
    pub primary_key: Vec<Spanned<String>>,
}

impl Dataset {
    /// The properties that belong to the table, not to this engine, ordered by
    /// key.
    pub fn table_properties(&self) -> impl Iterator<Item = (&str, &Spanned<String>)> {
        self.properties
            .iter()
            .filter(|(key, _)| !key.starts_with(OWN_PROPERTIES))
            .map(|(key, value)| (key.as_str(), value))
    }
}

/// The prefix of this engine's properties; all others go to the table.
pub(crate) const OWN_PROPERTIES: &str = "sluice.";

/// One column of `sluice.sort_by`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SortKey {
    /// A column of the query; not checked against it.
    pub column: String,
    /// Whether the largest come first.
    pub descending: bool,
    /// Whether nulls come first; Spark's default: first when ascending.
    pub nulls_first: bool,
    /// The span of the property's value.
    pub span: Span,
}
