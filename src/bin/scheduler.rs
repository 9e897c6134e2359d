//! `scheduler`: plans jobs and has executors run them.

use std::process::ExitCode;

use mimalloc::MiMalloc;
use sluice_service::task_memory::CountingAllocator;

#[global_allocator]
static ALLOCATOR: CountingAllocator<MiMalloc> = CountingAllocator(MiMalloc);

fn main() -> ExitCode {
    sluice::allocator::give_back_memory();
    sluice_scheduler::server::run(std::env::args_os())
}
