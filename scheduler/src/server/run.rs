//! The whole program.

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;

use sluice_engine::session::{RuntimeOptions, runtime};
use sluice_gold::GoldTables;
use sluice_process::logs;
use sluice_process::secrets::Secrets;
use sluice_process::signals::Stop;
use sluice_store::{StoreOptions, Stores};

use super::error::ServerError;
use super::node::start;
use crate::DriverSettings;
use crate::JobServer;
use crate::config::{ENVIRONMENT_PREFIX, Options};
use crate::jobs::{Jobs, JobsOptions};
use crate::runner::ClusterRunner;

/// Deep plans are planned and encoded recursively; the stock binaries take the
/// same size.
const STACK_BYTES: usize = 32 * 1024 * 1024;

/// Reads options and runs a scheduler until it is told to stop.
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
    std::panic::set_hook(Box::new(|info| tracing::error!("{info}")));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("scheduler")
        .thread_stack_size(STACK_BYTES)
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            report(&error, &secrets);
            return ExitCode::FAILURE;
        }
    };
    let result = runtime.block_on(run_until_stopped(options));
    // Whatever still runs must not keep the process.
    runtime.shutdown_background();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&error, &secrets);
            ExitCode::FAILURE
        }
    }
}

async fn run_until_stopped(options: Options) -> Result<(), ServerError> {
    let stop = Stop::on_signals().map_err(ServerError::Signals)?;
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

/// The error on one line of stderr, for whoever started us.
fn report(error: &dyn std::error::Error, secrets: &Secrets) {
    use std::io::Write;
    // Nothing is left to be done when stderr is gone.
    let _ = writeln!(
        std::io::stderr(),
        "error: {}",
        secrets.redact(&error.to_string())
    );
}
