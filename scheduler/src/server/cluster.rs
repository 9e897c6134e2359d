//! Ballista's view of the cluster, with a record of what Ballista does not
//! report: cores in use, assigned tasks, and the time of each executor's last
//! heartbeat to the millisecond.

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
use parking_lot::Mutex;

/// A task, by the numbers that scheduler and executor both use.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct TaskName {
    pub(super) job: String,
    pub(super) stage: usize,
    pub(super) attempt: usize,
    pub(super) task: usize,
}

/// What is known about one executor.
#[derive(Debug, Clone)]
pub(super) struct Noted {
    total: u32,
    /// Cores that Ballista considers free.
    free: u32,
    /// Tasks that were assigned and not reported as ended, with their cores.
    running: HashMap<TaskName, u32>,
    /// The missing and the free cores at the last check, when any were missing.
    missing: Option<(u32, u32)>,
    /// Tasks assigned to it since it registered.
    pub(super) tasks_given: u64,
    pub(super) registered: Instant,
    pub(super) heard: Instant,
}

impl Noted {
    /// Cores that tasks occupy.
    pub(super) fn used(&self) -> u32 {
        self.running.values().sum::<u32>().min(self.total)
    }

    /// Cores that no task occupies and that Ballista does not know to be free.
    fn missing(&self) -> u32 {
        (self.total - self.used()).saturating_sub(self.free)
    }
}

/// The records of all executors, by id. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Notes(Arc<Mutex<HashMap<String, Noted>>>);

impl Notes {
    pub(super) fn get(&self, id: &str) -> Option<Noted> {
        self.0.lock().get(id).cloned()
    }

    /// Executors whose last heartbeat came before `limit`.
    pub(super) fn silent_since(&self, limit: Instant) -> Vec<String> {
        let notes = self.0.lock();
        let silent = notes.iter().filter(|(_, noted)| noted.heard < limit);
        silent.map(|(id, _)| id.clone()).collect()
    }

    /// Counts every executor as heard from now: after the scheduler itself was
    /// paused, silence means nothing.
    pub(super) fn forgive(&self, now: Instant) {
        self.0
            .lock()
            .values_mut()
            .for_each(|noted| noted.heard = now);
    }

    /// An executor reported the end of a task, whatever its outcome.
    pub(super) fn ended(&self, id: &str, task: &TaskName) {
        if let Some(noted) = self.0.lock().get_mut(id) {
            noted.running.remove(task);
        }
    }

    /// Cores that Ballista has lost track of, by executor: missing at this check
    /// and at the one before, with the same number of free cores.
    ///
    /// When a stage is rolled back because an executor died, Ballista forgets
    /// how many cores the stage's tasks occupy on other executors, and does not
    /// free them when the tasks end. Every such task would cost its executor a
    /// core permanently.
    pub(super) fn lost_cores(&self) -> Vec<ExecutorSlot> {
        let mut lost = Vec::new();
        for (id, noted) in self.0.lock().iter_mut() {
            let now = Some((noted.missing(), noted.free)).filter(|(missing, _)| *missing > 0);
            match now {
                Some((cores, _)) if now == noted.missing => lost.push((id.clone(), cores)),
                _ => noted.missing = now,
            }
        }
        lost
    }

    /// Removes the tasks of jobs that have ended: tasks that never began are
    /// never reported.
    pub(super) fn keep_jobs(&self, active: impl Fn(&str) -> bool) {
        for noted in self.0.lock().values_mut() {
            noted.running.retain(|task, _| active(&task.job));
        }
    }

    fn registered(&self, id: &str, total: u32, now: Instant) {
        self.0.lock().insert(
            id.to_owned(),
            Noted {
                total,
                free: total,
                running: HashMap::new(),
                missing: None,
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

    fn bound(&self, id: &str, task: TaskName, cores: u32) {
        if let Some(noted) = self.0.lock().get_mut(id) {
            noted.free = noted.free.saturating_sub(cores);
            noted.running.insert(task, cores);
            noted.tasks_given += 1;
        }
    }

    /// Ballista returns cores. Gives how many of them count: an executor never
    /// gets more free cores than it has.
    fn unbound(&self, id: &str, cores: u32) -> u32 {
        match self.0.lock().get_mut(id) {
            Some(noted) => {
                let cores = cores.min(noted.total - noted.free);
                noted.free += cores;
                cores
            }
            None => cores,
        }
    }
}

/// Ballista's own in-memory state, which also updates the tracker.
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
            let name = TaskName {
                job: task.key.job_id.to_string(),
                stage: task.key.stage_id,
                attempt: task.stage_attempt_num,
                task: task.key.task_id,
            };
            self.notes.bound(executor, name, task.vcores_consumed);
        }
        Ok(bound)
    }

    async fn unbind_tasks(&self, slots: Vec<ExecutorSlot>) -> Result<()> {
        let slots = slots
            .into_iter()
            .map(|(executor, cores)| {
                let cores = self.notes.unbound(&executor, cores);
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
        let place = format!("{}:{}", metadata.host, metadata.grpc_port);
        let vcores = spec.total_vcores;
        self.inner.register_executor(metadata, spec).await?;
        self.notes.registered(&id, vcores, Instant::now());
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

    fn task(task: usize) -> TaskName {
        TaskName {
            job: "j".to_owned(),
            stage: 1,
            attempt: 0,
            task,
        }
    }

    #[test]
    fn silence_is_noted_and_forgiven() {
        let notes = Notes::default();
        let start = Instant::now();
        notes.registered("e1", 2, start);
        let later = start + Duration::from_secs(6);
        let limit = later.checked_sub(Duration::from_secs(5)).unwrap();
        assert_eq!(notes.silent_since(limit), ["e1"]);
        notes.heard("e1", later);
        assert!(notes.silent_since(limit).is_empty());
        notes.registered("e2", 2, start);
        notes.forgive(later);
        assert!(notes.silent_since(limit).is_empty());
        notes.removed("e1");
        assert!(notes.get("e1").is_none());
        // Unknown executors get no record.
        notes.bound("e3", task(0), 1);
        assert!(notes.get("e3").is_none());
    }

    #[test]
    fn cores_that_ballista_forgets_are_found_again() {
        let notes = Notes::default();
        notes.registered("e1", 2, Instant::now());
        notes.bound("e1", task(0), 1);
        notes.bound("e1", task(1), 1);
        assert_eq!(notes.get("e1").unwrap().used(), 2);
        assert!(notes.lost_cores().is_empty());
        // The usual case: the end is reported, then the core is returned.
        notes.ended("e1", &task(0));
        assert!(notes.lost_cores().is_empty(), "one check is not enough");
        assert_eq!(notes.unbound("e1", 1), 1);
        assert!(notes.lost_cores().is_empty());
        // The stage was rolled back: the end is reported, no core is returned.
        notes.ended("e1", &task(1));
        assert_eq!(notes.unbound("e1", 0), 0);
        assert!(notes.lost_cores().is_empty());
        assert_eq!(notes.lost_cores(), [("e1".to_owned(), 1)]);
        assert_eq!(notes.unbound("e1", 1), 1);
        assert!(notes.lost_cores().is_empty());
        // Returned twice: the executor does not get more cores than it has.
        assert_eq!(notes.unbound("e1", 1), 0);
    }

    #[test]
    fn tasks_of_ended_jobs_are_forgotten() {
        let notes = Notes::default();
        notes.registered("e1", 2, Instant::now());
        notes.bound("e1", task(0), 1);
        notes.keep_jobs(|job| job == "j");
        assert_eq!(notes.get("e1").unwrap().used(), 1);
        notes.keep_jobs(|_| false);
        assert_eq!(notes.get("e1").unwrap().used(), 0);
    }
}
