//! `executor`: runs the tasks that a scheduler assigns to it.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    sluice_executor::run(std::env::args_os())
}
