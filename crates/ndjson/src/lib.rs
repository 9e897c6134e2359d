//! Decodes newline-delimited JSON into Arrow record batches.

mod base64;
mod batch;
mod column;
mod column_decoder;
mod compile;
mod corrupt_column;
mod datetime;
mod decoder;
mod decompress;
mod error;
mod field_label;
mod key_predictor;
mod leaf;
mod lex;
mod line_range;
mod line_splitter;
mod nested;
mod number;
mod object;
mod options;
mod read_error;
mod record;
mod scan;
mod simd;

pub use datetime::parse_utc_timestamp;
pub use decoder::{Decoder, DecoderOutput};
pub use decompress::Compression;
pub use error::{DecodeError, SchemaError};
pub use line_range::{LineRange, OwnedBytes};
pub use options::{
    DEFAULT_BATCH_ROWS, DEFAULT_MAX_LINE_BYTES, DecodeOptions, DecodeStats, FileContext, JSON_KEY,
    Mode, output_schema, row_position,
};
pub use scan::{FileScan, ScanFile, ScanOutput};
