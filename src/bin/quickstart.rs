//! `quickstart`: produces sample events to Kafka, ingests them, runs the example
//! job in this process, and prints the result.

use std::process::ExitCode;

use mimalloc::MiMalloc;
use sluice_service::task_memory::CountingAllocator;

#[global_allocator]
static ALLOCATOR: CountingAllocator<MiMalloc> = CountingAllocator(MiMalloc);

fn main() -> ExitCode {
    sluice::allocator::give_back_memory();
    ExitCode::from(sluice_quickstart::run(
        std::env::args_os(),
        sluice::local_backend(),
    ))
}
