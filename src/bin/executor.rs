//! `executor`: runs the tasks that a scheduler assigns to it.

use std::process::ExitCode;

fn main() -> ExitCode {
    sluice::allocator::give_back_memory();
    sluice_executor::run(std::env::args_os())
}
