//! Decodes newline-delimited JSON into Arrow record batches.

mod base64;
mod batch;
mod column;
mod compile;
mod corrupt;
mod datetime;
mod decoder;
mod error;
mod fault;
mod inflate;
mod leaf;
mod lex;
mod lines;
mod nested;
mod node;
mod number;
mod object;
mod options;
mod place;
mod range;
mod record;
mod scan;
mod shape;
mod simd;

pub use decoder::{Decoder, Poll};
pub use error::{DecodeError, SchemaError};
pub use inflate::Compression;
pub use options::{
    DEFAULT_BATCH_ROWS, DEFAULT_MAX_LINE_BYTES, DecodeOptions, FileContext, JSON_KEY, Mode, Stats,
    output_schema, position,
};
pub use range::{LineRange, Owned};
pub use scan::{Scan, ScanFile, Step};
