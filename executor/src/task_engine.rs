//! The wrapper around every task: it counts the task, can cancel it, and encodes
//! its failure so that the scheduler can decode it.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use ballista_core::JobId;
use ballista_core::error::BallistaError;
use ballista_core::execution_plans::ShuffleReaderExec;
use ballista_core::serde::protobuf::{
    RuntimeStatsReport, ShuffleWritePartition, TaskColumnStats, WindowStateReport,
};
use ballista_executor::execution_engine::{
    DefaultExecutionEngine, ExecutionEngine, QueryStageExecutor,
};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::context::TaskContext;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::metrics::MetricsSet;
use datafusion::prelude::SessionConfig;
use futures::FutureExt;
use sluice_engine::task_failure::{
    FailureKind, TaskFailure, classify_error, failed_fetch, is_cancelled, to_task_error,
};

use crate::connection_pool::ConnectionPool;
use crate::metrics::{Metrics, TaskOutcome};
use crate::panics;
use crate::tasks::{RunningTasks, TaskName};

/// Creates tasks; Ballista's engine runs them.
pub(crate) struct TaskEngine {
    inner: DefaultExecutionEngine,
    tasks: RunningTasks,
    metrics: Metrics,
}

impl TaskEngine {
    pub(crate) fn new(connections: ConnectionPool, tasks: RunningTasks, metrics: Metrics) -> Self {
        Self {
            inner: DefaultExecutionEngine::with_client_pool(Arc::new(connections)),
            tasks,
            metrics,
        }
    }
}

impl ExecutionEngine for TaskEngine {
    fn create_query_stage_exec(
        &self,
        job_id: JobId,
        stage_id: usize,
        task_id: usize,
        global_output_partition_ids: Vec<usize>,
        plan: Arc<dyn ExecutionPlan>,
        work_dir: &str,
        config: &SessionConfig,
    ) -> Result<Arc<dyn QueryStageExecutor>> {
        let name = TaskName {
            job: job_id.to_string(),
            stage: stage_id,
            task: task_id,
        };
        let foreign_stages = ForeignStages::find_in_plan(&plan, &name.job);
        let inner = self
            .inner
            .create_query_stage_exec(
                job_id,
                stage_id,
                task_id,
                global_output_partition_ids,
                plan,
                work_dir,
                config,
            )
            .map_err(|error| translate_error(&name, &foreign_stages, error))?;
        Ok(Arc::new(Task {
            inner,
            name,
            foreign_stages,
            tasks: self.tasks.clone(),
            metrics: self.metrics.clone(),
        }))
    }
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
struct Task {
    inner: Arc<dyn QueryStageExecutor>,
    name: TaskName,
    foreign_stages: ForeignStages,
    tasks: RunningTasks,
    metrics: Metrics,
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.inner, f)
    }
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.inner, f)
    }
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
        self.task
            .metrics
            .count_operators(&self.task.inner.collect_plan_metrics());
    }
}

#[async_trait]
impl QueryStageExecutor for Task {
    async fn execute_query_stage(
        &self,
        task_id: usize,
        context: Arc<TaskContext>,
    ) -> Result<Vec<ShuffleWritePartition>> {
        let running = self.tasks.start_task(self.name.clone());
        let mut ending = TaskEndGuard {
            task: self,
            started: Instant::now(),
            outcome: TaskOutcome::Cancelled,
        };
        tracing::debug!(task = %self.name, "task starts");
        let work =
            AssertUnwindSafe(self.inner.execute_query_stage(task_id, context)).catch_unwind();
        let result = tokio::select! {
            biased;
            () = running.cancelled() => return Err(BallistaError::Cancelled.into_datafusion()),
            result = work => result,
        };
        match result {
            Ok(Ok(partitions)) => {
                ending.outcome = TaskOutcome::Succeeded;
                self.metrics.count_output(&partitions);
                Ok(partitions)
            }
            Ok(Err(error)) => {
                if !is_cancelled(&error) {
                    ending.outcome = TaskOutcome::Failed;
                }
                Err(translate_error(&self.name, &self.foreign_stages, error))
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

    fn collect_plan_metrics(&self) -> Vec<MetricsSet> {
        self.inner.collect_plan_metrics()
    }

    fn collect_runtime_stats_reports(&self) -> Vec<RuntimeStatsReport> {
        self.inner.collect_runtime_stats_reports()
    }

    fn collect_window_state_reports(&self) -> Result<Vec<WindowStateReport>> {
        self.inner.collect_window_state_reports()
    }

    fn collect_column_stats(&self) -> Vec<TaskColumnStats> {
        self.inner.collect_column_stats()
    }
}

/// The error in the form for the scheduler: an error that Ballista repairs by
/// itself is unchanged, every other one is encoded as a [`TaskFailure`].
fn translate_error(
    name: &TaskName,
    foreign_stages: &ForeignStages,
    error: DataFusionError,
) -> DataFusionError {
    if is_cancelled(&error) {
        return error;
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
        None => classify_error(&error, &panics::panic_location),
    };
    tracing::warn!(task = %name, kind = %failure.kind, "task failed: {}", failure.message);
    to_task_error(&failure)
}

fn panic_error(name: &TaskName, message: &str) -> DataFusionError {
    let failure = TaskFailure::from_panic(message, panics::panic_location(message).as_deref());
    tracing::error!(task = %name, "{failure}");
    to_task_error(&failure)
}

#[cfg(test)]
mod tests;
