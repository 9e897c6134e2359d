//! From text to the tokens of statements.

pub(crate) mod dialect;
pub(crate) mod source_text;
pub(crate) mod token_cursor;
pub(crate) mod tokens;
