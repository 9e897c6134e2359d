//! From text to the tokens of statements.

pub(crate) mod dialect;
pub(crate) mod identifier_clause;
mod lambdas;
pub(crate) mod parser_limits;
mod pivoted_values;
mod quantified_like;
mod query_starts;
pub(crate) mod source_text;
mod spark_literals;
pub(crate) mod spark_rewriter;
pub(crate) mod spark_tokens;
pub(crate) mod streams;
pub(crate) mod string_literals;
pub(crate) mod token_cursor;
pub(crate) mod tokens;
