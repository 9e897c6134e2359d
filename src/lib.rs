//! Shared by the binaries of this package: running jobs in this process.

use std::sync::Arc;

use sluice_client::{ErrorKind, JobError, LocalBackend, LocalOptions, in_process};
use sluice_scheduler::local::{self, LocalError};

/// The backend behind `--master local[N]`: a scheduler in process.
pub fn local_backend() -> Arc<dyn LocalBackend> {
    in_process(|options: LocalOptions| async move {
        let options = local::LocalOptions {
            vcores: u32::try_from(options.cores).unwrap_or(u32::MAX),
            memory: None,
            temp_dir: std::env::temp_dir(),
        };
        local::start(&options)
            .map(Arc::new)
            .map_err(|error| JobError::new(kind(&error), error.to_string()))
    })
}

fn kind(error: &LocalError) -> ErrorKind {
    match error {
        LocalError::TempDir { .. } => ErrorKind::Storage,
        LocalError::Engine(_) => ErrorKind::Internal,
    }
}
