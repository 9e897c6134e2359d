//! Ballista's view of the cluster, with what it does not tell noted down:
//! cores in use, tasks given out, and when each executor was last heard of to
//! the millisecond.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use ballista_core::JobId;
use ballista_core::error::Result;
use ballista_core::serde::protobuf::ExecutorHeartbeat;
use ballista_core::serde::scheduler::{ExecutorData, ExecutorMetadata};
use ballista_scheduler::cluster::memory::InMemoryClusterState;
use ballista_scheduler::cluster::{
    BoundTask, ClusterState, ClusterStateEventStream, ExecutorSlot,
};
use ballista_scheduler::config::TaskDistributionPolicy;
use ballista_scheduler::state::task_manager::JobInfoCache;
use parking_lot::Mutex;

/// What is noted of one executor.
#[derive(Debug, Clone)]
pub(super) struct Noted {
    /// Cores that tasks occupy.
    pub(super) used: u32,
    /// Tasks given to it since it registered.
    pub(super) tasks_given: u64,
    pub(super) registered: Instant,
    pub(super) heard: Instant,
}

/// Notes by executor id. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Notes(Arc<Mutex<HashMap<String, Noted>>>);

impl Notes {
    pub(super) fn get(&self, id: &str) -> Option<Noted> {
        self.0.lock().get(id).cloned()
    }

    /// Executors that were last heard of before `limit`.
    pub(super) fn silent_since(&self, limit: Instant) -> Vec<String> {
        let notes = self.0.lock();
        let silent = notes.iter().filter(|(_, noted)| noted.heard < limit);
        silent.map(|(id, _)| id.clone()).collect()
    }

    /// Takes every executor as heard of now: after the scheduler itself stood
    /// still, silence says nothing.
    pub(super) fn forgive(&self, now: Instant) {
        self.0.lock().values_mut().for_each(|noted| noted.heard = now);
    }

    fn registered(&self, id: &str, now: Instant) {
        self.0.lock().insert(
            id.to_owned(),
            Noted {
                used: 0,
                tasks_given: 0,
                registered: now,
                heard: now,
            },
        );
    }

    fn removed(&self, id: &str) {
        self.0.lock().remove(id);
    }

    fn heard(&self, id: &str, now: Instant) {
        if let Some(noted) = self.0.lock().get_mut(id) {
            noted.heard = now;
        }
    }

    fn bound(&self, id: &str, cores: u32) {
        if let Some(noted) = self.0.lock().get_mut(id) {
            noted.used = noted.used.saturating_add(cores);
            noted.tasks_given += 1;
        }
    }

    fn unbound(&self, id: &str, cores: u32) {
        if let Some(noted) = self.0.lock().get_mut(id) {
            noted.used = noted.used.saturating_sub(cores);
        }
    }
}

/// Ballista's own in-memory state, taking notes.
#[derive(Default)]
pub(super) struct Cluster {
    inner: InMemoryClusterState,
    notes: Notes,
}

impl Cluster {
    pub(super) fn notes(&self) -> Notes {
        self.notes.clone()
    }
}

#[async_trait]
impl ClusterState for Cluster {
    async fn bind_schedulable_tasks(
        &self,
        distribution: TaskDistributionPolicy,
        active_jobs: Arc<HashMap<JobId, JobInfoCache>>,
        executors: Option<HashSet<String>>,
    ) -> Result<Vec<BoundTask>> {
        let bound = self
            .inner
            .bind_schedulable_tasks(distribution, active_jobs, executors)
            .await?;
        for (executor, task) in &bound {
            self.notes.bound(executor, task.vcores_consumed);
        }
        Ok(bound)
    }

    async fn unbind_tasks(&self, slots: Vec<ExecutorSlot>) -> Result<()> {
        for (executor, cores) in &slots {
            self.notes.unbound(executor, *cores);
        }
        self.inner.unbind_tasks(slots).await
    }

    async fn register_executor(&self, metadata: ExecutorMetadata, spec: ExecutorData) -> Result<()> {
        let id = metadata.id.clone();
        let place = format!("{}:{}", metadata.host, metadata.grpc_port);
        let vcores = spec.total_vcores;
        self.inner.register_executor(metadata, spec).await?;
        self.notes.registered(&id, Instant::now());
        tracing::info!(executor = %id, %place, vcores, "executor registered");
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
        self.notes.heard(&heartbeat.executor_id, Instant::now());
        self.inner.save_executor_heartbeat(heartbeat).await
    }

    async fn remove_executor(&self, executor_id: &str) -> Result<()> {
        self.notes.removed(executor_id);
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn cores_and_silence_are_noted() {
        let notes = Notes::default();
        let start = Instant::now();
        notes.registered("e1", start);
        notes.bound("e1", 1);
        notes.bound("e1", 2);
        notes.unbound("e1", 1);
        let noted = notes.get("e1").unwrap();
        assert_eq!((noted.used, noted.tasks_given), (2, 2));
        notes.unbound("e1", 9);
        assert_eq!(notes.get("e1").unwrap().used, 0);
        let later = start + Duration::from_secs(6);
        let limit = later.checked_sub(Duration::from_secs(5)).unwrap();
        assert_eq!(notes.silent_since(limit), ["e1"]);
        notes.heard("e1", later);
        assert!(notes.silent_since(limit).is_empty());
        notes.registered("e2", start);
        notes.forgive(later);
        assert!(notes.silent_since(limit).is_empty());
        notes.removed("e1");
        assert!(notes.get("e1").is_none());
        // Nothing is noted of executors that are not there.
        notes.bound("e3", 1);
        assert!(notes.get("e3").is_none());
    }
}
