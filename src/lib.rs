//! Shared by the binaries of this package: running jobs in this process, and all
//! programs in one.

pub mod allocator;
pub mod multicall;

use std::sync::Arc;

use sluice_client::{ErrorKind, JobError, LocalBackend, LocalBackendOptions};
use sluice_scheduler::local_scheduler::{self, LocalSchedulerError};

/// The backend behind `--master local[N]`: a scheduler in process.
pub fn local_backend() -> LocalBackend {
    LocalBackend::new(|options: LocalBackendOptions| async move {
        let options = local_scheduler::LocalSchedulerOptions {
            vcores: u32::try_from(options.cores).unwrap_or(u32::MAX),
            memory: options
                .memory
                .map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX)),
            temp_dir: std::env::temp_dir(),
        };
        local_scheduler::start_local(&options)
            .map(Arc::new)
            .map_err(|error| JobError::new(error_kind(&error), error.to_string()))
    })
}

fn error_kind(error: &LocalSchedulerError) -> ErrorKind {
    match error {
        LocalSchedulerError::TempDir { .. } => ErrorKind::Storage,
        LocalSchedulerError::Engine(_) => ErrorKind::Internal,
    }
}
