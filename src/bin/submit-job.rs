//! `submit-job`: submits SQL job files to a cluster, or runs them in process.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    ExitCode::from(sluice_client::run(
        std::env::args_os(),
        sluice::local_backend(),
    ))
}
