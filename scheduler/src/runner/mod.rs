//! Where a step's physical plan runs: on the cluster, or in this process.

mod cluster;
mod failure;
mod local;
mod progress;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::{SessionConfig, SessionContext};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub use cluster::ClusterRunner;
pub use failure::{RunError, classify};
pub use local::LocalRunner;
pub use progress::{SourceStats, StepProgress};
pub(crate) use progress::{plan_text, shape};

/// One plan to run.
#[derive(Clone)]
pub struct StepRun {
    /// What people see in logs, such as `write daily_revenue`.
    pub name: String,
    /// The session that the plan was made in.
    pub context: Arc<SessionContext>,
    /// A plan with one output partition.
    pub plan: Arc<dyn ExecutionPlan>,
    /// The run is given up when none of its tasks starts or ends for so long.
    pub stall_timeout: Duration,
}

/// How much can run at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// Processes that run tasks.
    pub executors: u32,
    /// Tasks that run at the same time.
    pub vcores: u32,
}

/// Runs plans.
#[async_trait]
pub trait Runner: Send + Sync + 'static {
    /// What there is now. A runner with no vcores takes plans and holds them.
    async fn capacity(&self) -> Capacity;

    /// Adds what plans that are made for this runner need.
    fn configure(&self, config: SessionConfig) -> SessionConfig;

    /// Runs a plan to its end and gives its rows.
    ///
    /// Publishes how far it is on `progress`. When `cancel` fires, everything
    /// that was started for the plan is stopped before this returns
    /// [`RunError::Cancelled`].
    async fn run(
        &self,
        run: StepRun,
        progress: watch::Sender<StepProgress>,
        cancel: CancellationToken,
    ) -> Result<Vec<RecordBatch>, RunError>;

    /// Removes the files of a staged relation, best effort, without waiting
    /// for it.
    fn release(&self, token: &str);
}
