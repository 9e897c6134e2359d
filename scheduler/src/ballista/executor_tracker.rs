//! A record of what Ballista does not report: cores in use, assigned tasks, executors
//! that cannot keep data, and the time of each executor's last heartbeat to the
//! millisecond.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use ballista_scheduler::cluster::ExecutorSlot;
use parking_lot::Mutex;
use sluice_proto::heartbeat::TaskName;

use super::lost_executors::{LostExecutor, LostExecutors};
use super::task_losses::{PoisonTask, TaskLosses, TaskPart};

/// In how many heartbeats in a row an executor must not name a task that it should
/// have: the first may have been on its way when the task arrived.
const MAX_UNNAMED_HEARTBEATS: u32 = 2;

/// What is known about one executor.
#[derive(Debug, Clone)]
pub(super) struct ExecutorRecord {
    /// Where it receives tasks.
    address: String,
    total_cores: u32,
    /// Cores that Ballista considers free.
    free_cores: u32,
    /// Tasks that were assigned and not reported as ended.
    running_tasks: HashMap<TaskName, AssignedTask>,
    /// The missing and the free cores at the last check, when any were missing.
    suspected_leak: Option<(u32, u32)>,
    /// Why it cannot keep data, if it cannot: it gets no tasks.
    pub(super) problem: Option<String>,
    /// Tasks assigned to it since it registered.
    pub(super) tasks_given: u64,
    pub(super) registered_at: Instant,
    pub(super) last_heartbeat: Instant,
}

/// A task that was assigned to an executor.
#[derive(Debug, Clone)]
pub(super) struct AssignedTask {
    pub(super) cores: u32,
    /// The partitions of the stage's input that it processes.
    pub(super) partitions: Vec<usize>,
    /// Whether the executor has acknowledged it.
    launched: bool,
    /// How many heartbeats since then have not named it.
    unnamed_heartbeats: u32,
}

impl AssignedTask {
    pub(super) fn new(cores: u32, partitions: Vec<usize>) -> Self {
        Self {
            cores,
            partitions,
            launched: false,
            unnamed_heartbeats: 0,
        }
    }
}

impl ExecutorRecord {
    /// Cores that tasks occupy.
    pub(super) fn used_cores(&self) -> u32 {
        self.running_tasks
            .values()
            .map(|task| task.cores)
            .sum::<u32>()
            .min(self.total_cores)
    }

    /// Cores that no task occupies and that Ballista does not know to be free.
    fn missing_cores(&self) -> u32 {
        (self.total_cores - self.used_cores()).saturating_sub(self.free_cores)
    }

    /// The parts of jobs that run here.
    fn running_parts(&self) -> impl Iterator<Item = (String, TaskPart)> {
        self.running_tasks.iter().flat_map(|(name, task)| {
            let part = |partition: &usize| TaskPart {
                stage: name.stage,
                partition: *partition,
            };
            let parts = task.partitions.iter().map(part);
            parts.map(|part| (name.job.clone(), part))
        })
    }
}

#[derive(Default)]
struct TrackerState {
    /// By id.
    executors: HashMap<String, ExecutorRecord>,
    losses: TaskLosses,
}

/// The records of all executors. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct ExecutorTracker(Arc<Mutex<TrackerState>>, LostExecutors);

impl ExecutorTracker {
    pub(super) fn find_executor(&self, id: &str) -> Option<ExecutorRecord> {
        self.0.lock().executors.get(id).cloned()
    }

    /// The addresses of all executors, by id.
    pub(crate) fn addresses(&self) -> HashMap<String, String> {
        let state = self.0.lock();
        let executors = state.executors.iter();
        executors
            .map(|(id, record)| (id.clone(), record.address.clone()))
            .collect()
    }

    pub(crate) fn knows_executor(&self, id: &str) -> bool {
        self.0.lock().executors.contains_key(id)
    }

    /// Executors whose last heartbeat came before `limit`.
    pub(super) fn silent_executors(&self, limit: Instant) -> Vec<String> {
        let state = self.0.lock();
        let silent = state
            .executors
            .iter()
            .filter(|(_, record)| record.last_heartbeat < limit);
        silent.map(|(id, _)| id.clone()).collect()
    }

    /// Counts every executor as heard from now: after the scheduler itself was
    /// paused, silence means nothing.
    pub(super) fn reset_silence(&self, now: Instant) {
        self.0
            .lock()
            .executors
            .values_mut()
            .for_each(|record| record.last_heartbeat = now);
    }

    /// An executor reported the end of a task, whatever its outcome. Gives whether
    /// the task was assigned to it and not reported before: every other report is
    /// one that arrives a second time or too late.
    pub(crate) fn on_task_ended(&self, id: &str, task: &TaskName) -> bool {
        let mut state = self.0.lock();
        let record = state.executors.get_mut(id);
        record.is_some_and(|record| record.running_tasks.remove(task).is_some())
    }

    /// An executor has acknowledged tasks.
    pub(super) fn on_tasks_launched(&self, id: &str, tasks: &[TaskName]) {
        let mut state = self.0.lock();
        let Some(record) = state.executors.get_mut(id) else {
            return;
        };
        for task in tasks {
            if let Some(assigned) = record.running_tasks.get_mut(task) {
                assigned.launched = true;
            }
        }
    }

    /// A heartbeat named all tasks that an executor has. Removes and gives those
    /// that it should have and does not.
    pub(crate) fn take_lost_tasks(&self, id: &str, named: &HashSet<TaskName>) -> Vec<TaskName> {
        let mut lost = Vec::new();
        let mut state = self.0.lock();
        let Some(record) = state.executors.get_mut(id) else {
            return lost;
        };
        record.running_tasks.retain(|name, task| {
            if named.contains(name) || !task.launched {
                task.unnamed_heartbeats = 0;
                return true;
            }
            task.unnamed_heartbeats += 1;
            let is_lost = task.unnamed_heartbeats >= MAX_UNNAMED_HEARTBEATS;
            if is_lost {
                lost.push(name.clone());
            }
            !is_lost
        });
        lost
    }

    /// An executor says whether it can keep data. Gives whether that has changed.
    pub(crate) fn set_problem(&self, id: &str, problem: Option<String>) -> bool {
        let mut state = self.0.lock();
        let Some(record) = state.executors.get_mut(id) else {
            return false;
        };
        let has_changed = record.problem.is_some() != problem.is_some();
        record.problem = problem;
        has_changed
    }

    /// Whether an executor gets no tasks although it is registered.
    pub(crate) fn is_quarantined(&self, id: &str) -> bool {
        let state = self.0.lock();
        let record = state.executors.get(id);
        record.is_some_and(|record| record.problem.is_some())
    }

    /// The problem of an executor, when every registered executor has one.
    pub(crate) fn common_problem(&self) -> Option<String> {
        let state = self.0.lock();
        let mut problems = state.executors.values().map(|record| &record.problem);
        let first = problems.next()?.clone()?;
        problems.all(Option::is_some).then_some(first)
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
        for (id, record) in &mut self.0.lock().executors {
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
        for record in self.0.lock().executors.values_mut() {
            record.running_tasks.retain(|task, _| active(&task.job));
        }
    }

    /// A step runs as this job of Ballista from now on.
    pub(crate) fn on_step_submitted(&self, step: &str, job: &str) {
        self.0.lock().losses.on_step_submitted(step, job);
    }

    /// A job of Ballista has ended.
    pub(crate) fn on_job_ended(&self, job: &str, succeeded: bool) {
        self.0.lock().losses.on_job_ended(job, succeeded);
    }

    /// The task because of which a job of Ballista must fail.
    pub(crate) fn find_poison(&self, job: &str) -> Option<PoisonTask> {
        self.0.lock().losses.find_poison(job)
    }

    pub(super) fn on_registered(&self, id: &str, address: String, total: u32, now: Instant) {
        let mut state = self.0.lock();
        // An executor that registers twice still has its tasks.
        let running_tasks = state
            .executors
            .remove(id)
            .map(|record| record.running_tasks)
            .unwrap_or_default();
        state.executors.insert(
            id.to_owned(),
            ExecutorRecord {
                address,
                total_cores: total,
                free_cores: total,
                running_tasks,
                suspected_leak: None,
                problem: None,
                tasks_given: 0,
                registered_at: now,
                last_heartbeat: now,
            },
        );
    }

    /// An executor is about to be removed, for this reason.
    pub(crate) fn on_removing(&self, id: &str, reason: &str) {
        if self.knows_executor(id) {
            self.1.set_reason(id, reason);
        }
    }

    /// `lost_ms` is the time `now`, in milliseconds since the Unix epoch.
    pub(super) fn on_removed(&self, id: &str, now: Instant, lost_ms: i64) {
        let mut state = self.0.lock();
        if let Some(record) = state.executors.remove(id) {
            self.1.push(LostExecutor {
                id: id.to_owned(),
                address: record.address.clone(),
                vcores: record.total_cores,
                lost_ms,
                reason: String::new(),
                tasks: record.running_tasks.len() as u64,
            });
            let parts = record.running_parts();
            state.losses.on_executor_lost(&record.address, parts, now);
        }
    }

    /// The executors that were lost, the newest first.
    pub(crate) fn lost_executors(&self) -> Vec<LostExecutor> {
        self.1.list()
    }

    /// How many executors were lost since this process started.
    pub(crate) fn lost_executor_count(&self) -> u64 {
        self.1.count()
    }

    pub(super) fn on_heartbeat(&self, id: &str, now: Instant) {
        if let Some(record) = self.0.lock().executors.get_mut(id) {
            record.last_heartbeat = now;
        }
    }

    pub(super) fn on_task_bound(&self, id: &str, name: TaskName, task: AssignedTask) {
        if let Some(record) = self.0.lock().executors.get_mut(id) {
            record.free_cores = record.free_cores.saturating_sub(task.cores);
            record.running_tasks.insert(name, task);
            record.tasks_given += 1;
        }
    }

    /// Ballista returns cores. Gives how many of them count: an executor never
    /// gets more free cores than it has.
    pub(super) fn return_cores(&self, id: &str, cores: u32) -> u32 {
        match self.0.lock().executors.get_mut(id) {
            Some(record) => {
                let cores = cores.min(record.total_cores - record.free_cores);
                record.free_cores += cores;
                cores
            }
            None => cores,
        }
    }
}

#[cfg(test)]
mod tests;
