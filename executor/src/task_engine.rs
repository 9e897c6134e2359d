//! The wrapper around every task: it counts the task, and encodes its failure so
//! that the scheduler can decode it.

use std::collections::{HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use ballista_core::error::BallistaError;
use ballista_core::execution_plans::ShuffleReaderExec;
use ballista_core::serde::protobuf::ShuffleWritePartition;
use ballista_core::serde::scheduler::TaskDefinition;
use ballista_executor::execution_engine::{
    DefaultExecutionEngine, ExecutionEngine as _, QueryStageExecutor,
};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::context::TaskContext;
use datafusion::physical_plan::ExecutionPlan;
use futures::FutureExt;
use sluice_engine::task_failure::{
    FailureKind, TaskFailure, classify_error, failed_fetch, is_cancelled, to_task_error,
};
use sluice_proto::heartbeat::TaskName;
use sluice_traces::TraceContext;
use tokio_util::sync::CancellationToken;

use crate::cancel_checks::check_for_cancel;
use crate::connection_pool::ConnectionPool;
use crate::disk_health::DiskHealth;
use crate::metrics::{Metrics, TaskOutcome};
use crate::panics;
use crate::shuffle_reads::count_shuffled_rows;
use crate::task_trace::OperatorTrace;

/// Creates tasks; Ballista's engine runs them.
pub(crate) struct TaskEngine {
    inner: DefaultExecutionEngine,
    shuffle_dir: String,
    metrics: Metrics,
    disk: DiskHealth,
}

impl TaskEngine {
    pub(crate) fn new(
        connections: ConnectionPool,
        shuffle_dir: String,
        metrics: Metrics,
        disk: DiskHealth,
    ) -> Self {
        Self {
            inner: DefaultExecutionEngine::with_client_pool(Arc::new(connections)),
            shuffle_dir,
            metrics,
            disk,
        }
    }

    /// The task that a definition describes. It ends early when `cancel` fires and
    /// it evaluates an expression or reads a batch. Spans of its operators are parts of
    /// `trace`.
    pub(crate) fn create_task(
        &self,
        name: &TaskName,
        definition: &TaskDefinition,
        cancel: &CancellationToken,
        trace: Option<&TraceContext>,
    ) -> Result<Task> {
        let foreign_stages = ForeignStages::find_in_plan(&definition.plan, &name.job);
        let plan = count_shuffled_rows(Arc::clone(&definition.plan))?;
        let plan = check_for_cancel(plan, cancel)?;
        let operators = OperatorTrace::new(&plan, trace);
        let inner = self
            .inner
            .create_query_stage_exec(
                definition.job_id.clone(),
                definition.stage_id,
                output_file_id(name),
                definition.global_output_partition_ids.clone(),
                plan,
                &self.shuffle_dir,
                &definition.session_config,
            )
            .map_err(|error| translate_error(name, &foreign_stages, &self.disk, error))?;
        Ok(Task {
            inner,
            name: name.clone(),
            foreign_stages,
            operators,
            metrics: self.metrics.clone(),
            disk: self.disk.clone(),
        })
    }
}

/// The number that the task's output files are named with. Ballista would use the
/// number of the task, which begins at 0 again when a stage is started again: a file
/// that a cancelled task of the first attempt left incomplete would have the name of one
/// of the second attempt, and tasks on this machine would read it in its place.
fn output_file_id(name: &TaskName) -> usize {
    name.attempt.wrapping_shl(32) | name.task
}

/// The stages of other jobs that a task reads from, with the executors that hold
/// them. Ballista can repair a failed fetch only from a stage of the task's own
/// job. For any other, it would look for a stage that the job does not have,
/// drop the status, and leave the task running forever.
#[derive(Debug, Default)]
struct ForeignStages {
    /// The job of each stage, by executor and number.
    jobs: HashMap<(String, usize), String>,
}

impl ForeignStages {
    fn find_in_plan(plan: &Arc<dyn ExecutionPlan>, own_job: &str) -> Self {
        let mut own = HashSet::new();
        let mut jobs = HashMap::new();
        // The visitor never fails.
        let _ = plan.apply(|node| {
            if let Some(reader) = node.downcast_ref::<ShuffleReaderExec>() {
                for location in reader.partition.iter().flatten() {
                    let id = &location.partition_id;
                    let source = (location.executor_meta.id.clone(), id.stage_id);
                    if id.job_id.as_str() == own_job {
                        own.insert(source);
                    } else {
                        jobs.insert(source, id.job_id.to_string());
                    }
                }
            }
            Ok(TreeNodeRecursion::Continue)
        });
        // Plan nodes that are not visited read only stages of this job, so a
        // stage is foreign only when a reader shows it.
        jobs.retain(|source, _| !own.contains(source));
        Self { jobs }
    }

    /// The other job whose stage it is; `None` for a stage of the task's own job.
    fn job_of(&self, executor: &str, stage: usize) -> Option<&str> {
        let job = self.jobs.get(&(executor.to_owned(), stage));
        job.map(String::as_str)
    }
}

/// One task with its plan.
pub(crate) struct Task {
    inner: Arc<dyn QueryStageExecutor>,
    name: TaskName,
    foreign_stages: ForeignStages,
    operators: Option<OperatorTrace>,
    metrics: Metrics,
    disk: DiskHealth,
}

/// Counts the task when it ends, even when it is dropped while it runs.
struct TaskEndGuard<'a> {
    task: &'a Task,
    started: Instant,
    outcome: TaskOutcome,
}

impl Drop for TaskEndGuard<'_> {
    fn drop(&mut self) {
        self.task
            .metrics
            .count_task(self.outcome, self.started.elapsed());
        let operators = self.task.inner.collect_plan_metrics();
        self.task.metrics.count_operators(&operators);
        if let Some(trace) = &self.task.operators {
            trace.record(&operators);
        }
    }
}

impl Task {
    /// What the task reports in addition to its rows.
    pub(crate) fn stage(&self) -> &dyn QueryStageExecutor {
        self.inner.as_ref()
    }

    /// Runs the task to its end.
    pub(crate) async fn run(
        &self,
        context: Arc<TaskContext>,
    ) -> Result<Vec<ShuffleWritePartition>> {
        let mut ending = TaskEndGuard {
            task: self,
            started: Instant::now(),
            outcome: TaskOutcome::Cancelled,
        };
        tracing::debug!(task = %self.name, "task starts");
        let work = self.inner.execute_query_stage(self.name.task, context);
        match AssertUnwindSafe(work).catch_unwind().await {
            Ok(Ok(partitions)) => {
                ending.outcome = TaskOutcome::Succeeded;
                self.metrics.count_output(&partitions);
                Ok(partitions)
            }
            Ok(Err(error)) => {
                if !is_cancelled(&error) {
                    ending.outcome = TaskOutcome::Failed;
                }
                let error = translate_error(&self.name, &self.foreign_stages, &self.disk, error);
                Err(error)
            }
            Err(panic) => {
                ending.outcome = TaskOutcome::Failed;
                Err(panic_error(
                    &self.name,
                    &panics::panic_message(panic.as_ref()),
                ))
            }
        }
    }
}

/// The error in the form for the scheduler: an error that Ballista repairs by
/// itself is unchanged, every other one is encoded as a [`TaskFailure`].
fn translate_error(
    name: &TaskName,
    foreign_stages: &ForeignStages,
    disk: &DiskHealth,
    error: DataFusionError,
) -> DataFusionError {
    if is_cancelled(&error) {
        // Without what operators wrap it in, in which Ballista does not see it.
        return BallistaError::Cancelled.into_datafusion();
    }
    let failure = match failed_fetch(&error) {
        Some((executor, stage)) => {
            let Some(job) = foreign_stages.job_of(executor, stage) else {
                tracing::warn!(task = %name, "cannot fetch from stage {stage} on {executor}, the scheduler reruns it");
                return error;
            };
            // A staged relation is kept under its token as if that were a job.
            let lost = FailureKind::StagedLost {
                stage: job.to_owned(),
            };
            TaskFailure::new(
                lost,
                format!(
                    "stage {stage} of an earlier job on executor {executor} cannot be read any more"
                ),
            )
        }
        None => disk.attribute_failure(classify_error(&error, &panics::panic_location)),
    };
    tracing::warn!(task = %name, kind = %failure.kind, "task failed: {}", failure.message);
    to_task_error(&failure)
}

pub(crate) fn panic_error(name: &TaskName, message: &str) -> DataFusionError {
    let failure = TaskFailure::from_panic(message, panics::panic_location(message).as_deref());
    tracing::error!(task = %name, "{failure}");
    to_task_error(&failure)
}

#[cfg(test)]
mod tests;
