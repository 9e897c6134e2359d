//! Functions of arrays.

pub(crate) mod access;
mod build;
mod change;
pub(crate) mod elements;
mod order;
mod search;
mod sets;
#[cfg(test)]
mod tests;
pub(crate) mod types;

use super::udf::SparkFunction;

/// The functions of this folder.
pub(super) fn functions() -> Vec<&'static SparkFunction> {
    [
        access::FUNCTIONS,
        build::FUNCTIONS,
        change::FUNCTIONS,
        order::FUNCTIONS,
        search::FUNCTIONS,
        sets::FUNCTIONS,
    ]
    .into_iter()
    .flatten()
    .collect()
}
