//! What can go wrong while writing gold

use arrow::datatypes::DataType;
use datafusion::error::DataFusionError;

/// A failure of the gold sink
///
/// Errors cross process borders as text, so the variants that decide how a
/// job ends have a fixed phrase: [`SinkError::NOT_NULL`] and
/// [`SinkError::STORAGE`].
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// NULL in a column that may not hold one
    #[error(
        "dataset '{dataset}': column '{column}' is declared NOT NULL but {nulls} of {rows} rows hold null; filter them or drop NOT NULL"
    )]
    NotNull {
        /// Dataset that is written
        dataset: String,
        /// Column of the dataset
        column: String,
        /// Rows with NULL in the batch where it was found
        nulls: usize,
        /// Rows of that batch
        rows: usize,
    },
    /// A column's type does not go into the table's type without loss
    #[error(
        "dataset '{dataset}': column '{column}' of type {from} cannot be written as {to} without loss; cast it in the query"
    )]
    Type {
        /// Dataset that is written
        dataset: String,
        /// Column of the dataset
        column: String,
        /// Type in the query
        from: DataType,
        /// Type in the table
        to: DataType,
    },
    /// A value does not fit the table's type
    #[error(
        "dataset '{dataset}': a value of column '{column}' does not fit {to}; cast it in the query"
    )]
    Value {
        /// Dataset that is written
        dataset: String,
        /// Column of the dataset
        column: String,
        /// Type in the table
        to: DataType,
        /// What the conversion said
        #[source]
        source: arrow::error::ArrowError,
    },
    /// The query and the table have different columns
    #[error("dataset '{dataset}': {detail}")]
    Columns {
        /// Dataset that is written
        dataset: String,
        /// What does not agree
        detail: String,
    },
    /// The store refused a file
    #[error(
        "dataset '{dataset}': gold file '{place}' could not be written; check that the gold folder is writable and not full"
    )]
    Storage {
        /// Dataset that is written
        dataset: String,
        /// Where the file was to be: a path of this machine, or a URL
        place: String,
        /// What the store said
        #[source]
        source: object_store::Error,
    },
    /// The rows could not be encoded as Parquet
    #[error("dataset '{dataset}': rows could not be encoded as parquet")]
    Encode {
        /// Dataset that is written
        dataset: String,
        /// What the encoder said
        #[source]
        source: parquet::errors::ParquetError,
    },
    /// A manifest row or a plan node that cannot be read back
    #[error("{what} cannot be read; scheduler and executors must be of one version")]
    Decode {
        /// What it is
        what: &'static str,
        /// Why not
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl SinkError {
    /// Phrase in every message of [`SinkError::NotNull`]
    pub const NOT_NULL: &'static str = "is declared NOT NULL but";
    /// Phrase in every message of [`SinkError::Storage`]
    pub const STORAGE: &'static str = "could not be written; check that the gold folder";
}

impl From<SinkError> for DataFusionError {
    fn from(error: SinkError) -> Self {
        DataFusionError::External(Box::new(error))
    }
}
