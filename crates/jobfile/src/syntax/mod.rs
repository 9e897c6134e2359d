//! From text to the tokens of statements.

pub(crate) mod dialect;
pub(crate) mod identifier_clause;
mod lambdas;
mod quantified_like;
pub(crate) mod source_text;
mod spark_literals;
pub(crate) mod spark_tokens;
pub(crate) mod streams;
mod string_literals;
pub(crate) mod token_cursor;
pub(crate) mod tokens;
