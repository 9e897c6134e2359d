//! Runs the physical plan of a step, on the cluster or in this process.

mod cluster;
mod job_result;
mod local;
mod local_threads;
mod local_trace;
mod run_error;
mod stage_details;
mod stage_spans;
mod step_progress;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::{SessionConfig, SessionContext};
use sluice_traces::TraceContext;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::ballista::ExecutorInfo;

pub use cluster::ClusterRunner;
pub use local::LocalRunner;
pub use run_error::{RunError, classify_error};
pub use stage_details::{OperatorDetails, StageDetails, StageState, TaskDetails, TaskState};
pub use step_progress::{SourceStats, StepProgress};
pub(crate) use step_progress::{plan_shape, plan_text};

/// One attempt of a step: a plan to run.
#[derive(Clone)]
pub struct StepRun {
    /// The name in logs, such as `write daily_revenue`.
    pub name: String,
    /// Identifies the step among those of all jobs; the same for each attempt.
    pub key: String,
    /// The session in which the plan was created.
    pub context: Arc<SessionContext>,
    /// A plan with one output partition.
    pub plan: Arc<dyn ExecutionPlan>,
    /// The attempt fails when no task starts or ends for this long.
    pub stall_timeout: Duration,
    /// The span of the attempt.
    pub trace: Option<TraceContext>,
}

/// How much can run at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// Processes that run tasks.
    pub executors: u32,
    /// Tasks that can run at a time.
    pub vcores: u32,
}

/// Runs plans.
#[async_trait]
pub trait Runner: Send + Sync + 'static {
    /// The capacity now. A runner without vcores accepts plans and lets them
    /// wait.
    async fn capacity(&self) -> Capacity;

    /// The executors that run tasks; none where this process runs them.
    async fn list_executors(&self) -> Vec<ExecutorInfo> {
        Vec::new()
    }

    /// How many executors were lost since this process started.
    fn lost_executors(&self) -> u64 {
        0
    }

    /// Adds the settings that plans for this runner need.
    fn configure_session(&self, config: SessionConfig) -> SessionConfig;

    /// Runs a plan to its end and gives its rows.
    ///
    /// Publishes its progress on `progress`. When `cancel` fires, everything
    /// that was started for the plan is stopped before this returns
    /// [`RunError::Cancelled`].
    async fn run_plan(
        &self,
        run: StepRun,
        progress: watch::Sender<StepProgress>,
        cancel: CancellationToken,
    ) -> Result<Vec<RecordBatch>, RunError>;

    /// Removes the files of a staged relation. This does not wait, and it does
    /// not report failures.
    fn remove_staged(&self, token: &str);
}
