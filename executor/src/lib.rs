//! The executor: runs the tasks that a scheduler gives it, keeps what they
//! shuffle and stage on its own disk, and serves that to other executors.
//!
//! It is Ballista's executor, assembled from its public parts, because the stock
//! process gives up after five missed heartbeats, waits for running tasks
//! without a time limit, and cannot choose its ports. These parts are our own:
//!
//! - [`options`]: flags, environment and file;
//! - `heartbeat`: survives a restarted scheduler, drains, detects that the
//!   scheduler has given up this executor;
//! - `task_engine`: the wrapper around every task that classifies its failure,
//!   counts it and can cancel it;
//! - `memory`, `ports`, `connection_pool`, `shuffle`: resources of the process;
//! - `startup`, `registration`, `registered_executor`: wait for the scheduler,
//!   register the services, run them until the executor drains;
//! - `program`: starts the parts and stops them in order; `process` is what they
//!   share.

mod connection_pool;
mod error;
mod heartbeat;
mod memory;
mod metrics;
pub mod options;
mod panics;
mod ports;
mod process;
mod program;
mod registered_executor;
mod registration;
mod scheduler_endpoint;
mod shuffle;
mod startup;
mod task_engine;
mod tasks;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::CommandFactory;
use sluice_service::logs::LogOptions;
use sluice_service::program::{ServiceProgram, run_program};
use sluice_service::signals::StopSignal;

pub use error::ExecutorError;
pub use options::{ENVIRONMENT_PREFIX, Options};
pub use program::run_executor;

/// Runs the executor; see [`sluice_service::program::run_program`] for its exit codes.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    run_program::<Executor>(arguments)
}

struct Executor;

impl ServiceProgram for Executor {
    type Options = Options;
    type Error = ExecutorError;

    const NAME: &'static str = "executor";
    const ENVIRONMENT_PREFIX: &'static str = ENVIRONMENT_PREFIX;

    fn log_options(options: &Options) -> &LogOptions {
        &options.log
    }

    fn hook_panics() {
        panics::install_hook();
    }

    async fn run(options: Options, stop: StopSignal) -> Result<(), ExecutorError> {
        run_executor(options, stop).await
    }
}

/// The options as a clap command, for the reference page.
pub fn clap_command() -> clap::Command {
    Options::command()
}
