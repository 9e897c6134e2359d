//! What the errors of this process's tasks mean; see [`sluice_engine::failure`].

use datafusion::error::DataFusionError;
use sluice_engine::failure;
pub(crate) use sluice_engine::failure::{failed_fetch, is_cancelled, travelling};
use sluice_service::failure::TaskFailure;

use crate::panics;

/// The failure that an error stands for, with the source location of a panic.
pub(crate) fn failure(error: &DataFusionError) -> TaskFailure {
    failure::failure(error, &panics::place_of)
}

#[cfg(test)]
#[path = "classify_tests.rs"]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests;
