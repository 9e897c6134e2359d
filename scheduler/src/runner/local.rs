//! Running plans in this process, with DataFusion only.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties, collect};
use datafusion::prelude::SessionConfig;
use sluice_engine::executor_context::ExecutorContext;
use sluice_service::memory_limits::ProcessLimits;
use sluice_traces::in_context;
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::local_threads::LocalThreads;
use super::local_trace::{follow_spawned_work, record_plan};
use super::{Capacity, RunError, Runner, StepProgress, StepRun, classify_error};

/// How long a cancelled plan may take to end: one that does not yield its
/// thread ends with the process.
const END_TIMEOUT: Duration = Duration::from_secs(5);
/// How often the counts of a running plan are read.
const SAMPLE_INTERVAL: Duration = Duration::from_millis(200);

/// The same plans as on a cluster, on threads of this process.
pub struct LocalRunner {
    vcores: u32,
    work_dir: TempDir,
    threads: LocalThreads,
}

impl LocalRunner {
    /// A runner for `vcores` tasks at a time. Staged files go to a new folder
    /// below `parent`, which is deleted with the runner. `limits` are those of the
    /// memory of this process.
    ///
    /// # Errors
    /// When the folder cannot be created, or the system gives no more threads.
    pub fn new(
        vcores: u32,
        parent: PathBuf,
        limits: Option<ProcessLimits>,
    ) -> std::io::Result<Self> {
        follow_spawned_work();
        let count = usize::try_from(vcores).unwrap_or(1);
        let work_dir = tempfile::Builder::new()
            .prefix("sluice-local-")
            .tempdir_in(parent)?;
        Ok(Self {
            vcores: vcores.max(1),
            work_dir,
            threads: LocalThreads::start(count, limits)?,
        })
    }

    /// The folder for staged and spilled data.
    pub fn work_dir(&self) -> &std::path::Path {
        self.work_dir.path()
    }

    /// Has a plan stop, and waits until it has, or does not. Plans are stopped together:
    /// all of a job that was cancelled, and all that run when memory is short.
    async fn stop_plan<T>(&self, work: JoinHandle<T>, name: &str) {
        work.abort();
        let ended = async {
            let _ = work.await;
            self.threads.wait_until_idle().await;
        };
        if tokio::time::timeout(END_TIMEOUT, ended).await.is_err() {
            tracing::warn!("{name} was stopped but keeps running");
        }
    }
}

#[async_trait]
impl Runner for LocalRunner {
    async fn capacity(&self) -> Capacity {
        Capacity {
            executors: 1,
            vcores: self.vcores,
        }
    }

    fn configure_session(&self, config: SessionConfig) -> SessionConfig {
        let node = ExecutorContext {
            work_dir: self.work_dir.path().to_owned(),
            host: String::new(),
            flight_port: 0,
        };
        node.attach_to(config)
    }

    async fn run_plan(
        &self,
        run: StepRun,
        progress: watch::Sender<StepProgress>,
        cancel: CancellationToken,
    ) -> Result<Vec<RecordBatch>, RunError> {
        let tasks = u32::try_from(max_partitions(run.plan.as_ref())).unwrap_or(u32::MAX);
        let plan = Arc::clone(&run.plan);
        // A separate task, so that aborting it stops the plan.
        let context = run.context.task_ctx();
        let work = in_context(run.trace.as_ref(), collect(Arc::clone(&plan), context));
        let Some((mut work, mut running)) = self.threads.spawn(work) else {
            return Err(RunError::Cancelled);
        };
        let mut ticks = tokio::time::interval(SAMPLE_INTERVAL);
        loop {
            tokio::select! {
                ended = &mut work => {
                    progress.send_replace(sample_plan(plan.as_ref(), tasks, true));
                    record_plan(plan.as_ref(), run.trace.as_ref());
                    return match ended {
                        Ok(Ok(batches)) => Ok(batches),
                        Ok(Err(error)) => Err(sluice_engine::task_failure::classify_error(&error, &|_| None).into()),
                        Err(panic) => Err(classify_error(&format!("a task of {} panicked: {panic}", run.name))),
                    };
                }
                () = cancel.cancelled() => {
                    self.stop_plan(work, &run.name).await;
                    return Err(RunError::Cancelled);
                }
                message = running.wait_for_excess() => {
                    self.stop_plan(work, &run.name).await;
                    return Err(RunError::OutOfMemory { message });
                }
                _ = ticks.tick() => {
                    progress.send_replace(sample_plan(plan.as_ref(), tasks, false));
                }
            }
        }
    }

    fn remove_staged(&self, token: &str) {
        // The whole work folder is deleted with the runner; this only frees
        // space sooner.
        let _ = std::fs::remove_dir_all(self.work_dir.path().join(token));
    }
}

fn sample_plan(plan: &dyn ExecutionPlan, tasks: u32, done: bool) -> StepProgress {
    let mut progress = StepProgress {
        stages_done: u32::from(done),
        stages_total: 1,
        tasks_done: if done { tasks } else { 0 },
        tasks_running: if done { 0 } else { tasks },
        tasks_total: tasks,
        ..StepProgress::default()
    };
    progress.add_plan(plan);
    progress
}

/// The most partitions that any node of the plan has.
fn max_partitions(plan: &dyn ExecutionPlan) -> usize {
    let own = plan.output_partitioning().partition_count();
    plan.children()
        .into_iter()
        .map(|child| max_partitions(child.as_ref()))
        .fold(own, usize::max)
}
