//! What a task needs to know about the process that it runs in.

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
pub struct ExecutorContext {
    /// The folder for staged and shuffled data, absolute.
    pub work_dir: PathBuf,
    /// The host under which other processes reach this one; empty for the
    /// in-process runner.
    pub host: String,
    /// The port of the executor's Arrow Flight service; 0 for the in-process
    /// runner.
    pub flight_port: u16,
}

impl ExecutorContext {
    /// Attaches this to `config`, where tasks find it.
    pub fn attach_to(self, config: SessionConfig) -> SessionConfig {
        config.with_extension(Arc::new(self))
    }

    /// The context of the process that runs a task.
    ///
    /// # Errors
    /// When the process did not attach one, which is a defect in its setup.
    pub fn from_task(context: &TaskContext) -> Result<Arc<Self>> {
        context
            .session_config()
            .get_extension::<Self>()
            .ok_or_else(|| {
                DataFusionError::Configuration(
                    "this process runs a staging task without a work folder; attach an ExecutorContext to its session configuration".to_owned(),
                )
            })
    }
}
