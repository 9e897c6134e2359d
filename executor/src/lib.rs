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
use sluice_service::logs::LogOptions;
use sluice_service::program::{self, Program};
use sluice_service::signals::Stop;

pub use error::ExecutorError;
pub use options::{ENVIRONMENT_PREFIX, Options};
pub use service::run_until;

/// The whole program; see [`program::run`] for its exit codes.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    program::run::<Executor>(arguments)
}

struct Executor;

impl Program for Executor {
    type Options = Options;
    type Error = ExecutorError;

    const NAME: &'static str = "executor";
    const ENVIRONMENT_PREFIX: &'static str = ENVIRONMENT_PREFIX;

    fn log(options: &Options) -> &LogOptions {
        &options.log
    }

    fn hook_panics() {
        panics::install();
    }

    async fn run(options: Options, stop: Stop) -> Result<(), ExecutorError> {
        run_until(options, stop).await
    }
}

/// The options as a clap command, for the reference page.
pub fn command() -> clap::Command {
    Options::command()
}
