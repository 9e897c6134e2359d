//! The tasks that this process has: those that run, and those that were stopped or
//! have ended while a thread still computes for them.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use sluice_proto::heartbeat::TaskName;
use sluice_service::task_memory::TaskMemory;
use sluice_service::thread_times::ThreadTimes;
use tokio_util::sync::CancellationToken;

use crate::memory_watch::Pressure;
use crate::stop_watch::{StopLimits, StopWatch};
use crate::task_threads::LiveThreads;

/// How often stopped tasks are checked.
pub(crate) const CHECK_INTERVAL: Duration = Duration::from_millis(250);

struct TaskRecord {
    started_at: Instant,
    cancel: CancellationToken,
    /// Whether it has ended by itself, and only its threads are left.
    has_ended: bool,
    /// Whether it has begun to work on its own threads.
    has_threads: bool,
    memory: Arc<TaskMemory>,
    /// Why it was stopped, when that is a failure of the task.
    failure: Option<String>,
    /// Its threads, when they have been started.
    threads: Option<LiveThreads>,
    /// What they have done since it was cancelled or had ended.
    stop_watch: StopWatch,
}

impl TaskRecord {
    /// Whether it works and was not stopped.
    fn can_be_stopped(&self) -> bool {
        self.has_threads && !self.has_ended && !self.cancel.is_cancelled()
    }

    fn request_cancel(&self) -> bool {
        let is_first = !self.has_ended && !self.cancel.is_cancelled();
        self.cancel.cancel();
        is_first
    }

    /// How much its threads may do, when they should have ended.
    fn stop_limits(&self) -> Option<&'static StopLimits> {
        if self.has_ended {
            Some(&StopLimits::ENDED)
        } else if self.cancel.is_cancelled() {
            Some(&StopLimits::CANCELLED)
        } else {
            None
        }
    }
}

/// All tasks of this process. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct RunningTasks {
    tasks: Arc<Mutex<HashMap<TaskName, TaskRecord>>>,
}

impl RunningTasks {
    /// Adds a task, which counts as running until the guard is dropped.
    pub(crate) fn start_task(&self, name: TaskName) -> TaskGuard {
        let cancel = CancellationToken::new();
        let memory = Arc::new(TaskMemory::default());
        self.tasks.lock().insert(
            name.clone(),
            TaskRecord {
                started_at: Instant::now(),
                cancel: cancel.clone(),
                has_ended: false,
                has_threads: false,
                memory: Arc::clone(&memory),
                failure: None,
                threads: None,
                stop_watch: StopWatch::default(),
            },
        );
        TaskGuard {
            name,
            cancel,
            memory,
            tasks: self.clone(),
        }
    }

    pub(crate) fn running_count(&self) -> usize {
        self.tasks.lock().len()
    }

    pub(crate) fn names(&self) -> HashSet<TaskName> {
        self.tasks.lock().keys().cloned().collect()
    }

    /// Cancels the tasks that started before `before`, and gives their number.
    pub(crate) fn cancel_started_before(&self, before: Instant) -> usize {
        self.cancel_where(|_, task| task.started_at < before)
    }

    /// Cancels the tasks of a job, and gives their number.
    pub(crate) fn cancel_job(&self, job: &str) -> usize {
        self.cancel_where(|name, _| name.job == job)
    }

    /// Cancels all attempts of a task.
    pub(crate) fn cancel_task(&self, job: &str, stage: usize, task: usize) -> usize {
        self.cancel_where(|name, _| name.job == job && name.stage == stage && name.task == task)
    }

    fn cancel_where(&self, is_meant: impl Fn(&TaskName, &TaskRecord) -> bool) -> usize {
        let tasks = self.tasks.lock();
        tasks
            .iter()
            .filter(|(name, task)| is_meant(name, task) && task.request_cancel())
            .count()
    }

    /// Cancels earlier attempts of a task's stage that have its number, and gives
    /// whether there are any: they write to the same files.
    pub(crate) fn cancel_earlier_attempts(&self, of: &TaskName) -> bool {
        let is_earlier = |name: &TaskName| {
            (&name.job, name.stage, name.task) == (&of.job, of.stage, of.task)
                && name.attempt < of.attempt
        };
        self.cancel_where(|name, _| is_earlier(name));
        self.tasks.lock().keys().any(is_earlier)
    }

    /// Stops the task that holds the most memory and has not been stopped, and gives
    /// its name and the reason, which `describe` makes of the bytes that it holds.
    pub(crate) fn fail_largest(
        &self,
        describe: impl FnOnce(u64) -> String,
    ) -> Option<(TaskName, String)> {
        let mut tasks = self.tasks.lock();
        let running = tasks.iter_mut().filter(|(_, task)| task.can_be_stopped());
        let (bytes, name, task) = running
            .map(|(name, task)| (task.memory.held_bytes(), name, task))
            // Of several that hold the same, the one that began last.
            .max_by_key(|(bytes, _, task)| (*bytes, task.started_at))?;
        let reason = describe(bytes);
        task.failure = Some(reason.clone());
        task.cancel.cancel();
        Some((name.clone(), reason))
    }

    /// How many tasks work, and how many were stopped or have ended and still have
    /// threads.
    pub(crate) fn running_and_stopping(&self) -> (usize, usize) {
        let tasks = self.tasks.lock();
        let with_threads = tasks.values().filter(|task| task.has_threads);
        let (running, stopping): (Vec<_>, Vec<_>) =
            with_threads.partition(|task| task.can_be_stopped());
        (running.len(), stopping.len())
    }

    /// The jobs whose tasks run, each once.
    pub(crate) fn running_jobs(&self) -> BTreeSet<String> {
        let tasks = self.tasks.lock();
        tasks.keys().map(|name| name.job.clone()).collect()
    }

    /// Checks the tasks that should have stopped, and gives one with a thread that does
    /// not give back what it computes or waits for, with what the thread did.
    pub(crate) fn check_stopped(&self) -> Option<(TaskName, ThreadTimes)> {
        let mut stuck = None;
        for (name, task) in self.tasks.lock().iter_mut() {
            let (Some(limits), Some(threads)) = (task.stop_limits(), &task.threads) else {
                continue;
            };
            let live = threads.borrow().clone();
            if let Some(times) = task.stop_watch.check(&live, limits, CHECK_INTERVAL) {
                stuck = Some((name.clone(), times));
            }
        }
        stuck
    }

    /// Whether a task of this job that started at or after `since` runs.
    pub(crate) fn has_job_since(&self, job: &str, since: Instant) -> bool {
        self.tasks
            .lock()
            .iter()
            .any(|(name, task)| name.job == job && task.started_at >= since)
    }

    /// Whether any task of this job runs.
    pub(crate) fn has_job(&self, job: &str) -> bool {
        self.tasks.lock().keys().any(|name| name.job == job)
    }

    fn mark_ended(&self, name: &TaskName) {
        if let Some(task) = self.tasks.lock().get_mut(name) {
            task.has_ended = true;
        }
    }
}

/// Returns when a task should have stopped and cannot be stopped.
pub(crate) async fn wait_for_stuck_task(tasks: &RunningTasks) -> (TaskName, ThreadTimes) {
    let mut ticks = tokio::time::interval(CHECK_INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Some(stuck) = tasks.check_stopped() {
            return stuck;
        }
    }
}

/// Represents one running task.
pub(crate) struct TaskGuard {
    name: TaskName,
    cancel: CancellationToken,
    memory: Arc<TaskMemory>,
    tasks: RunningTasks,
}

impl TaskGuard {
    pub(crate) fn name(&self) -> &TaskName {
        &self.name
    }

    /// Cancelled when the task must stop.
    pub(crate) fn cancel_token(&self) -> CancellationToken {
        self.cancel.clone()
    }

    /// What the task holds.
    pub(crate) fn memory(&self) -> Arc<TaskMemory> {
        Arc::clone(&self.memory)
    }

    /// The task begins to work, unless it must wait for memory; gives whether it does.
    pub(crate) fn begin_work(&self, pressure: Pressure) -> bool {
        let mut tasks = self.tasks.tasks.lock();
        // A task that was stopped to free memory may take more until it ends.
        let frees_memory = tasks.values().any(|task| task.failure.is_some());
        let must_wait = match pressure {
            Pressure::Low => frees_memory,
            Pressure::Shared => tasks.values().any(|task| task.has_threads),
            Pressure::Full => true,
        };
        if must_wait {
            return false;
        }
        if let Some(task) = tasks.get_mut(&self.name) {
            task.has_threads = true;
        }
        true
    }

    /// The task works on these threads from now on.
    pub(crate) fn observe_threads(&self, threads: LiveThreads) {
        if let Some(task) = self.tasks.tasks.lock().get_mut(&self.name) {
            task.threads = Some(threads);
        }
    }

    /// Why the task was stopped, when that is a failure of the task.
    pub(crate) fn failure(&self) -> Option<String> {
        let tasks = self.tasks.tasks.lock();
        tasks.get(&self.name)?.failure.clone()
    }

    /// The task has ended by itself; only its threads are left.
    pub(crate) fn on_ended(&self) {
        self.tasks.mark_ended(&self.name);
    }
}

impl Drop for TaskGuard {
    fn drop(&mut self) {
        self.tasks.tasks.lock().remove(&self.name);
    }
}

#[cfg(test)]
pub(crate) fn test_task(job: &str, task: usize) -> TaskName {
    TaskName {
        job: job.to_owned(),
        stage: 1,
        attempt: 0,
        task,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;

    #[tokio::test]
    async fn only_older_tasks_are_cancelled() {
        let tasks = RunningTasks::default();
        let old = tasks.start_task(test_task("a", 0));
        let border = Instant::now();
        let new = tasks.start_task(test_task("b", 0));
        assert_eq!(tasks.running_count(), 2);
        assert_eq!(tasks.cancel_started_before(border), 1);
        old.cancel_token().cancelled().await;
        assert!(!new.cancel.is_cancelled());
        assert!(tasks.has_job_since("b", border) && !tasks.has_job_since("a", border));
        assert_eq!(
            tasks.running_jobs().into_iter().collect::<Vec<_>>(),
            ["a", "b"]
        );
        assert_eq!((tasks.cancel_job("c"), tasks.cancel_job("b")), (0, 1));
        assert_eq!(tasks.cancel_job("b"), 0, "a task is cancelled once");
        new.cancel_token().cancelled().await;
        drop(old);
        assert!(!tasks.has_job("a") && tasks.has_job("b"));
        drop(new);
        assert_eq!(tasks.running_count(), 0);
    }

    #[test]
    fn a_task_is_cancelled_by_its_numbers() {
        let tasks = RunningTasks::default();
        let one = tasks.start_task(test_task("a", 0));
        let other = tasks.start_task(test_task("a", 1));
        assert_eq!(tasks.cancel_task("a", 1, 1), 1);
        assert!(!one.cancel.is_cancelled() && other.cancel.is_cancelled());
        assert_eq!(tasks.cancel_task("a", 2, 0), 0);
    }

    #[test]
    fn earlier_attempts_of_a_task_are_cancelled() {
        let tasks = RunningTasks::default();
        let earlier = tasks.start_task(test_task("a", 0));
        let later = TaskName {
            attempt: 1,
            ..test_task("a", 0)
        };
        let _guard = tasks.start_task(later.clone());
        assert!(!tasks.cancel_earlier_attempts(earlier.name()));
        assert!(tasks.cancel_earlier_attempts(&later));
        assert!(earlier.cancel.is_cancelled());
        drop(earlier);
        assert!(!tasks.cancel_earlier_attempts(&later));
    }

    #[test]
    fn only_tasks_that_should_have_stopped_are_checked() {
        let tasks = RunningTasks::default();
        let guard = tasks.start_task(test_task("a", 0));
        let computed = |tasks: &RunningTasks| {
            let tasks = tasks.tasks.lock();
            let limits = tasks[&test_task("a", 0)].stop_limits();
            limits.map(|limits| limits.computed.as_secs())
        };
        assert_eq!(computed(&tasks), None);
        tasks.cancel_job("a");
        assert_eq!(computed(&tasks), Some(5));
        guard.on_ended();
        assert_eq!(computed(&tasks), Some(30));
        assert_eq!(tasks.check_stopped(), None, "it has no threads");
    }

    #[test]
    fn the_task_that_holds_most_is_the_one_that_fails() {
        let tasks = RunningTasks::default();
        let (small, large) = (
            tasks.start_task(test_task("small", 0)),
            tasks.start_task(test_task("large", 0)),
        );
        assert_eq!(tasks.fail_largest(|_| String::new()), None, "none works");
        assert!(!large.begin_work(Pressure::Full));
        assert!(large.begin_work(Pressure::Shared) && !small.begin_work(Pressure::Shared));
        assert!(small.begin_work(Pressure::Low));
        small.memory().reserved.store(10, Ordering::Relaxed);
        large.memory().reserved.store(20, Ordering::Relaxed);
        assert_eq!(tasks.running_and_stopping(), (2, 0));
        let failed = tasks.fail_largest(|bytes| format!("{bytes} bytes"));
        assert_eq!(failed, Some((test_task("large", 0), "20 bytes".to_owned())));
        assert_eq!(large.failure().as_deref(), Some("20 bytes"));
        assert!(large.cancel.is_cancelled() && !small.cancel.is_cancelled());
        assert_eq!(tasks.running_and_stopping(), (1, 1));
        let next = tasks.start_task(test_task("next", 0));
        assert!(!next.begin_work(Pressure::Low));
        drop(large);
        assert!(next.begin_work(Pressure::Low));
        drop(next);
        small.on_ended();
        assert_eq!(tasks.fail_largest(|_| String::new()), None);
        assert_eq!(small.failure(), None);
    }
}
