//! `ingest-landing`: lands Kafka topics in files of JSON lines.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(sluice_ingest::run(std::env::args_os()))
}
