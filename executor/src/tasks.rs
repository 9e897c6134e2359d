//! The tasks that run in this process now.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

/// A task, by its job, its stage and Ballista's number.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct TaskName {
    pub(crate) job: String,
    pub(crate) stage: usize,
    pub(crate) task: usize,
}

impl std::fmt::Display for TaskName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}/{}", self.job, self.stage, self.task)
    }
}

struct RunningTask {
    started_at: Instant,
    cancel: CancellationToken,
    /// When it was first cancelled.
    cancelled_at: Option<Instant>,
}

impl RunningTask {
    fn request_cancel(&mut self, now: Instant) {
        self.cancelled_at.get_or_insert(now);
        self.cancel.cancel();
    }
}

/// All tasks that run in this process. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct RunningTasks {
    running: Arc<Mutex<HashMap<TaskName, RunningTask>>>,
}

impl RunningTasks {
    /// Adds a task, which counts as running until the guard is dropped.
    pub(crate) fn start_task(&self, name: TaskName) -> TaskGuard {
        let cancel = CancellationToken::new();
        self.running.lock().insert(
            name.clone(),
            RunningTask {
                started_at: Instant::now(),
                cancel: cancel.clone(),
                cancelled_at: None,
            },
        );
        TaskGuard {
            name,
            cancel,
            tasks: self.clone(),
        }
    }

    pub(crate) fn running_count(&self) -> usize {
        self.running.lock().len()
    }

    /// Cancels the tasks that started before `before`, and gives their number.
    pub(crate) fn cancel_started_before(&self, before: Instant) -> usize {
        let mut running = self.running.lock();
        let old = running.values_mut().filter(|task| task.started_at < before);
        let now = Instant::now();
        old.map(|task| task.request_cancel(now)).count()
    }

    /// The jobs whose tasks run, each once.
    pub(crate) fn running_jobs(&self) -> BTreeSet<String> {
        let running = self.running.lock();
        running.keys().map(|name| name.job.clone()).collect()
    }

    /// Cancels the tasks of a job, and gives their number.
    pub(crate) fn cancel_job(&self, job: &str) -> usize {
        let mut running = self.running.lock();
        let own = running.iter_mut().filter(|(name, _)| name.job == job);
        let now = Instant::now();
        own.map(|(_, task)| task.request_cancel(now)).count()
    }

    /// A task that was cancelled before `limit` and still runs: its computation
    /// does not yield its thread.
    pub(crate) fn find_stuck(&self, limit: Instant) -> Option<TaskName> {
        let running = self.running.lock();
        let mut stuck = running
            .iter()
            .filter(|(_, task)| task.cancelled_at.is_some_and(|asked| asked < limit));
        stuck.next().map(|(name, _)| name.clone())
    }

    /// Whether a task of this job that started at or after `since` runs.
    pub(crate) fn has_job_since(&self, job: &str, since: Instant) -> bool {
        self.running
            .lock()
            .iter()
            .any(|(name, task)| name.job == job && task.started_at >= since)
    }

    /// Whether any task of this job runs.
    pub(crate) fn has_job(&self, job: &str) -> bool {
        self.running.lock().keys().any(|name| name.job == job)
    }
}

/// Represents one running task.
pub(crate) struct TaskGuard {
    name: TaskName,
    cancel: CancellationToken,
    tasks: RunningTasks,
}

impl TaskGuard {
    /// Returns when the task is cancelled from within this process.
    pub(crate) async fn cancelled(&self) {
        self.cancel.cancelled().await;
    }
}

impl Drop for TaskGuard {
    fn drop(&mut self) {
        self.tasks.running.lock().remove(&self.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(job: &str, task: usize) -> TaskName {
        TaskName {
            job: job.to_owned(),
            stage: 1,
            task,
        }
    }

    #[tokio::test]
    async fn only_older_tasks_are_cancelled() {
        let tasks = RunningTasks::default();
        let old = tasks.start_task(name("a", 0));
        let border = Instant::now();
        let new = tasks.start_task(name("b", 0));
        assert_eq!(tasks.running_count(), 2);
        assert_eq!(tasks.cancel_started_before(border), 1);
        old.cancelled().await;
        assert!(!new.cancel.is_cancelled());
        assert!(tasks.has_job_since("b", border) && !tasks.has_job_since("a", border));
        assert_eq!(
            tasks.running_jobs().into_iter().collect::<Vec<_>>(),
            ["a", "b"]
        );
        assert_eq!((tasks.cancel_job("c"), tasks.cancel_job("b")), (0, 1));
        new.cancelled().await;
        assert_eq!(tasks.find_stuck(border), None);
        let later = Instant::now() + std::time::Duration::from_secs(1);
        assert!(tasks.find_stuck(later).is_some());
        drop(old);
        assert!(!tasks.has_job("a") && tasks.has_job("b"));
        drop(new);
        assert_eq!(tasks.running_count(), 0);
    }
}
