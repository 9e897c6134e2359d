//! A checked job: the input of the engine's planner.

pub(crate) mod function;
pub(crate) mod types;
pub(crate) mod variable;

use std::collections::{BTreeMap, BTreeSet};
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
    /// The variables that queries name as values, which a column of that name would hide.
    pub(crate) value_variables: BTreeSet<String>,
    /// Probable mistakes; no errors.
    pub warnings: Diagnostics,
}

/// The variable that holds the location of the datasets. A job may declare it like
/// any other, to use it in the file or give it a default.
pub const GOLD_VARIABLE: &str = "gold";

/// Before the name of a source in the name of its table with the column `_metadata`. A
/// file cannot declare a name with this prefix.
pub const METADATA_PREFIX: &str = "metadata ";

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
    /// A query whose rows are added to a streaming table.
    Flow(Flow),
    /// A table of the gold zone.
    Dataset(Dataset),
}

impl Relation {
    /// The name that queries use.
    pub fn name(&self) -> &str {
        match self {
            Self::Source(source) => &source.name,
            Self::View(view) => &view.name,
            Self::Flow(flow) => &flow.name,
            Self::Dataset(dataset) => &dataset.name,
        }
    }

    /// What it is and its name, for messages.
    pub fn title(&self) -> String {
        match self {
            Self::Source(source) => format!("source `{}`", source.name),
            Self::View(view) => format!("view `{}`", view.name),
            Self::Flow(flow) if flow.flow == flow.table => {
                format!("streaming table `{}`", flow.table)
            }
            Self::Flow(flow) => format!("flow `{}` of `{}`", flow.flow, flow.table),
            Self::Dataset(dataset) if dataset.is_streaming() => {
                format!("streaming table `{}`", dataset.name)
            }
            Self::Dataset(dataset) => format!("dataset `{}`", dataset.name),
        }
    }

    /// The span of its declared name.
    pub fn span(&self) -> Span {
        match self {
            Self::Source(source) => source.span,
            Self::View(view) => view.span,
            Self::Flow(flow) => flow.span,
            Self::Dataset(dataset) => dataset.span,
        }
    }

    /// The relations that it reads as a whole, each once, in order of appearance; of a
    /// streaming table its flows.
    pub fn depends_on(&self) -> &[String] {
        match self {
            Self::Source(_) => &[],
            Self::View(view) => &view.depends_on,
            Self::Flow(flow) => &flow.depends_on,
            Self::Dataset(dataset) => &dataset.depends_on,
        }
    }

    /// The relations that its query reads with STREAM, each once, in order of
    /// appearance.
    pub fn streams(&self) -> &[String] {
        match self {
            Self::Source(_) | Self::Dataset(_) => &[],
            Self::View(view) => &view.streams,
            Self::Flow(flow) => &flow.streams,
        }
    }

    /// Its query; sources and streaming tables have none.
    pub fn query(&self) -> Option<&Query> {
        match self {
            Self::Source(_) => None,
            Self::View(view) => Some(&view.query),
            Self::Flow(flow) => Some(&flow.query),
            Self::Dataset(dataset) => dataset.query.as_ref(),
        }
    }

    /// All queries of its statement: its own, and that of the part that a flow replaces.
    pub(crate) fn queries_mut(&mut self) -> Vec<&mut Query> {
        match self {
            Self::Source(_) => Vec::new(),
            Self::View(view) => vec![&mut view.query],
            Self::Flow(flow) => {
                let part = flow.part.as_mut().map(|part| &mut part.query);
                std::iter::once(&mut flow.query).chain(part).collect()
            }
            Self::Dataset(dataset) => dataset.query.as_mut().into_iter().collect(),
        }
    }

    /// `source`, `view`, `flow` or `dataset`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Source(_) => "source",
            Self::View(_) => "view",
            Self::Flow(_) => "flow",
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
    /// At least one; names distinct without regard to case. With [`Self::inference`],
    /// none until they are found ([`Job::with_columns`]).
    pub columns: Vec<Column>,
    /// How columns are found that are not declared.
    pub inference: Option<Inference>,
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
    /// The zone of times that name none; the session's when not set.
    pub time_zone: Option<String>,
    /// What becomes of fields that are not declared (JSON).
    pub new_fields: NewFields,
    /// Used for CSV only.
    pub csv: CsvOptions,
    /// All options as written, by lower-case key; the fields above hold their
    /// parsed values.
    pub options: BTreeMap<String, Spanned<String>>,
    /// Its `COMMENT`.
    pub comment: Option<String>,
}

/// How the columns of a source are found in its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inference {
    /// Columns that the source has in any case, with these types (`schemaHints`).
    pub hints: Vec<Column>,
    /// Whether columns have the types of their values; otherwise all are STRING.
    pub has_types: bool,
    /// Whether what is new of the source may have columns that were not known before
    /// (`addNewColumns`).
    pub adds_columns: bool,
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

/// What becomes of fields of records that are not declared: Databricks'
/// `schemaEvolutionMode`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum NewFields {
    /// They are skipped.
    #[default]
    Skipped,
    /// This column holds them, and values that do not fit, as JSON.
    Rescued(String),
    /// They fail the job.
    Refused,
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
    /// Before a quote inside quotes, or before itself; a quote may be doubled as
    /// well. `None` when it is only doubled.
    pub escape: Option<u8>,
    /// The text that means NULL; empty by default.
    pub null_value: String,
    /// Whether values in quotes may contain line ends.
    pub multi_line: bool,
    /// Whether blanks around values without quotes are removed.
    pub trim_leading: bool,
    pub trim_trailing: bool,
    /// Lines that begin with this character are skipped.
    pub comment: Option<u8>,
}

impl Default for CsvOptions {
    fn default() -> Self {
        Self {
            header: false,
            delimiter: b',',
            quote: Some(b'"'),
            escape: Some(b'\\'),
            null_value: String::new(),
            multi_line: true,
            trim_leading: false,
            trim_trailing: false,
            comment: None,
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
    /// The relations that the query reads with STREAM, likewise.
    pub streams: Vec<String>,
    /// Its `COMMENT`.
    pub comment: Option<String>,
}

/// `CREATE FLOW`, or the query of a `CREATE STREAMING TABLE`.
#[derive(Debug, Clone)]
pub struct Flow {
    /// The name of the relation, which no query can read: [`Flow::relation_name`].
    pub name: String,
    /// The flow's own name, unique among those of its table. The query of a streaming
    /// table is a flow with the name of the table.
    pub flow: String,
    /// The streaming table that gets the rows.
    pub table: String,
    /// The span of the flow's declared name.
    pub span: Span,
    /// The span of the table's name in the flow.
    pub table_span: Span,
    /// Whether its rows are added once (`INSERT ONCE`).
    pub once: bool,
    /// The part of the table that its rows replace (`REPLACE WHERE`); `None`: they are
    /// added.
    pub part: Option<Box<ReplacedPart>>,
    /// Variables are replaced by their values.
    pub query: Query,
    pub query_span: Span,
    /// The relations that the query reads as a whole, each once, in order of
    /// appearance.
    pub depends_on: Vec<String>,
    /// The relations that the query reads with STREAM, likewise.
    pub streams: Vec<String>,
    /// Its `COMMENT`.
    pub comment: Option<String>,
}

impl Flow {
    /// The name of a flow among all relations of a job.
    pub fn relation_name(table: &str, flow: &str) -> String {
        format!("flow {table} {flow}")
    }
}

/// `REPLACE WHERE condition`: the rows of a table that a flow replaces.
#[derive(Debug, Clone)]
pub struct ReplacedPart {
    /// `SELECT * FROM table WHERE condition`. Variables are replaced by their values.
    pub query: Query,
    /// The condition as written, on one line.
    pub text: String,
    /// The span of the condition.
    pub span: Span,
    /// The variables that the condition names as values.
    pub variables: Vec<String>,
}

/// From what a materialized view is computed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RefreshPolicy {
    /// From what has changed, where its query allows; else from all rows. `INCREMENTAL`
    /// is the same.
    #[default]
    Auto,
    /// From what has changed; a query that does not allow it is an error.
    IncrementalStrict,
    /// From all rows, by every run.
    Full,
}

/// `CREATE OR REFRESH MATERIALIZED VIEW` or `STREAMING TABLE`.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// The name that queries use, and the table's folder in the gold zone:
    /// lower-case ASCII letters, digits and `_`.
    pub name: String,
    /// The span of its declared name.
    pub span: Span,
    /// Variables are replaced by their values. `None`: a streaming table, whose rows
    /// come from its flows.
    pub query: Option<Query>,
    pub query_span: Span,
    /// The relations that the query names, each once, in order of appearance; of a
    /// streaming table its flows, in file order.
    pub depends_on: Vec<String>,
    /// The declared columns; empty when the query alone decides.
    pub columns: Vec<Column>,
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
    /// Of a materialized view: its `REFRESH POLICY`.
    pub refresh_policy: RefreshPolicy,
}

impl Dataset {
    /// Whether each run adds rows to the table, instead of replacing them.
    pub const fn is_streaming(&self) -> bool {
        self.query.is_none()
    }

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
