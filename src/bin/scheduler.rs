//! `scheduler`: plans jobs and has executors run them.

use std::process::ExitCode;

fn main() -> ExitCode {
    sluice::allocator::give_back_memory();
    sluice_scheduler::server::run(std::env::args_os())
}
