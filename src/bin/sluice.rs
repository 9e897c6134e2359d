//! `sluice`: every program in one, for images; see `sluice::multicall`.

use std::process::ExitCode;

fn main() -> ExitCode {
    sluice::allocator::give_back_memory();
    sluice::multicall::run(std::env::args_os())
}
