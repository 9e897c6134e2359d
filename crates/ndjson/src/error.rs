//! Why a schema cannot be decoded into, and why decoding ended

use std::sync::Arc;

use arrow::datatypes::DataType;
use arrow::error::ArrowError;

/// A schema or option that the decoder cannot work with.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// A column or nested field of a type that JSON is not decoded into.
    #[error(
        "field {path} has type {data_type}, which cannot be read from JSON: declare it as one of the types in docs/ndjson.md"
    )]
    Unsupported {
        /// Where: `products[].quantity`.
        path: String,
        /// The type.
        data_type: Box<DataType>,
    },
    /// Two fields of one struct are filled by the same key.
    #[error("field {path} is declared twice: remove one of them")]
    Duplicate {
        /// Where: `billing_address.city`.
        path: String,
    },
    /// The corrupt-record column has the wrong shape.
    #[error(
        "corrupt record column {name} must be a nullable STRING or STRUCT<raw STRING, file STRING, line BIGINT, reason STRING>, not {data_type}"
    )]
    CorruptRecord {
        /// The column's name.
        name: String,
        /// Its type.
        data_type: Box<DataType>,
    },
    /// The position column has the wrong type.
    #[error("position column {name} must be a 64-bit integer, not {data_type}")]
    Position {
        /// The column's name.
        name: String,
        /// Its type.
        data_type: Box<DataType>,
    },
    /// An index of the options is not in the schema.
    #[error("the {option} column is number {index}, but the schema has {columns} columns")]
    NoSuchColumn {
        /// Which option.
        option: &'static str,
        /// Its value.
        index: usize,
        /// Columns of the schema.
        columns: usize,
    },
}

/// Why decoding ended early.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// [`Mode::FailFast`](crate::Mode::FailFast) met a record that is broken
    /// or does not fit.
    #[error(
        "{file}, line {line}, column {column} (byte {offset}): {reason}; correct the line, or read with mode permissive or dropmalformed"
    )]
    Malformed {
        /// The file.
        file: Arc<str>,
        /// The line's number in the file, from 1.
        line: u64,
        /// Byte offset in the file's (decompressed) bytes of the line's start.
        offset: u64,
        /// The byte in the line, from 1.
        column: u64,
        /// What is wrong.
        reason: String,
    },
    /// A compressed file is damaged or ends too early.
    #[error(
        "{file} is not a whole {format} file: {reason} at byte {offset}; write the file again, or remove it"
    )]
    Compressed {
        /// The file.
        file: Arc<str>,
        /// `gzip` or `zstd`.
        format: &'static str,
        /// Bytes of the compressed file that were consumed before.
        offset: u64,
        /// What is wrong.
        reason: String,
    },
    /// A file has fewer bytes than its listing said.
    #[error(
        "{file} ends at byte {offset} but was listed with {expected} bytes: it changed while it was read; run the job again"
    )]
    Shortened {
        /// The file.
        file: Arc<str>,
        /// Where it ended.
        offset: u64,
        /// Its size as listed.
        expected: u64,
    },
    /// Arrow refused a batch: a mistake of the decoder.
    #[error("a batch of {file} could not be built")]
    Batch {
        /// The file.
        file: Arc<str>,
        /// Arrow's reason.
        #[source]
        source: ArrowError,
    },
}
