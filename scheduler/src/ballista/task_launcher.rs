//! Sends tasks to executors, in messages that executors accept, and records which
//! have arrived.
//!
//! Ballista sends all tasks that an executor gets at a time in one message, and takes
//! a message that is too large for the loss of the executor.

use std::collections::HashSet;

use async_trait::async_trait;
use ballista_core::JobId;
use ballista_core::error::Result;
use ballista_core::serde::protobuf::MultiTaskDefinition;
use ballista_core::serde::scheduler::ExecutorMetadata;
use ballista_scheduler::state::executor_manager::ExecutorManager;
use ballista_scheduler::state::task_manager::TaskLauncher;
use prost::Message;
use sluice_proto::MAX_MESSAGE_BYTES;
use sluice_proto::heartbeat::TaskName;

use super::executor_tracker::ExecutorTracker;

/// The largest message; the rest is for what surrounds the tasks.
const MAX_TASKS_BYTES: usize = MAX_MESSAGE_BYTES / 8 * 7;

/// Sends the tasks of an executor in one message or several, and reports them to the tracker:
/// only of a task that has arrived can an executor be expected to name it.
pub(super) struct TrackedLauncher {
    pub(super) tracker: ExecutorTracker,
    /// The name of this scheduler in messages to executors.
    pub(super) endpoint: String,
}

#[async_trait]
impl TaskLauncher for TrackedLauncher {
    async fn launch_tasks(
        &self,
        executor: &ExecutorMetadata,
        tasks: Vec<MultiTaskDefinition>,
        executor_manager: &ExecutorManager,
    ) -> Result<HashSet<JobId>> {
        let batches = divide_tasks(tasks, MAX_TASKS_BYTES, MultiTaskDefinition::encoded_len);
        let mut failed_jobs: HashSet<JobId> = HashSet::new();
        for task in batches.too_large {
            tracing::error!(
                ballista_job = task.job_id,
                bytes = task.encoded_len(),
                "a task is too large to be sent, its job fails"
            );
            failed_jobs.insert(JobId::from(task.job_id));
        }
        for batch in batches.batches {
            let names: Vec<TaskName> = batch.iter().flat_map(task_names).collect();
            let rejected = executor_manager
                .launch_multi_task(&executor.id, batch, self.endpoint.clone())
                .await?;
            self.tracker.on_tasks_launched(&executor.id, &names);
            failed_jobs.extend(rejected);
        }
        Ok(failed_jobs)
    }
}

fn task_names(tasks: &MultiTaskDefinition) -> impl Iterator<Item = TaskName> {
    tasks.task_ids.iter().map(|task| TaskName {
        job: tasks.job_id.clone(),
        stage: tasks.stage_id as usize,
        attempt: tasks.stage_attempt_num as usize,
        task: task.task_id as usize,
    })
}

#[derive(Debug, PartialEq, Eq)]
struct TaskBatches<T> {
    /// Each fits into a message.
    batches: Vec<Vec<T>>,
    /// These do not.
    too_large: Vec<T>,
}

/// Divides tasks into batches of at most `max` bytes, in their order.
fn divide_tasks<T>(tasks: Vec<T>, max: usize, size: impl Fn(&T) -> usize) -> TaskBatches<T> {
    let mut divided = TaskBatches {
        batches: Vec::new(),
        too_large: Vec::new(),
    };
    let mut room = 0;
    for task in tasks {
        let bytes = size(&task);
        if bytes > max {
            divided.too_large.push(task);
            continue;
        }
        match divided.batches.last_mut() {
            Some(batch) if bytes <= room => {
                room -= bytes;
                batch.push(task);
            }
            _ => {
                room = max - bytes;
                divided.batches.push(vec![task]);
            }
        }
    }
    divided
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_are_divided_by_their_sizes() {
        let divide = |tasks: &[usize]| divide_tasks(tasks.to_vec(), 10, |bytes| *bytes);
        let divided = divide(&[4, 4, 4, 11, 10, 1]);
        assert_eq!(
            divided,
            TaskBatches {
                batches: vec![vec![4, 4], vec![4], vec![10], vec![1]],
                too_large: vec![11],
            }
        );
        assert_eq!(divide(&[1, 9]).batches, [[1, 9]]);
        assert_eq!(divide(&[]).batches, Vec::<Vec<usize>>::new());
    }
}
