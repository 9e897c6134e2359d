//! The only place where sessions are configured. The scheduler that plans, the
//! executors that run tasks, and the in-process runner build their sessions
//! here, so that a plan means the same everywhere.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use ballista_core::extension::SessionConfigExt;
use ballista_core::registry::BallistaFunctionRegistry;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::MemoryPool;
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
use crate::distributed::{RecursionRule, physical_optimizer_rules, windows::WindowFunctionsRule};
use crate::planning::{
    stoppable_analyzer_rules, stoppable_optimizer_rules, stoppable_physical_rules,
};
use crate::spill_pool::{SpillPool, merge_fan_in};

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
        // That a Parquet file is read backwards is lost on the way to executors.
        .set_bool("datafusion.optimizer.enable_sort_pushdown", false)
        // The rules that move struct fields towards the tables find columns by name,
        // which fails for valid queries and mixes columns of the same name up
        // (apache/datafusion#25448). What a scan reads of a struct is decided by
        // `prune`.
        .set_bool(
            "datafusion.optimizer.enable_leaf_expression_pushdown",
            false,
        )
        .set_bool("datafusion.sql_parser.collect_spans", true)
        // NULL is the least value, as in Spark.
        .set_str("datafusion.sql_parser.default_null_ordering", "nulls_min")
        // Spark's literals: 1.5 is a decimal, 1e3 a double.
        .set_bool("datafusion.sql_parser.parse_float_as_decimal", true)
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
    let mut state = SessionStateBuilder::new()
        .with_default_features()
        .with_expr_planners(sluice_spark_sql::expr_planners())
        .with_config(config)
        .with_runtime_env(runtime)
        .with_type_planner(Arc::new(sluice_spark_sql::SparkTypePlanner))
        .with_analyzer_rules(stoppable_analyzer_rules(sluice_spark_sql::analyzer_rules()))
        .with_relation_planners(vec![Arc::new(sluice_spark_sql::SparkRelationPlanner)])
        .with_optimizer_rules(stoppable_optimizer_rules(
            sluice_spark_sql::optimizer_rules(
                ballista_core::optimizer::ballista_default_optimizer_rules(),
            ),
        ))
        .with_optimizer_rule(Arc::new(WindowFunctionsRule))
        .with_physical_optimizer_rules(stoppable_physical_rules(physical_optimizer_rules()))
        .with_physical_optimizer_rule(Arc::new(CooperativeRule))
        .with_physical_optimizer_rule(Arc::new(RecursionRule))
        .build();
    register_functions(&mut state)?;
    Ok(state)
}

/// Gives a session the functions of the SQL dialect, and those of our own plans.
///
/// # Errors
/// When a function package cannot be registered.
pub(crate) fn register_functions(state: &mut SessionState) -> Result<()> {
    sluice_spark_sql::register_functions(state)?;
    state.register_udf(crate::dedup::row_kept_udf())?;
    state.register_udf(crate::distributed::nullable_udf())?;
    Ok(())
}

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
    /// The part of one task. It decides how many sorted files are merged at a time.
    pub memory_per_task: Option<usize>,
}

/// A runtime whose object stores are `stores`.
///
/// # Errors
/// When the spill folder cannot be set up.
pub fn build_runtime(stores: Stores, options: &RuntimeOptions<'_>) -> Result<Arc<RuntimeEnv>> {
    let mut builder =
        RuntimeEnvBuilder::new().with_object_store_registry(Arc::new(StoreRegistry(stores)));
    // The disk is the limit.
    let mut disk = DiskManagerBuilder::default().with_max_temp_directory_size(u64::MAX);
    if let Some(dir) = options.spill_dir {
        disk = disk.with_mode(DiskManagerMode::Directories(vec![dir.to_owned()]));
    }
    if let Some(bytes) = options.memory_per_task {
        disk = disk.with_max_spill_merge_fan_in(merge_fan_in(bytes));
    }
    builder = builder.with_disk_manager_builder(disk);
    if let Some(bytes) = options.memory {
        let pool: Arc<dyn MemoryPool> = Arc::new(SpillPool::new(bytes));
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
