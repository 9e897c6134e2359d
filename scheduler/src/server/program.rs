//! The entry point of the scheduler.

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;

use sluice_engine::job::QueryLimits;
use sluice_engine::session::{RuntimeOptions, build_runtime};
use sluice_gold::GoldTables;
use sluice_service::logs::LogOptions;
use sluice_service::memory;
use sluice_service::program::{self, ServiceProgram};
use sluice_service::signals::StopSignal;
use sluice_service::trace_options::TraceOptions;
use sluice_storage::{StoreOptions, Stores};

use super::error::ServerError;
use super::process::start_scheduler;
use crate::driver::{Driver, Planner, PlannerOptions};
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

    fn trace_options(options: &Options) -> &TraceOptions {
        &options.traces
    }

    async fn run(options: Options, stop: StopSignal) -> Result<(), ServerError> {
        run_scheduler(options, stop).await
    }
}

async fn run_scheduler(options: Options, stop: StopSignal) -> Result<(), ServerError> {
    let process = start_scheduler(options, stop).await?;
    let options = process.options();
    let memory = options.memory.or_else(memory::default_bytes);
    let jobs_options = RegistryOptions {
        max_concurrent: options.max_concurrent_jobs,
        max_queued: Some(options.max_queued_jobs),
        max_memory: memory,
        default_timeout: options.job_timeout,
        metrics: Some(process.metrics()),
    };
    let planner = PlannerOptions {
        timeout: options.planning_timeout,
        max_memory: memory,
        ..PlannerOptions::default()
    };
    let query_limits = QueryLimits {
        max_columns: options.max_columns,
    };
    // Plans read a few pages of files, such as footers, and compute no rows.
    let runtime_options = RuntimeOptions {
        memory: memory.map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX)),
        ..RuntimeOptions::default()
    };
    let stores = Stores::new(StoreOptions::from_env());
    let driver = Driver {
        runner: Arc::new(ClusterRunner::new(
            process.ballista(),
            process.ballista_jobs(),
            process.task_reports(),
            process.tracker(),
            process.options().no_executor_timeout,
        )),
        runtime: build_runtime(stores.clone(), &runtime_options)?,
        gold: GoldTables::new(stores.clone()),
        stores,
        planner: Planner::new(planner),
        query_limits,
    };
    let jobs = JobRegistry::open(driver, process.state_dir().to_owned(), jobs_options)
        .await
        .map_err(|error| ServerError::History(error.to_string()))?;
    process.serve_until_stopped(jobs).await
}
