//! `quickstart`: produces sample events to Kafka, ingests them, runs the example
//! job in this process, and prints the result.

use std::process::ExitCode;

fn main() -> ExitCode {
    sluice::allocator::give_back_memory();
    ExitCode::from(sluice_quickstart::run(
        std::env::args_os(),
        sluice::local_backend(),
    ))
}
