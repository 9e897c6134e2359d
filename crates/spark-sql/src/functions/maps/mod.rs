//! Functions of maps.

mod build;
mod read;
#[cfg(test)]
mod tests;

pub(super) use read::{entry_fields, entry_range};

use super::udf::SparkFunction;

/// The functions of this folder.
pub(super) fn functions() -> Vec<&'static SparkFunction> {
    build::FUNCTIONS.iter().chain(read::FUNCTIONS).collect()
}
