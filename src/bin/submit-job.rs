//! `submit-job`: submits SQL job files to a cluster, or runs them in process.

use std::process::ExitCode;

fn main() -> ExitCode {
    sluice::allocator::give_back_memory();
    ExitCode::from(sluice_client::run(
        std::env::args_os(),
        sluice::local_backend(),
    ))
}
