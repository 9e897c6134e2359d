//! Why a schema cannot be decoded into, and why decoding ended early.

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
        /// The field's path, such as `products[].quantity`.
        path: String,
        data_type: Box<DataType>,
    },
    /// The same key fills two fields of one struct.
    #[error("field {path} is declared twice: remove one of them")]
    Duplicate {
        /// The field's path, such as `billing_address.city`.
        path: String,
    },
    /// A field is to be returned, but is not among the declared ones, or they are
    /// in another order.
    #[error("field {path} is read but was not declared, or not in this order")]
    NotDeclared {
        /// The field's path, such as `billing_address.city`.
        path: String,
    },
    /// The corrupt-record column has the wrong shape.
    #[error(
        "corrupt record column {name} must be a nullable STRING or STRUCT<raw STRING, file STRING, line BIGINT, reason STRING>, not {data_type}"
    )]
    CorruptRecord {
        name: String,
        data_type: Box<DataType>,
    },
    /// The column of rescued data has the wrong type.
    #[error("rescued data column {name} must be a nullable STRING, not {data_type}")]
    Rescued {
        name: String,
        data_type: Box<DataType>,
    },
    /// The position column has the wrong type.
    #[error("position column {name} must be a 64-bit integer, not {data_type}")]
    Position {
        name: String,
        data_type: Box<DataType>,
    },
    /// The column of line numbers has the wrong type.
    #[error("line column {name} must be BIGINT, not {data_type}")]
    Line {
        name: String,
        data_type: Box<DataType>,
    },
    /// An index in the options is not in the schema.
    #[error("the {option} column is number {index}, but the schema has {columns} columns")]
    NoSuchColumn {
        option: &'static str,
        index: usize,
        /// The number of columns of the schema.
        columns: usize,
    },
}

/// Why decoding ended early.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// A record is broken or does not fit, in
    /// [`Mode::FailFast`](crate::Mode::FailFast).
    #[error(
        "{file}, line {line}, column {column} (byte {offset}): {reason}; correct the line, or read with mode permissive or dropmalformed"
    )]
    Malformed {
        file: Arc<str>,
        /// The line's number in the file, from 1.
        line: u64,
        /// Byte offset in the file's (decompressed) bytes of the line's start.
        offset: u64,
        /// Position of the byte in the line, from 1.
        column: u64,
        reason: String,
    },
    /// A record has a field that is not declared, with
    /// [`NewFields::Refused`](crate::NewFields::Refused).
    #[error(
        "{file}, line {line} (byte {offset}): field {field} is not declared; declare it, or set schemaEvolutionMode to rescue or none"
    )]
    NewField {
        file: Arc<str>,
        /// The line's number in the file, from 1.
        line: u64,
        /// Byte offset in the file's (decompressed) bytes of the line's start.
        offset: u64,
        /// The field's path, such as `address.zip`.
        field: String,
    },
    /// Records whose types are to be found have more fields than a table has columns.
    #[error(
        "{file}: records have {fields} fields, and the types of at most {limit} are found; declare the columns, with MAP<STRING, …> where keys are data"
    )]
    TooManyFields {
        file: Arc<str>,
        /// At any depth.
        fields: usize,
        limit: usize,
    },
    /// A compressed file is damaged or ends too early.
    #[error(
        "{file} is not a complete {format} file: {reason} at byte {offset}; write the file again, or remove it"
    )]
    Compressed {
        file: Arc<str>,
        /// `gzip` or `zstd`.
        format: &'static str,
        /// The number of compressed bytes that were decompressed before.
        offset: u64,
        reason: String,
    },
    /// A file is UTF-16, by its byte-order mark.
    #[error("{file} is written in UTF-16, and only UTF-8 is read; convert it")]
    Utf16 { file: Arc<str> },
    /// A file has fewer bytes than in its listing.
    #[error(
        "{file} ends at byte {offset} but was listed with {expected} bytes: it changed while it was read; run the job again"
    )]
    Shortened {
        file: Arc<str>,
        /// The file's actual end.
        offset: u64,
        /// The size in the listing.
        expected: u64,
    },
    /// Arrow refused a batch: a bug in the decoder.
    #[error("a batch of {file} could not be built")]
    Batch {
        file: Arc<str>,
        #[source]
        source: ArrowError,
    },
}
