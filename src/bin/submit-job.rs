//! `submit-job`: submits SQL job files to a cluster, or runs them in process.

use std::process::ExitCode;

use mimalloc::MiMalloc;
use sluice_service::task_memory::CountingAllocator;

#[global_allocator]
static ALLOCATOR: CountingAllocator<MiMalloc> = CountingAllocator(MiMalloc);

fn main() -> ExitCode {
    sluice::allocator::give_back_memory();
    ExitCode::from(sluice_client::run(
        std::env::args_os(),
        sluice::local_backend(),
    ))
}
