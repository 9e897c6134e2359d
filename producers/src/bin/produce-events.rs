//! `produce-events`: sends sample events to Kafka.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(sluice_producers::run(std::env::args_os()))
}
