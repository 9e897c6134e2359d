//! `submit-job`: submits SQL job files to a cluster, or runs them in process.

use std::process::ExitCode;
use std::sync::Arc;

use sluice_client::{ErrorKind, JobError, LocalOptions, in_process, run};
use sluice_scheduler::local::{self, LocalError};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let local = in_process(|options: LocalOptions| async move {
        let options = local::LocalOptions {
            vcores: u32::try_from(options.cores).unwrap_or(u32::MAX),
            memory: None,
            temp_dir: std::env::temp_dir(),
        };
        local::start(&options)
            .map(Arc::new)
            .map_err(|error| JobError::new(kind(&error), error.to_string()))
    });
    ExitCode::from(run(std::env::args_os(), local))
}

fn kind(error: &LocalError) -> ErrorKind {
    match error {
        LocalError::TempDir { .. } => ErrorKind::Storage,
        LocalError::Engine(_) => ErrorKind::Internal,
    }
}
