//! The only place where sessions are configured. The scheduler that plans, the
//! executors that run tasks, and the in-process runner build their sessions
//! here, so that a plan means the same everywhere.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use ballista_core::extension::SessionConfigExt;
use ballista_core::registry::BallistaFunctionRegistry;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{FairSpillPool, MemoryPool};
use datafusion::execution::object_store::ObjectStoreRegistry;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::execution::{FunctionRegistry, SessionState};
use datafusion::prelude::SessionConfig;
use object_store::ObjectStore;
use sluice_proto::MAX_MESSAGE_BYTES;
use sluice_storage::Stores;
use url::Url;

use crate::cooperative::CooperativeRule;

/// The configuration that every session starts from.
///
/// In addition to Ballista's own restrictions: the static planner (see
/// `docs/adr/0002-engine.md`), hash joins, one partition per task so that a
/// retry repeats little, and spans in the SQL front end so that an error
/// message can name its line.
pub fn base_config() -> SessionConfig {
    SessionConfig::new_with_ballista()
        .with_information_schema(false)
        .with_target_partitions(2)
        .set_bool("ballista.planner.adaptive.enabled", false)
        .set_u64("ballista.scheduler.max_partitions_per_task", 1)
        .set_u64(
            "ballista.client.grpc_max_message_size",
            MAX_MESSAGE_BYTES as u64,
        )
        // The reader retries a failed fetch at once.
        .set_u64("ballista.client.io_retry_wait_time_ms", 300)
        .set_bool("datafusion.optimizer.prefer_hash_join", true)
        // Files are grouped when a job is planned; each task must read only its
        // own group.
        .set_bool(
            "datafusion.execution.enable_file_stream_work_stealing",
            false,
        )
        .set_bool("datafusion.sql_parser.collect_spans", true)
        .set_str("datafusion.execution.time_zone", "UTC")
}

/// A session over `config` and `runtime` with all functions of the SQL dialect.
///
/// # Errors
/// When a function package cannot be registered.
pub fn build_session_state(
    config: SessionConfig,
    runtime: Arc<RuntimeEnv>,
) -> Result<SessionState> {
    let functions = &*EXTRA_FUNCTIONS;
    let mut state = SessionStateBuilder::new()
        .with_default_features()
        .with_config(config)
        .with_runtime_env(runtime)
        .with_optimizer_rules(ballista_core::optimizer::ballista_default_optimizer_rules())
        .with_physical_optimizer_rule(Arc::new(CooperativeRule))
        .build();
    for function in &functions.scalar {
        state.register_udf(Arc::clone(function))?;
    }
    for function in &functions.aggregate {
        state.register_udaf(Arc::clone(function))?;
    }
    for function in &functions.window {
        state.register_udwf(Arc::clone(function))?;
    }
    datafusion_functions_json::register_all(&mut state)?;
    state.register_udf(crate::dedup::row_kept_udf())?;
    for function in crate::timestamp::to_timestamp_udfs(state.config().options()) {
        state.register_udf(function)?;
    }
    Ok(state)
}

/// Functions in addition to DataFusion's own.
struct ExtraFunctions {
    scalar: Vec<Arc<datafusion::logical_expr::ScalarUDF>>,
    aggregate: Vec<Arc<datafusion::logical_expr::AggregateUDF>>,
    window: Vec<Arc<datafusion::logical_expr::WindowUDF>>,
}

/// Spark's functions whose names DataFusion does not already have.
///
/// Where both have the name, DataFusion's stays: its functions cover more types,
/// and the optimizer knows them (see `docs/sql.md`).
static EXTRA_FUNCTIONS: LazyLock<ExtraFunctions> = LazyLock::new(|| {
    let base = SessionStateBuilder::new().with_default_features().build();
    let (udfs, udafs, udwfs) = (base.udfs(), base.udafs(), base.udwfs());
    ExtraFunctions {
        scalar: datafusion_spark::all_default_scalar_functions()
            .into_iter()
            .filter(|f| !udfs.contains(f.name()))
            .collect(),
        aggregate: datafusion_spark::all_default_aggregate_functions()
            .into_iter()
            .filter(|f| !udafs.contains(f.name()))
            .collect(),
        window: datafusion_spark::all_default_window_functions()
            .into_iter()
            .filter(|f| !udwfs.contains(f.name()))
            .collect(),
    }
});

/// The functions that an executor decodes plans with: those of
/// [`build_session_state`].
///
/// # Errors
/// As [`build_session_state`].
pub fn function_registry() -> Result<BallistaFunctionRegistry> {
    let state = build_session_state(base_config(), Arc::new(RuntimeEnv::default()))?;
    let mut higher_order_functions = HashMap::new();
    for name in state.higher_order_function_names() {
        let function = state.higher_order_function(&name)?;
        higher_order_functions.insert(name, function);
    }
    Ok(BallistaFunctionRegistry {
        scalar_functions: state.scalar_functions().clone(),
        aggregate_functions: state.aggregate_functions().clone(),
        window_functions: state.window_functions().clone(),
        higher_order_functions,
    })
}

/// How a process runs tasks.
#[derive(Debug, Clone, Default)]
pub struct RuntimeOptions<'a> {
    /// The folder for spilled data; the system's temporary folder by default.
    pub spill_dir: Option<&'a Path>,
    /// The memory that all operators together may hold, in bytes; unbounded by
    /// default.
    pub memory: Option<usize>,
}

/// A runtime whose object stores are `stores`.
///
/// # Errors
/// When the spill folder cannot be set up.
pub fn build_runtime(stores: Stores, options: &RuntimeOptions<'_>) -> Result<Arc<RuntimeEnv>> {
    let mut builder =
        RuntimeEnvBuilder::new().with_object_store_registry(Arc::new(StoreRegistry(stores)));
    if let Some(dir) = options.spill_dir {
        builder = builder.with_disk_manager_builder(
            DiskManagerBuilder::default()
                .with_mode(DiskManagerMode::Directories(vec![dir.to_owned()])),
        );
    }
    if let Some(bytes) = options.memory {
        let pool: Arc<dyn MemoryPool> = Arc::new(FairSpillPool::new(bytes));
        builder = builder.with_memory_pool(pool);
    }
    builder.build_arc()
}

/// DataFusion's view of [`Stores`]: any `file:` or `s3:` URL resolves; its store
/// is opened on first use.
#[derive(Debug)]
struct StoreRegistry(Stores);

impl ObjectStoreRegistry for StoreRegistry {
    fn register_store(
        &self,
        _url: &Url,
        _store: Arc<dyn ObjectStore>,
    ) -> Option<Arc<dyn ObjectStore>> {
        None
    }

    fn get_store(&self, url: &Url) -> Result<Arc<dyn ObjectStore>> {
        self.0
            .resolve_url(url)
            .map_err(|error| DataFusionError::External(Box::new(error)))
    }
}
