//! Decodes separated values into Arrow record batches, with the conversions of
//! Spark's CSV reader.
//!
//! `tokens` finds the fields of a record, `record` judges them, `columns` converts them,
//! and [`CsvDecoder`] puts both behind the interface of the NDJSON decoder, so that
//! files, ranges, compression and modes are the same for both.

mod columns;
mod decoder;
mod record;
mod tokens;
mod type_decoder;
mod values;

#[cfg(test)]
mod tests;

pub use columns::single_value;
pub use decoder::{CsvDecoder, CsvOptions};
pub use tokens::CsvSyntax;
pub use type_decoder::{CsvTypeDecoder, type_of_text};
