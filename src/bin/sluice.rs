//! `sluice`: every program in one, for images; see `sluice::multicall`.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    sluice::multicall::run(std::env::args_os())
}
