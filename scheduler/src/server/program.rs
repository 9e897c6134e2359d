//! The entry point of the scheduler.

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;

use sluice_engine::session::{RuntimeOptions, build_runtime};
use sluice_gold::GoldTables;
use sluice_service::logs::LogOptions;
use sluice_service::program::{self, ServiceProgram};
use sluice_service::signals::StopSignal;
use sluice_storage::{StoreOptions, Stores};

use super::error::ServerError;
use super::process::start_scheduler;
use crate::driver::Driver;
use crate::jobs::{JobRegistry, RegistryOptions};
use crate::options::{ENVIRONMENT_PREFIX, Options};
use crate::runner::ClusterRunner;

/// Runs the scheduler; see [`sluice_service::program::run_program`] for its exit codes.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    program::run_program::<Scheduler>(arguments)
}

struct Scheduler;

impl ServiceProgram for Scheduler {
    type Options = Options;
    type Error = ServerError;

    const NAME: &'static str = "scheduler";
    const ENVIRONMENT_PREFIX: &'static str = ENVIRONMENT_PREFIX;

    fn log_options(options: &Options) -> &LogOptions {
        &options.log
    }

    async fn run(options: Options, stop: StopSignal) -> Result<(), ServerError> {
        run_scheduler(options, stop).await
    }
}

async fn run_scheduler(options: Options, stop: StopSignal) -> Result<(), ServerError> {
    let (max_concurrent, default_timeout) = (options.max_concurrent_jobs, options.job_timeout);
    let process = start_scheduler(options, stop).await?;
    let jobs_options = RegistryOptions {
        max_concurrent,
        default_timeout,
        metrics: Some(process.metrics()),
    };
    let stores = Stores::new(StoreOptions::from_env());
    let driver = Driver {
        runner: Arc::new(ClusterRunner::new(process.ballista())),
        runtime: build_runtime(stores.clone(), &RuntimeOptions::default())?,
        gold: GoldTables::new(stores.clone()),
        stores,
    };
    let jobs = JobRegistry::open(driver, process.state_dir().to_owned(), jobs_options)
        .await
        .map_err(|error| ServerError::History(error.to_string()))?;
    process.serve_until_stopped(jobs).await
}
