//! The entry point of the scheduler.

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;

use sluice_engine::session::{RuntimeOptions, runtime};
use sluice_gold::GoldTables;
use sluice_service::logs::LogOptions;
use sluice_service::program::{self, Program};
use sluice_service::signals::Stop;
use sluice_storage::{StoreOptions, Stores};

use super::error::ServerError;
use super::node::start;
use crate::DriverSettings;
use crate::JobServer;
use crate::config::{ENVIRONMENT_PREFIX, Options};
use crate::jobs::{Jobs, JobsOptions};
use crate::runner::ClusterRunner;

/// Runs the scheduler; see [`program::run`] for its exit codes.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    program::run::<Scheduler>(arguments)
}

struct Scheduler;

impl Program for Scheduler {
    type Options = Options;
    type Error = ServerError;

    const NAME: &'static str = "scheduler";
    const ENVIRONMENT_PREFIX: &'static str = ENVIRONMENT_PREFIX;

    fn log(options: &Options) -> &LogOptions {
        &options.log
    }

    async fn run(options: Options, stop: Stop) -> Result<(), ServerError> {
        run_until(options, stop).await
    }
}

async fn run_until(options: Options, stop: Stop) -> Result<(), ServerError> {
    let (max_concurrent, default_timeout) = (options.max_concurrent_jobs, options.job_timeout);
    let node = start(options, stop).await?;
    let jobs_options = JobsOptions {
        max_concurrent,
        default_timeout,
        metrics: Some(node.metrics()),
    };
    let stores = Stores::new(StoreOptions::from_env());
    let driver = DriverSettings {
        runner: Arc::new(ClusterRunner::new(node.ballista())),
        runtime: runtime(stores.clone(), &RuntimeOptions::default())?,
        gold: GoldTables::new(stores.clone()),
        stores,
    };
    let jobs = Jobs::open(driver, node.state_dir().to_owned(), jobs_options)
        .await
        .map_err(|error| ServerError::History(error.to_string()))?;
    node.serve(JobServer::new(jobs.clone()), Arc::new(jobs))
        .await
}
