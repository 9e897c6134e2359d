//! The Ballista scheduler that runs inside this process.

use std::sync::Arc;
use std::time::Duration;

use ballista_core::ConfigProducer;
use ballista_core::config::TaskSchedulingPolicy;
use ballista_core::error::BallistaError;
use ballista_core::extension::EndpointOverrideFn;
use ballista_core::serde::protobuf::failed_task::FailedReason;
use ballista_core::serde::protobuf::scheduler_grpc_server::SchedulerGrpc;
use ballista_core::serde::protobuf::{
    ExecutorLost, ExecutorStoppedParams, FailedTask, TaskStatus, UpdateTaskStatusParams,
    task_status,
};
use ballista_core::serde::{BallistaCodec, BallistaLogicalExtensionCodec};
use ballista_scheduler::cluster::memory::InMemoryJobState;
use ballista_scheduler::cluster::{BallistaCluster, JobState};
use ballista_scheduler::config::{SchedulerConfig, TaskDistributionPolicy};
use ballista_scheduler::scheduler_server::{SchedulerServer, SessionBuilder};
use datafusion::error::DataFusionError;
use datafusion_proto::protobuf::{LogicalPlanNode, PhysicalPlanNode};
use sluice_engine::codec::SluiceCodec;
use sluice_engine::session::{self, RuntimeOptions};
use sluice_proto::MAX_MESSAGE_BYTES;
use sluice_proto::heartbeat::TaskName;
use sluice_service::address::HostPort;
use sluice_storage::{StoreOptions, Stores};

use super::cluster_state::TrackedClusterState;
use super::task_launcher::TrackedLauncher;
use crate::metrics::Metrics;
use crate::options::Options;

/// Ballista's scheduler with the plan types that Sluice ships.
pub type BallistaServer = SchedulerServer<LogicalPlanNode, PhysicalPlanNode>;

/// Why Ballista's scheduler does not start.
#[derive(Debug, thiserror::Error)]
pub enum BallistaStartError {
    /// The session or its stores cannot be set up.
    #[error("cannot set up the engine: {0}")]
    Engine(#[from] DataFusionError),
    #[error("cannot start the distributed engine: {0}")]
    Ballista(#[from] BallistaError),
}

/// How long Ballista keeps the graph of a job that has ended, in seconds: long
/// enough to read results and metrics from it, short enough for thousands of
/// jobs.
const KEEP_GRAPHS_SECONDS: u64 = 60;

/// The plans that Ballista runs and has run; it keeps those that have ended for
/// some time.
pub type BallistaJobs = Arc<dyn JobState>;

/// Starts the scheduler without serving it on a port.
pub(crate) async fn start_ballista(
    options: &Options,
    instance: &str,
    address: &HostPort,
    cluster: Arc<TrackedClusterState>,
    metrics: &Metrics,
) -> Result<(BallistaServer, BallistaJobs), BallistaStartError> {
    let stores = Stores::new(StoreOptions::from_env());
    let runtime = session::build_runtime(stores, &RuntimeOptions::default())?;
    let config_producer: ConfigProducer = Arc::new(session::base_config);
    let session_builder: SessionBuilder =
        Arc::new(move |config| session::build_session_state(config, Arc::clone(&runtime)));
    let config = Arc::new(scheduler_config(
        options,
        instance,
        address,
        &config_producer,
        &session_builder,
    ));
    config.validate()?;
    let launcher = TrackedLauncher {
        tracker: cluster.tracker(),
        endpoint: config.scheduler_endpoint(),
    };
    let jobs: BallistaJobs = Arc::new(InMemoryJobState::new(
        instance,
        session_builder,
        config_producer,
    ));
    let cluster = BallistaCluster::new(cluster, Arc::clone(&jobs));
    let codec: BallistaCodec<LogicalPlanNode, PhysicalPlanNode> = BallistaCodec::new(
        Arc::new(BallistaLogicalExtensionCodec::default()),
        Arc::new(SluiceCodec::new()),
    );
    let mut server = SchedulerServer::new_with_task_launcher(
        config.scheduler_endpoint(),
        cluster,
        codec,
        config,
        Arc::new(metrics.clone()),
        Arc::new(launcher),
    );
    server.init().await?;
    Ok((server, jobs))
}

fn scheduler_config(
    options: &Options,
    instance: &str,
    address: &HostPort,
    config_producer: &ConfigProducer,
    session_builder: &SessionBuilder,
) -> SchedulerConfig {
    let message_bytes = u32::try_from(MAX_MESSAGE_BYTES).unwrap_or(u32::MAX);
    // Executors answer at once or are lost; Ballista's own limits are minutes.
    let to_executors: EndpointOverrideFn = Arc::new(|endpoint| {
        Ok(endpoint
            .connect_timeout(Duration::from_secs(2))
            .timeout(Duration::from_secs(20))
            .tcp_nodelay(true)
            .http2_keep_alive_interval(Duration::from_secs(5))
            .keep_alive_timeout(Duration::from_secs(10))
            .keep_alive_while_idle(true))
    });
    SchedulerConfig {
        scheduler_id: instance.to_owned(),
        external_host: address.url_host(),
        bind_host: address.host.clone(),
        bind_port: address.port,
        scheduling_policy: TaskSchedulingPolicy::PushStaged,
        task_distribution: TaskDistributionPolicy::RoundRobin,
        // Results and staged parts stay until the driver requests their removal.
        finished_job_data_clean_up_interval_seconds: 0,
        finished_job_state_clean_up_interval_seconds: KEEP_GRAPHS_SECONDS,
        // An executor that reports its end is removed at once.
        executor_termination_grace_period: 0,
        // Our own failure detector acts first; Ballista's must be slower.
        executor_timeout_seconds: (3 * options.effective_executor_timeout().as_secs()).max(15),
        expire_dead_executor_interval_seconds: 1,
        no_executors_grace_period_seconds: options.no_executor_timeout.as_secs(),
        min_ready_executors: options.min_executors,
        grpc_server_max_decoding_message_size: message_bytes,
        grpc_server_max_encoding_message_size: message_bytes,
        grpc_client_max_message_size: message_bytes,
        override_config_producer: Some(Arc::clone(config_producer)),
        override_session_builder: Some(Arc::clone(session_builder)),
        override_physical_codec: Some(Arc::new(SluiceCodec::new())),
        override_create_grpc_client_endpoint: Some(to_executors),
        ..SchedulerConfig::default()
    }
}

/// Has Ballista assign waiting tasks to free cores.
pub(crate) async fn trigger_scheduling(server: &BallistaServer, executor: &str) {
    // Ballista has no call for this; an empty status update has the effect.
    report_tasks(server, executor, Vec::new()).await;
}

/// Has Ballista repeat tasks that were given to an executor and that it does not
/// have. Each counts as a failed attempt.
pub(crate) async fn fail_lost_tasks(server: &BallistaServer, executor: &str, tasks: Vec<TaskName>) {
    if tasks.is_empty() {
        return;
    }
    for task in &tasks {
        tracing::warn!(%executor, %task, "the executor does not have this task any more, it is repeated");
    }
    let statuses = tasks.into_iter().map(lost_task).collect();
    report_tasks(server, executor, statuses).await;
}

/// The report that an executor would send of a task that it has lost.
fn lost_task(task: TaskName) -> TaskStatus {
    let failed = FailedTask {
        error: "executor lost the task".to_owned(),
        retryable: true,
        count_to_failures: true,
        failed_reason: Some(FailedReason::ExecutorLost(ExecutorLost {})),
    };
    let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    TaskStatus {
        task_id: number(task.task),
        stage_id: number(task.stage),
        stage_attempt_num: number(task.attempt),
        job_id: task.job,
        status: Some(task_status::Status::Failed(failed)),
        ..TaskStatus::default()
    }
}

async fn report_tasks(server: &BallistaServer, executor: &str, task_status: Vec<TaskStatus>) {
    let request = tonic::Request::new(UpdateTaskStatusParams {
        executor_id: executor.to_owned(),
        task_status,
    });
    if let Err(status) = SchedulerGrpc::update_task_status(server, request).await {
        tracing::error!(%executor, "cannot update tasks: {}", status.message());
    }
}

/// Gives up an executor now: its tasks run elsewhere, and so does what only it
/// had computed.
pub(super) async fn give_up_executor(server: &BallistaServer, executor: &str, reason: &str) {
    let request = tonic::Request::new(ExecutorStoppedParams {
        executor_id: executor.to_owned(),
        reason: reason.to_owned(),
    });
    if let Err(status) = server.executor_stopped(request).await {
        tracing::error!(%executor, "cannot give up an executor: {}", status.message());
    }
}
