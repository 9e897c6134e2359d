//! The executor: runs the tasks that a scheduler gives it, keeps what they
//! shuffle and stage on its own disk, and serves that to other executors.
//!
//! It is Ballista's executor put together from its public parts, because the
//! stock process gives up after five missed heartbeats, ends all tasks without
//! a limit on time, and cannot choose its ports. What is ours:
//!
//! - [`options`]: flags, environment and file;
//! - `heartbeat`: survives a restarted scheduler, drains, notices being given
//!   up;
//! - `engine`: the wrapper around every task that classifies its failure,
//!   counts it and can cancel it;
//! - `memory`, `ports`, `fetch`, `shuffle`: resources of the process;
//! - `service`, `started`: put the parts together and take them down in order.

mod classify;
mod engine;
mod error;
mod fetch;
mod heartbeat;
mod memory;
mod metrics;
pub mod options;
mod panics;
mod ports;
mod service;
mod shuffle;
mod started;
mod tasks;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::CommandFactory;
use sluice_process::logs;
use sluice_process::secrets::Secrets;
use sluice_process::signals::Stop;

pub use error::ExecutorError;
pub use options::{ENVIRONMENT_PREFIX, Options};
pub use service::run_until;

/// Deep plans are decoded recursively; the stock binaries take the same size.
const STACK_BYTES: usize = 32 * 1024 * 1024;

/// The whole program: reads options, runs until it is told to stop.
///
/// Exits with 0 after an orderly end, 1 after a failure, 2 when the options
/// cannot be used.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let options: Options = match sluice_process::options::load(ENVIRONMENT_PREFIX, arguments) {
        Ok(options) => options,
        Err(error) => return ExitCode::from(sluice_process::options::exit_with(&error)),
    };
    let secrets = Secrets::from_environment();
    if let Err(error) = logs::init(&options.log, &secrets) {
        report(&error, &secrets);
        return ExitCode::from(2);
    }
    panics::install();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("executor")
        .thread_stack_size(STACK_BYTES)
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            report(&error, &secrets);
            return ExitCode::FAILURE;
        }
    };
    let result = runtime.block_on(async {
        let stop = Stop::on_signals().map_err(ExecutorError::Signals)?;
        run_until(options, stop).await
    });
    // Tasks that would not end must not keep the process.
    runtime.shutdown_background();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&error, &secrets);
            ExitCode::FAILURE
        }
    }
}

/// The error and its causes on one line of stderr, for whoever started us.
fn report(error: &dyn std::error::Error, secrets: &Secrets) {
    use std::io::Write;
    // Nothing is left to be done when stderr is gone.
    let _ = writeln!(
        std::io::stderr(),
        "error: {}",
        secrets.redact(&error.to_string())
    );
}

/// The options as a clap command, for the reference page.
pub fn command() -> clap::Command {
    Options::command()
}
