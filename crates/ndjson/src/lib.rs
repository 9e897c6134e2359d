//! Decodes newline-delimited JSON into Arrow record batches.
//!
//! `lines` makes chunks of complete lines from the bytes of files, [`Decoder`] reads
//! one record per line, `columns` collects its values for a batch, and `values` knows
//! the text of values. `types` finds which
//! columns files without declared ones have. [`FileScan`] puts them together for files, and for decoders
//! of other formats.

mod columns;
mod decoder;
mod error;
mod line_problem;
mod lines;
mod options;
mod record;
mod scan;
mod simd;
mod types;
mod values;

pub use columns::corrupt_column::{CorruptColumn, CorruptRecord};
pub use columns::rescued_column::{RescuedColumn, json_string, rescued_object};
pub use decoder::{Decoder, DecoderOutput};
pub use error::{DecodeError, SchemaError};
pub use lines::line_range::{LineRange, OwnedBytes};
pub use options::{
    DEFAULT_BATCH_ROWS, DEFAULT_MAX_LINE_BYTES, DecodeOptions, DecodeStats, FileContext, JSON_KEY,
    Mode, NewFields, output_schema, row_position,
};
pub use scan::{FileDecoder, FileScan, ScanFile, ScanOutput};
pub use sluice_compression::Compression;
pub use types::inferred_type::{InferredType, type_of_integer};
pub use types::type_decoder::{TypeDecoder, check_field_count, type_batch, type_schema};
pub use values::datetime::parse_utc_timestamp;

/// Values from texts, for readers of other formats.
pub mod text {
    pub use crate::values::datetime::{Zones, parse_date, parse_timestamp};
    pub use crate::values::number::parse_decimal;
}
