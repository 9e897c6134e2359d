//! The executor: runs the tasks that a scheduler gives it, keeps what they
//! shuffle and stage on its own disk, and serves that to other executors.
//!
//! It runs stages with Ballista's engine and serves their data with Ballista's
//! Flight service. Everything else is our own, because the stock executor gives up
//! after five missed heartbeats, reports the end of a task only once, runs all tasks
//! on the same threads, waits for running tasks without a time limit, and cannot
//! choose its ports:
//!
//! - [`options`]: flags, environment and file;
//! - `heartbeat`: survives a restarted scheduler, drains, detects that the
//!   scheduler has given up this executor;
//! - `task_service`, `task_runner`, `task_threads`: receive tasks, run each on its
//!   own threads, and stop it together with them; `stop_watch` measures what threads do
//!   that do not end;
//! - `task_engine`, `cancel_checks`: the wrapper around every task that classifies
//!   its failure and counts it, and lets it notice a cancel;
//! - `task_trace`: spans of tasks and of their operators;
//! - `reports`: the ends of tasks, kept until the scheduler acknowledges them;
//! - `disk_health`: whether this executor can write to its own disk;
//! - `memory_watch`: keeps the process below its limit of memory;
//! - `memory`, `ports`, `connection_pool`, `shuffle`: resources of the process;
//! - `startup`, `registration`, `registered_executor`: wait for the scheduler,
//!   register the services, run them until the executor drains;
//! - `program`: starts the parts and stops them in order; `process` is what they
//!   share, `restart` replaces it.

mod cancel_checks;
mod connection_pool;
mod disk_health;
mod error;
mod heartbeat;
mod memory;
mod memory_watch;
mod metrics;
pub mod options;
mod panics;
mod ports;
mod process;
mod program;
mod registered_executor;
mod registration;
mod reports;
mod restart;
mod scheduler_endpoint;
mod shuffle;
mod shuffle_reads;
mod startup;
mod stop_watch;
mod task_engine;
mod task_runner;
mod task_service;
mod task_threads;
mod task_trace;
mod tasks;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::CommandFactory;
use sluice_service::logs::LogOptions;
use sluice_service::program::{ServiceProgram, run_program};
use sluice_service::signals::StopSignal;
use sluice_service::trace_options::TraceOptions;

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

    fn trace_options(options: &Options) -> &TraceOptions {
        &options.traces
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
