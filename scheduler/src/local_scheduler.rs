//! A scheduler in process, for `--master local[N]`: the same driver, without a
//! cluster or a history.

use std::path::PathBuf;
use std::sync::Arc;

use sluice_engine::job::QueryLimits;
use sluice_engine::session::{RuntimeOptions, build_runtime};
use sluice_gold::GoldTables;
use sluice_service::memory;
use sluice_service::memory_limits::ProcessLimits;
use sluice_storage::{StoreOptions, Stores};

use crate::driver::{Driver, Planner, PlannerOptions};
use crate::jobs::{JobRegistry, RegistryOptions};
use crate::runner::LocalRunner;
use crate::server::JobServer;

/// How to run jobs in process.
#[derive(Debug, Clone)]
pub struct LocalSchedulerOptions {
    /// How many tasks run at a time.
    pub vcores: u32,
    /// Memory that operators may hold before they spill, in bytes; the default
    /// share of the machine's or container's memory when not given. This process may
    /// hold one and a half times as much and 100 MB.
    pub memory: Option<usize>,
    /// Where intermediate files go, in a separate folder that is deleted when
    /// the process ends.
    pub temp_dir: PathBuf,
}

/// Why a local scheduler cannot start.
#[derive(Debug, thiserror::Error)]
pub enum LocalSchedulerError {
    /// The folder for intermediate files cannot be created.
    #[error(
        "cannot create a folder for intermediate files in {path}: {source}; set TMPDIR to a folder with space"
    )]
    TempDir {
        /// The parent folder.
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// The engine cannot be set up.
    #[error("cannot set up the engine: {0}")]
    Engine(#[from] datafusion::error::DataFusionError),
}

fn default_memory_bytes() -> Option<usize> {
    let bytes = memory::default_bytes()?;
    Some(usize::try_from(bytes).unwrap_or(usize::MAX))
}

/// A job service that runs jobs in this process.
///
/// # Errors
/// When the folder for intermediate files cannot be created.
pub fn start_local(options: &LocalSchedulerOptions) -> Result<JobServer, LocalSchedulerError> {
    let stores = Stores::new(StoreOptions::from_env());
    let memory = options.memory.or_else(default_memory_bytes);
    let limits = memory.map(|bytes| ProcessLimits::new(bytes as u64, memory::available_bytes()));
    let runner =
        LocalRunner::new(options.vcores, options.temp_dir.clone(), limits).map_err(|source| {
            LocalSchedulerError::TempDir {
                path: options.temp_dir.clone(),
                source,
            }
        })?;
    let tasks = usize::try_from(options.vcores.max(1)).unwrap_or(usize::MAX);
    let runtime_options = RuntimeOptions {
        spill_dir: Some(runner.work_dir()),
        memory,
        memory_per_task: memory.map(|bytes| bytes / tasks),
    };
    let runtime = build_runtime(stores.clone(), &runtime_options)?;
    let driver = Driver {
        runner: Arc::new(runner),
        gold: GoldTables::new(stores.clone()),
        stores,
        runtime,
        // Rows are computed in this process too, and take most of its memory.
        planner: Planner::new(PlannerOptions {
            max_memory: None,
            ..PlannerOptions::default()
        }),
        query_limits: QueryLimits::default(),
    };
    Ok(JobServer::new(JobRegistry::in_memory(
        driver,
        RegistryOptions {
            max_concurrent: usize::MAX,
            ..RegistryOptions::default()
        },
    )))
}
