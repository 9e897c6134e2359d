//! `scheduler`: plans jobs and has executors run them.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    sluice_scheduler::server::run(std::env::args_os())
}
