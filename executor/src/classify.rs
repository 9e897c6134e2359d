//! What the errors of this process's tasks mean; see [`sluice_engine::task_failure`].

use datafusion::error::DataFusionError;
use sluice_engine::task_failure;
pub(crate) use sluice_engine::task_failure::{failed_fetch, is_cancelled, to_task_error};
use sluice_service::task_failure::TaskFailure;

use crate::panics;

/// The failure that an error stands for, with the source location of a panic.
pub(crate) fn task_failure(error: &DataFusionError) -> TaskFailure {
    task_failure::classify_error(error, &panics::panic_location)
}

#[cfg(test)]
mod tests;
