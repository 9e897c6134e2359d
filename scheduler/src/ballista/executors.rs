//! The executors as the API and the metrics show them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ballista_core::serde::protobuf::executor_metric::Metric;
use ballista_core::serde::protobuf::executor_status::Status;
use parking_lot::Mutex;
use serde::Serialize;
use utoipa::ToSchema;

use super::executor_tracker::ExecutorTracker;
use super::server::BallistaServer;
use crate::metrics::ExecutorCounts;

/// How often the cached list is refreshed.
const REFRESH_INTERVAL: Duration = Duration::from_millis(250);

/// What an executor does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExecutorState {
    /// Accepts tasks.
    Active,
    /// Finishes its tasks, then ends.
    Draining,
    /// Gets no tasks, because it cannot keep data.
    Quarantined,
}

/// A registered executor.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
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
    /// Why it is quarantined.
    #[schema(required = true)]
    pub problem: Option<String>,
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
    #[schema(required = true)]
    pub resident_memory_bytes: Option<u64>,
}

/// Every registered executor, by id.
pub(crate) async fn list_executors(
    server: &BallistaServer,
    tracker: &ExecutorTracker,
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
            let record = tracker.find_executor(&executor.id)?;
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
                    Some(Status::Active(_)) if record.problem.is_some() => {
                        ExecutorState::Quarantined
                    }
                    Some(Status::Active(_)) => ExecutorState::Active,
                    _ => ExecutorState::Draining,
                },
                problem: record.problem.clone(),
                vcores,
                vcores_free: vcores.saturating_sub(record.used_cores()),
                tasks_given: record.tasks_given,
                registered_seconds: seconds(record.registered_at),
                last_heartbeat_seconds: seconds(record.last_heartbeat),
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

/// A recent list of the executors, for answers that cannot wait.
#[derive(Clone)]
pub(crate) struct ExecutorCache(Arc<Mutex<Vec<ExecutorInfo>>>);

impl ExecutorCache {
    /// Refreshes the list for as long as a clone of the cache exists.
    pub(crate) async fn start_refreshing(
        server: &BallistaServer,
        tracker: &ExecutorTracker,
    ) -> Self {
        let cache = Self(Arc::new(Mutex::new(list_executors(server, tracker).await)));
        let weak = Arc::downgrade(&cache.0);
        let (server, tracker) = (server.clone(), tracker.clone());
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(REFRESH_INTERVAL).await;
                let executors = list_executors(&server, &tracker).await;
                match weak.upgrade() {
                    Some(cache) => *cache.lock() = executors,
                    None => return,
                }
            }
        });
        cache
    }

    pub(crate) fn counts(&self) -> ExecutorCounts {
        count_executors(&self.0.lock())
    }
}

fn count_executors(executors: &[ExecutorInfo]) -> ExecutorCounts {
    let mut counts = ExecutorCounts::default();
    for executor in executors {
        match executor.state {
            ExecutorState::Active => {
                counts.active += 1;
                counts.vcores += u64::from(executor.vcores);
                counts.vcores_free += u64::from(executor.vcores_free);
            }
            ExecutorState::Draining => counts.draining += 1,
            ExecutorState::Quarantined => counts.quarantined += 1,
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn executor(state: ExecutorState, free: u32) -> ExecutorInfo {
        ExecutorInfo {
            id: "e".to_owned(),
            host: "h".to_owned(),
            grpc_port: 1,
            flight_port: 2,
            state,
            problem: None,
            vcores: 4,
            vcores_free: free,
            tasks_given: 0,
            registered_seconds: 0.0,
            last_heartbeat_seconds: 0.0,
            resident_memory_bytes: None,
        }
    }

    #[test]
    fn only_active_executors_have_vcores() {
        let executors = [
            executor(ExecutorState::Active, 3),
            executor(ExecutorState::Draining, 4),
            executor(ExecutorState::Quarantined, 4),
        ];
        assert_eq!(
            count_executors(&executors),
            ExecutorCounts {
                active: 1,
                draining: 1,
                quarantined: 1,
                vcores: 4,
                vcores_free: 3,
            }
        );
    }
}
