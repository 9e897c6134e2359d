//! What the text of a value means: tokens, numbers, times, base64, and what can be
//! wrong with it. Nothing here knows columns.

pub(crate) mod base64;
pub(crate) mod datetime;
pub(crate) mod field_label;
pub(crate) mod lex;
pub(crate) mod number;
pub(crate) mod read_error;
