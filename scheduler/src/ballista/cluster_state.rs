//! Ballista's view of the cluster, which also keeps the [`ExecutorTracker`]
//! up to date, and assigns no task that could do harm.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use ballista_core::JobId;
use ballista_core::error::Result;
use ballista_core::serde::protobuf::ExecutorHeartbeat;
use ballista_core::serde::scheduler::{ExecutorData, ExecutorMetadata};
use ballista_scheduler::cluster::memory::InMemoryClusterState;
use ballista_scheduler::cluster::{BoundTask, ClusterState, ClusterStateEventStream, ExecutorSlot};
use ballista_scheduler::config::TaskDistributionPolicy;
use ballista_scheduler::state::task_manager::JobInfoCache;
use sluice_proto::heartbeat::TaskName;

use super::executor_tracker::{AssignedTask, ExecutorTracker};

/// Ballista's own in-memory state, which also updates the tracker.
#[derive(Default)]
pub(crate) struct TrackedClusterState {
    inner: InMemoryClusterState,
    tracker: ExecutorTracker,
}

impl TrackedClusterState {
    pub(crate) fn tracker(&self) -> ExecutorTracker {
        self.tracker.clone()
    }
}

#[async_trait]
impl ClusterState for TrackedClusterState {
    async fn bind_schedulable_tasks(
        &self,
        distribution: TaskDistributionPolicy,
        active_jobs: Arc<HashMap<JobId, JobInfoCache>>,
        executors: Option<HashSet<String>>,
    ) -> Result<Vec<BoundTask>> {
        // The next executor would be lost, too, before the job's runner has
        // cancelled it.
        let is_poison = |job: &JobId| self.tracker.find_poison(job.as_str()).is_some();
        let active_jobs = match active_jobs.keys().any(is_poison) {
            false => active_jobs,
            true => Arc::new(
                active_jobs
                    .iter()
                    .filter(|(job, _)| !is_poison(job))
                    .map(|(job, info)| (job.clone(), info.clone()))
                    .collect(),
            ),
        };
        let executors = executors.map(|mut executors| {
            executors.retain(|id| !self.tracker.is_quarantined(id));
            executors
        });
        let bound = self
            .inner
            .bind_schedulable_tasks(distribution, active_jobs, executors)
            .await?;
        for (executor, task) in &bound {
            let name = TaskName {
                job: task.key.job_id.to_string(),
                stage: task.key.stage_id,
                attempt: task.stage_attempt_num,
                task: task.key.task_id,
            };
            let partitions = task.global_input_partition_ids.clone();
            let assigned = AssignedTask::new(task.vcores_consumed, partitions);
            self.tracker.on_task_bound(executor, name, assigned);
        }
        Ok(bound)
    }

    async fn unbind_tasks(&self, slots: Vec<ExecutorSlot>) -> Result<()> {
        let slots = slots
            .into_iter()
            .map(|(executor, cores)| {
                let cores = self.tracker.return_cores(&executor, cores);
                (executor, cores)
            })
            .collect();
        self.inner.unbind_tasks(slots).await
    }

    async fn register_executor(
        &self,
        metadata: ExecutorMetadata,
        spec: ExecutorData,
    ) -> Result<()> {
        let id = metadata.id.clone();
        let address = format!("{}:{}", metadata.host, metadata.grpc_port);
        let vcores = spec.total_vcores;
        self.inner.register_executor(metadata, spec).await?;
        self.tracker
            .on_registered(&id, address.clone(), vcores, Instant::now());
        tracing::info!(executor = %id, %address, vcores, "executor registered");
        Ok(())
    }

    async fn save_executor_metadata(&self, metadata: ExecutorMetadata) -> Result<()> {
        self.inner.save_executor_metadata(metadata).await
    }

    async fn get_executor_metadata(&self, executor_id: &str) -> Result<ExecutorMetadata> {
        self.inner.get_executor_metadata(executor_id).await
    }

    async fn registered_executor_metadata(&self) -> Vec<ExecutorMetadata> {
        self.inner.registered_executor_metadata().await
    }

    async fn save_executor_heartbeat(&self, heartbeat: ExecutorHeartbeat) -> Result<()> {
        self.tracker
            .on_heartbeat(&heartbeat.executor_id, Instant::now());
        self.inner.save_executor_heartbeat(heartbeat).await
    }

    async fn remove_executor(&self, executor_id: &str) -> Result<()> {
        let now_ms = chrono::Utc::now().timestamp_millis();
        self.tracker.on_removed(executor_id, Instant::now(), now_ms);
        self.inner.remove_executor(executor_id).await
    }

    fn executor_heartbeats(&self) -> HashMap<String, ExecutorHeartbeat> {
        self.inner.executor_heartbeats()
    }

    fn get_executor_heartbeat(&self, executor_id: &str) -> Option<ExecutorHeartbeat> {
        self.inner.get_executor_heartbeat(executor_id)
    }

    async fn cluster_state_events(&self) -> Result<ClusterStateEventStream> {
        self.inner.cluster_state_events().await
    }
}
