//! Errors of the gold sink.

use arrow::datatypes::DataType;
use datafusion::error::DataFusionError;

/// An error of the gold sink.
///
/// Errors cross process borders as text, so the variants on which the outcome of
/// a job depends contain a fixed phrase: [`SinkError::NOT_NULL`] and
/// [`SinkError::STORAGE`].
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// A NULL in a NOT NULL column.
    #[error(
        "dataset '{dataset}': column '{column}' is declared NOT NULL but {nulls} of {rows} rows hold null; filter them or drop NOT NULL"
    )]
    NotNull {
        dataset: String,
        column: String,
        /// Rows with NULL in the batch where it was found.
        nulls: usize,
        /// Rows of that batch.
        rows: usize,
    },
    /// A column's type cannot be converted to the table's type without loss.
    #[error(
        "dataset '{dataset}': column '{column}' of type {from} cannot be written as {to} without loss; cast it in the query"
    )]
    Type {
        dataset: String,
        column: String,
        /// Type in the query.
        from: DataType,
        /// Type in the table.
        to: DataType,
    },
    /// A value does not fit the table's type.
    #[error(
        "dataset '{dataset}': a value of column '{column}' does not fit {to}; cast it in the query"
    )]
    Value {
        dataset: String,
        column: String,
        /// Type in the table.
        to: DataType,
        #[source]
        source: arrow::error::ArrowError,
    },
    /// A value of a partition column that no folder can be named after.
    #[error(
        "dataset '{dataset}': a value of the partition column '{column}' is too long for a folder name ({bytes} bytes, at most {max_bytes}); partition by a shorter column, or cut it off in the query"
    )]
    PartitionValue {
        dataset: String,
        column: String,
        /// Length of the folder's name.
        bytes: usize,
        max_bytes: usize,
    },
    /// The query and the table have different columns.
    #[error("dataset '{dataset}': {detail}")]
    Columns {
        dataset: String,
        /// What differs.
        detail: String,
    },
    /// The store did not accept a file.
    #[error(
        "dataset '{dataset}': gold file '{place}' could not be written; check that the gold folder is writable and not full"
    )]
    Storage {
        dataset: String,
        /// A path on this machine, or a URL.
        place: String,
        #[source]
        source: object_store::Error,
    },
    /// The rows could not be encoded as Parquet.
    #[error("dataset '{dataset}': rows could not be encoded as parquet")]
    Encode {
        dataset: String,
        #[source]
        source: parquet::errors::ParquetError,
    },
    /// A manifest row or a plan node that cannot be decoded.
    #[error("{what} cannot be read; scheduler and executors must be of one version")]
    Decode {
        what: &'static str,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl SinkError {
    /// The phrase in every message of [`SinkError::NotNull`].
    pub const NOT_NULL: &'static str = "is declared NOT NULL but";
    /// The phrase in every message of [`SinkError::Storage`].
    pub const STORAGE: &'static str = "could not be written; check that the gold folder";
}

impl From<SinkError> for DataFusionError {
    fn from(error: SinkError) -> Self {
        DataFusionError::External(Box::new(error))
    }
}
