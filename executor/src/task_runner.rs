//! Runs tasks, each on its own threads, and reports their ends.

use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use ballista_core::error::BallistaError;
use ballista_core::serde::protobuf::{
    FailedTask, OperatorMetricsSet, SuccessfulTask, TaskStatus, task_status,
};
use ballista_core::serde::scheduler::TaskDefinition;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::context::TaskContext;
use sluice_engine::task_failure::{FailureKind, TaskFailure, to_task_error};
use sluice_proto::heartbeat::TaskName;
use sluice_service::task_memory::TaskMemory;
use sluice_traces::TraceContext;
use tokio_util::sync::CancellationToken;

use crate::memory::TaskRuntimes;
use crate::memory_watch::MemoryWatch;
use crate::reports::PendingReports;
use crate::task_engine::{TaskEngine, panic_error};
use crate::task_threads::TaskThreads;
use crate::task_trace::TaskTrace;
use crate::tasks::{CHECK_INTERVAL, RunningTasks, TaskGuard};

/// A cancelled task that needs longer to stop is worth a line in the log.
const SLOW_STOP_MILLIS: u128 = 1_000;

/// Runs the tasks of this process.
pub(crate) struct TaskRunner {
    pub(crate) engine: TaskEngine,
    pub(crate) runtimes: TaskRuntimes,
    pub(crate) executor_id: String,
    pub(crate) tasks: RunningTasks,
    pub(crate) memory_watch: MemoryWatch,
    pub(crate) reports: PendingReports,
}

impl TaskRunner {
    /// Starts a task. It counts as running when this returns.
    pub(crate) fn start_task(self: &Arc<Self>, definition: TaskDefinition) {
        let name = TaskName {
            job: definition.job_id.to_string(),
            stage: definition.stage_id,
            attempt: definition.stage_attempt_num,
            task: definition.task_id,
        };
        let guard = self.tasks.start_task(name);
        let runner = Arc::clone(self);
        tokio::spawn(async move { runner.run_task(definition, &guard).await });
    }

    /// Runs a task, reports its end, and waits until its threads have ended.
    async fn run_task(self: Arc<Self>, definition: TaskDefinition, guard: &TaskGuard) {
        let name = guard.name();
        let cancel = guard.cancel_token();
        let mut trace = TaskTrace::begin(&definition, name, &self.executor_id);
        let mut status = TaskStatus {
            task_id: saturating_u32(name.task),
            job_id: name.job.clone(),
            stage_id: saturating_u32(name.stage),
            stage_attempt_num: saturating_u32(name.attempt),
            launch_time: definition.launch_time,
            start_exec_time: millis_since_epoch(),
            end_exec_time: 0,
            metrics: Vec::new(),
            status: None,
        };
        while (self.tasks.cancel_earlier_attempts(name)
            || !guard.begin_work(self.memory_watch.pressure()))
            && !cancel.is_cancelled()
        {
            tokio::time::sleep(CHECK_INTERVAL).await;
        }
        let cores = usize::try_from(definition.vcores_consumed).unwrap_or(1);
        let mut threads = match TaskThreads::start(cores, guard.memory(), trace.context()) {
            Ok(threads) => threads,
            Err(error) => {
                let failure = TaskFailure::new(
                    FailureKind::Transient,
                    format!("the executor cannot start threads for the task: {error}"),
                );
                TaskReport::of_error(to_task_error(&failure)).write_to(&mut status);
                trace.end(status.status.as_ref());
                self.reports.push(status);
                return;
            }
        };
        guard.observe_threads(threads.live_threads());
        let work = threads.spawn(Arc::clone(&self).work_on_task(
            definition,
            name.clone(),
            cancel.clone(),
            guard.memory(),
            trace.context(),
        ));
        let report = match work {
            None => None,
            Some(mut work) => tokio::select! {
                biased;
                ended = &mut work => Some(ended.unwrap_or_else(|error| {
                    TaskReport::of_error(panic_error(name, &error.to_string()))
                })),
                () = cancel.cancelled() => {
                    work.abort();
                    None
                }
            },
        };
        let stopped_at = Instant::now();
        if let Some(report) = report {
            guard.on_ended();
            report.write_to(&mut status);
            trace.end(status.status.as_ref());
            self.reports.push(status);
            threads.stop_and_wait().await;
            return;
        }
        // A failure is reported first: threads that wait for memory do not end.
        let failure = guard.failure();
        if let Some(reason) = &failure {
            let failure = TaskFailure::new(FailureKind::Memory, reason.clone());
            TaskReport::of_error(to_task_error(&failure)).write_to(&mut status);
            trace.end(status.status.as_ref());
            self.reports.push(status.clone());
        }
        // A cancel is reported last: until then, the task occupies its cores.
        threads.stop_and_wait().await;
        let took = stopped_at.elapsed().as_millis();
        if took >= SLOW_STOP_MILLIS {
            tracing::warn!(task = %name, "task cancelled; its threads ended after {took} ms");
        } else {
            tracing::info!(task = %name, "task cancelled; its threads ended after {took} ms");
        }
        if failure.is_some() {
            return;
        }
        let cancelled = BallistaError::Cancelled.into_datafusion();
        TaskReport::of_error(cancelled).write_to(&mut status);
        trace.end(status.status.as_ref());
        self.reports.push(status);
    }

    /// The work of a task, on its own threads.
    async fn work_on_task(
        self: Arc<Self>,
        definition: TaskDefinition,
        name: TaskName,
        cancel: CancellationToken,
        memory: Arc<TaskMemory>,
        trace: Option<TraceContext>,
    ) -> TaskReport {
        let created = self
            .engine
            .create_task(&name, &definition, &cancel, trace.as_ref());
        let task = match created {
            Ok(task) => task,
            Err(error) => return TaskReport::of_error(error),
        };
        let context = match self.create_context(definition, &name, &memory) {
            Ok(context) => context,
            Err(error) => return TaskReport::of_error(error),
        };
        let result = task.run(context).await;
        let stage = task.stage();
        let metrics = stage
            .collect_plan_metrics()
            .into_iter()
            .map(TryInto::try_into)
            .collect::<std::result::Result<_, BallistaError>>()
            .unwrap_or_default();
        let success = result.and_then(|partitions| {
            Ok(SuccessfulTask {
                executor_id: self.executor_id.clone(),
                partitions,
                runtime_stats: stage.collect_runtime_stats_reports(),
                task_column_stats: stage.collect_column_stats(),
                // Stages that follow need it, so a failure fails the task.
                window_state: stage.collect_window_state_reports()?,
            })
        });
        match success {
            Ok(success) => TaskReport {
                status: task_status::Status::Successful(success),
                metrics,
            },
            Err(error) => TaskReport {
                metrics,
                ..TaskReport::of_error(error)
            },
        }
    }

    fn create_context(
        &self,
        definition: TaskDefinition,
        name: &TaskName,
        memory: &Arc<TaskMemory>,
    ) -> Result<Arc<TaskContext>> {
        let functions = definition.function_registry;
        Ok(Arc::new(TaskContext::new(
            Some(format!("TID {name}.{}", definition.task_attempt_num)),
            definition.session_id,
            definition.session_config,
            functions.scalar_functions.clone(),
            functions.higher_order_functions.clone(),
            functions.aggregate_functions.clone(),
            functions.window_functions.clone(),
            self.runtimes
                .create_runtime(definition.vcores_consumed, memory)?,
        )))
    }
}

/// How a task ended.
struct TaskReport {
    status: task_status::Status,
    metrics: Vec<OperatorMetricsSet>,
}

impl TaskReport {
    fn of_error(error: DataFusionError) -> Self {
        let failed = FailedTask::from(BallistaError::from(error));
        Self {
            status: task_status::Status::Failed(failed),
            metrics: Vec::new(),
        }
    }

    fn write_to(self, status: &mut TaskStatus) {
        status.end_exec_time = millis_since_epoch();
        status.metrics = self.metrics;
        status.status = Some(self.status);
    }
}

fn millis_since_epoch() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| u64::try_from(since.as_millis()).ok())
        .unwrap_or_default()
}

fn saturating_u32(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
