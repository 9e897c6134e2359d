//! The executors as the API and the metrics show them.

use std::time::Instant;

use ballista_core::serde::protobuf::executor_metric::Metric;
use ballista_core::serde::protobuf::executor_status::Status;
use serde::Serialize;

use super::ballista::BallistaServer;
use super::executor_tracker::ExecutorTracker;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ExecutorState {
    /// Accepts tasks.
    Active,
    /// Finishes its tasks, then ends.
    Draining,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExecutorInfo {
    /// New with every start of the executor.
    pub id: String,
    /// The host under which others reach it.
    pub host: String,
    /// The port for tasks.
    pub grpc_port: u16,
    /// The port for shuffle data.
    pub flight_port: u16,
    pub state: ExecutorState,
    /// How many tasks it runs at a time.
    pub vcores: u32,
    /// How many of the vcores are free.
    pub vcores_free: u32,
    /// Tasks assigned to it since it registered.
    pub tasks_given: u64,
    /// Seconds since it registered.
    pub registered_seconds: f64,
    /// Seconds since its last heartbeat.
    pub last_heartbeat_seconds: f64,
    /// The memory of its process at the last heartbeat, in bytes.
    pub resident_memory_bytes: Option<u64>,
}

/// Every registered executor, by id.
pub(super) async fn list_executors(
    server: &BallistaServer,
    notes: &ExecutorTracker,
) -> Vec<ExecutorInfo> {
    let manager = &server.state.executor_manager;
    let Ok(states) = manager.get_executors_state().await else {
        return Vec::new();
    };
    let now = Instant::now();
    let seconds = |since: Instant| now.saturating_duration_since(since).as_secs_f64();
    let mut executors: Vec<ExecutorInfo> = states
        .into_iter()
        .filter_map(|(executor, _, metrics)| {
            let noted = notes.find_executor(&executor.id)?;
            let status = manager
                .get_executor_hearbeat(&executor.id)
                .and_then(|heartbeat| heartbeat.status?.status);
            let vcores = executor.specification.vcores;
            Some(ExecutorInfo {
                id: executor.id,
                host: executor.host,
                grpc_port: executor.grpc_port,
                flight_port: executor.port,
                state: match status {
                    Some(Status::Active(_)) => ExecutorState::Active,
                    _ => ExecutorState::Draining,
                },
                vcores,
                vcores_free: vcores.saturating_sub(noted.used_cores()),
                tasks_given: noted.tasks_given,
                registered_seconds: seconds(noted.registered_at),
                last_heartbeat_seconds: seconds(noted.last_heartbeat),
                resident_memory_bytes: metrics.iter().find_map(|metric| match metric.metric {
                    Some(Metric::ProcPhysicalMemory(bytes)) => Some(bytes),
                    _ => None,
                }),
            })
        })
        .collect();
    executors.sort_by(|a, b| a.id.cmp(&b.id));
    executors
}
