//! `quickstart`: produces sample events to Kafka, ingests them, runs the example
//! job in this process, and prints the result.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    ExitCode::from(sluice_quickstart::run(
        std::env::args_os(),
        sluice::local_backend(),
    ))
}
