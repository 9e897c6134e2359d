//! `executor`: runs the tasks that a scheduler assigns to it.

use std::process::ExitCode;

use mimalloc::MiMalloc;
use sluice_service::task_memory::CountingAllocator;

#[global_allocator]
static ALLOCATOR: CountingAllocator<MiMalloc> = CountingAllocator(MiMalloc);

fn main() -> ExitCode {
    sluice::allocator::give_back_memory();
    sluice_executor::run(std::env::args_os())
}
