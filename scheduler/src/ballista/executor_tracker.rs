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
pub(crate) struct TaskName {
    pub(crate) job: String,
    pub(crate) stage: usize,
    pub(crate) attempt: usize,
    pub(crate) task: usize,
}

/// What is known about one executor.
#[derive(Debug, Clone)]
pub(super) struct ExecutorRecord {
    total_cores: u32,
    /// Cores that Ballista considers free.
    free_cores: u32,
    /// Tasks that were assigned and not reported as ended, with their cores.
    running_tasks: HashMap<TaskName, u32>,
    /// The missing and the free cores at the last check, when any were missing.
    suspected_leak: Option<(u32, u32)>,
    /// Tasks assigned to it since it registered.
    pub(super) tasks_given: u64,
    pub(super) registered_at: Instant,
    pub(super) last_heartbeat: Instant,
}

impl ExecutorRecord {
    /// Cores that tasks occupy.
    pub(super) fn used_cores(&self) -> u32 {
        self.running_tasks
            .values()
            .sum::<u32>()
            .min(self.total_cores)
    }

    /// Cores that no task occupies and that Ballista does not know to be free.
    fn missing_cores(&self) -> u32 {
        (self.total_cores - self.used_cores()).saturating_sub(self.free_cores)
    }
}

/// The records of all executors, by id. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct ExecutorTracker(Arc<Mutex<HashMap<String, ExecutorRecord>>>);

impl ExecutorTracker {
    pub(super) fn find_executor(&self, id: &str) -> Option<ExecutorRecord> {
        self.0.lock().get(id).cloned()
    }

    /// Executors whose last heartbeat came before `limit`.
    pub(super) fn silent_executors(&self, limit: Instant) -> Vec<String> {
        let records = self.0.lock();
        let silent = records
            .iter()
            .filter(|(_, record)| record.last_heartbeat < limit);
        silent.map(|(id, _)| id.clone()).collect()
    }

    /// Counts every executor as heard from now: after the scheduler itself was
    /// paused, silence means nothing.
    pub(super) fn reset_silence(&self, now: Instant) {
        self.0
            .lock()
            .values_mut()
            .for_each(|record| record.last_heartbeat = now);
    }

    /// An executor reported the end of a task, whatever its outcome.
    pub(crate) fn on_task_ended(&self, id: &str, task: &TaskName) {
        if let Some(record) = self.0.lock().get_mut(id) {
            record.running_tasks.remove(task);
        }
    }

    /// Cores that Ballista has lost track of, by executor: missing at this check
    /// and at the one before, with the same number of free cores.
    ///
    /// When a stage is rolled back because an executor died, Ballista forgets
    /// how many cores the stage's tasks occupy on other executors, and does not
    /// free them when the tasks end. Every such task would cost its executor a
    /// core permanently.
    pub(super) fn leaked_cores(&self) -> Vec<ExecutorSlot> {
        let mut lost = Vec::new();
        for (id, record) in self.0.lock().iter_mut() {
            let now = Some((record.missing_cores(), record.free_cores))
                .filter(|(missing, _)| *missing > 0);
            match now {
                Some((cores, _)) if now == record.suspected_leak => lost.push((id.clone(), cores)),
                _ => record.suspected_leak = now,
            }
        }
        lost
    }

    /// Removes the tasks of jobs that have ended: tasks that never began are
    /// never reported.
    pub(super) fn retain_jobs(&self, active: impl Fn(&str) -> bool) {
        for record in self.0.lock().values_mut() {
            record.running_tasks.retain(|task, _| active(&task.job));
        }
    }

    fn on_registered(&self, id: &str, total: u32, now: Instant) {
        self.0.lock().insert(
            id.to_owned(),
            ExecutorRecord {
                total_cores: total,
                free_cores: total,
                running_tasks: HashMap::new(),
                suspected_leak: None,
                tasks_given: 0,
                registered_at: now,
                last_heartbeat: now,
            },
        );
    }

    fn on_removed(&self, id: &str) {
        self.0.lock().remove(id);
    }

    fn on_heartbeat(&self, id: &str, now: Instant) {
        if let Some(record) = self.0.lock().get_mut(id) {
            record.last_heartbeat = now;
        }
    }

    fn on_task_bound(&self, id: &str, task: TaskName, cores: u32) {
        if let Some(record) = self.0.lock().get_mut(id) {
            record.free_cores = record.free_cores.saturating_sub(cores);
            record.running_tasks.insert(task, cores);
            record.tasks_given += 1;
        }
    }

    /// Ballista returns cores. Gives how many of them count: an executor never
    /// gets more free cores than it has.
    fn return_cores(&self, id: &str, cores: u32) -> u32 {
        match self.0.lock().get_mut(id) {
            Some(record) => {
                let cores = cores.min(record.total_cores - record.free_cores);
                record.free_cores += cores;
                cores
            }
            None => cores,
        }
    }
}

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
            self.tracker
                .on_task_bound(executor, name, task.vcores_consumed);
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
        self.tracker.on_registered(&id, vcores, Instant::now());
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
        self.tracker.on_removed(executor_id);
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
    fn silence_is_recorded_and_reset() {
        let tracker = ExecutorTracker::default();
        let start = Instant::now();
        tracker.on_registered("e1", 2, start);
        let later = start + Duration::from_secs(6);
        let limit = later.checked_sub(Duration::from_secs(5)).unwrap();
        assert_eq!(tracker.silent_executors(limit), ["e1"]);
        tracker.on_heartbeat("e1", later);
        assert!(tracker.silent_executors(limit).is_empty());
        tracker.on_registered("e2", 2, start);
        tracker.reset_silence(later);
        assert!(tracker.silent_executors(limit).is_empty());
        tracker.on_removed("e1");
        assert!(tracker.find_executor("e1").is_none());
        // Unknown executors get no record.
        tracker.on_task_bound("e3", task(0), 1);
        assert!(tracker.find_executor("e3").is_none());
    }

    #[test]
    fn cores_that_ballista_forgets_are_found_again() {
        let tracker = ExecutorTracker::default();
        tracker.on_registered("e1", 2, Instant::now());
        tracker.on_task_bound("e1", task(0), 1);
        tracker.on_task_bound("e1", task(1), 1);
        assert_eq!(tracker.find_executor("e1").unwrap().used_cores(), 2);
        assert!(tracker.leaked_cores().is_empty());
        // The usual case: the end is reported, then the core is returned.
        tracker.on_task_ended("e1", &task(0));
        assert!(tracker.leaked_cores().is_empty(), "one check is not enough");
        assert_eq!(tracker.return_cores("e1", 1), 1);
        assert!(tracker.leaked_cores().is_empty());
        // The stage was rolled back: the end is reported, no core is returned.
        tracker.on_task_ended("e1", &task(1));
        assert_eq!(tracker.return_cores("e1", 0), 0);
        assert!(tracker.leaked_cores().is_empty());
        assert_eq!(tracker.leaked_cores(), [("e1".to_owned(), 1)]);
        assert_eq!(tracker.return_cores("e1", 1), 1);
        assert!(tracker.leaked_cores().is_empty());
        // Returned twice: the executor does not get more cores than it has.
        assert_eq!(tracker.return_cores("e1", 1), 0);
    }

    #[test]
    fn tasks_of_ended_jobs_are_forgotten() {
        let tracker = ExecutorTracker::default();
        tracker.on_registered("e1", 2, Instant::now());
        tracker.on_task_bound("e1", task(0), 1);
        tracker.retain_jobs(|job| job == "j");
        assert_eq!(tracker.find_executor("e1").unwrap().used_cores(), 1);
        tracker.retain_jobs(|_| false);
        assert_eq!(tracker.find_executor("e1").unwrap().used_cores(), 0);
    }
}
