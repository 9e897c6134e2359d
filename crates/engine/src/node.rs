//! What a task has to know about the process that it runs in.

use std::path::PathBuf;
use std::sync::Arc;

use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::prelude::SessionConfig;

/// The process that runs tasks: where it keeps staged files and how other
/// processes fetch them.
///
/// It travels as a [`SessionConfig`] extension, never in a plan: the same plan
/// runs on any executor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeInfo {
    /// The folder for staged and shuffled data, absolute.
    pub work_dir: PathBuf,
    /// The host under which other processes reach this one; empty in process.
    pub host: String,
    /// The port of the executor's Arrow Flight service; 0 in process.
    pub flight_port: u16,
}

impl NodeInfo {
    /// `config` with this node attached, for tasks to find.
    pub fn attach(self, config: SessionConfig) -> SessionConfig {
        config.with_extension(Arc::new(self))
    }

    /// The node that runs a task.
    ///
    /// # Errors
    /// When the process did not attach one: a mistake in its setup.
    pub fn of(context: &TaskContext) -> Result<Arc<Self>> {
        context
            .session_config()
            .get_extension::<Self>()
            .ok_or_else(|| {
                DataFusionError::Configuration(
                    "this process runs a staging task without a work folder; attach a NodeInfo to its session configuration".to_owned(),
                )
            })
    }
}
