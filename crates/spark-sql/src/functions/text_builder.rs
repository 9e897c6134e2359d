//! Builds a column of text, with limits that turn a mistake into an error.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, StringBuilder};
use datafusion::error::{DataFusionError, Result};

use crate::planning::check_constant_bytes;

/// The longest text that a function may make, in bytes.
pub(crate) const MAX_TEXT_BYTES: usize = 256 << 20;

/// The most bytes of a batch's column; Arrow's offsets end at 2 GiB.
const MAX_COLUMN_BYTES: usize = 1 << 30;

pub(crate) struct TextBuilder {
    function: &'static str,
    builder: StringBuilder,
    bytes: usize,
}

impl TextBuilder {
    pub(crate) fn new(function: &'static str, rows: usize) -> Self {
        Self {
            function,
            builder: StringBuilder::with_capacity(rows, rows * 8),
            bytes: 0,
        }
    }

    pub(crate) fn append(&mut self, text: &str) -> Result<()> {
        check_text_bytes(self.function, text.len())?;
        self.bytes += text.len();
        check_constant_bytes(self.function, self.bytes)?;
        if self.bytes > MAX_COLUMN_BYTES {
            return Err(DataFusionError::ResourcesExhausted(format!(
                "the texts of `{}` in one batch have more than 1 GiB",
                self.function
            )));
        }
        self.builder.append_value(text);
        Ok(())
    }

    pub(crate) fn append_null(&mut self) {
        self.builder.append_null();
    }

    pub(crate) fn finish(mut self) -> ArrayRef {
        Arc::new(self.builder.finish())
    }
}

/// An error when a text of `bytes` bytes would be longer than any function may
/// make. To be called before the text is built.
pub(crate) fn check_text_bytes(function: &str, bytes: usize) -> Result<()> {
    check_constant_bytes(function, bytes)?;
    if bytes > MAX_TEXT_BYTES {
        return Err(DataFusionError::ResourcesExhausted(format!(
            "`{function}` would make a text of {bytes} bytes; at most {MAX_TEXT_BYTES} are possible"
        )));
    }
    Ok(())
}
