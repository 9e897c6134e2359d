//! Regular expressions with Java's meaning.

mod functions;
mod java;
mod matcher;
mod replacement;
mod split;
#[cfg(test)]
mod tests;
mod translate;

use super::udf::SparkFunction;

/// The functions of this folder.
pub(super) fn functions() -> Vec<&'static SparkFunction> {
    functions::FUNCTIONS
        .iter()
        .chain(split::FUNCTIONS)
        .collect()
}

/// What is wrong with a pattern.
pub(super) fn check_pattern(pattern: &str) -> Result<(), String> {
    matcher::JavaRegex::compile(pattern)
        .map(drop)
        .map_err(|error| error.message().into_owned())
}
