//! Runs the one step of a job whose rows are for the one who asks, and for no table.

use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::SessionContext;
use sluice_engine::job::{AnalyzeError, AnalyzedJob, PhysicalOptions, StepResults};
use sluice_proto::v1::JobError;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::Driver;
use super::job_errors::run_error;
use crate::job_settings::JobSettings;
use crate::runner::{RunError, StepProgress, StepRun};

/// The physical plan of such a step.
pub(super) struct LoneStep {
    context: Arc<SessionContext>,
    plan: Arc<dyn ExecutionPlan>,
}

impl LoneStep {
    /// The columns of its rows.
    pub(super) fn schema(&self) -> SchemaRef {
        self.plan.schema()
    }
}

impl Driver {
    /// How many tasks can run at a time, for a step of this name.
    pub(super) async fn count_slots(&self, name: &str) -> Result<usize, JobError> {
        match self.runner.capacity().await.vcores {
            0 => {
                let message = "the scheduler has no executors".to_owned();
                Err(run_error(name, &RunError::NoExecutors { message }))
            }
            slots => Ok(slots as usize),
        }
    }

    /// Plans the first step of a job, on a thread of the planner.
    pub(super) async fn plan_lone_step(
        &self,
        name: &str,
        job: &AnalyzedJob,
        (slots, settings): (usize, &JobSettings),
    ) -> Result<LoneStep, AnalyzeError> {
        let options = PhysicalOptions {
            slots,
            partitions: settings.shuffle_partitions,
            job_id: name.to_owned(),
            token: name.to_owned(),
            low_memory: false,
        };
        let configure = |config| self.runner.configure_session(config);
        let results = StepResults::default();
        let planned = job.plan_physical(&job.steps[0], &results, &options, configure);
        let (context, plan) = planned.await?;
        Ok(LoneStep { context, plan })
    }

    /// Runs a step once and gives its rows. When `cancel` fires or this is dropped, what was
    /// started for it is stopped.
    pub(super) async fn run_lone_step(
        &self,
        name: &str,
        (step, settings): (&LoneStep, &JobSettings),
        progress: watch::Sender<StepProgress>,
        cancel: &CancellationToken,
    ) -> Result<Vec<RecordBatch>, RunError> {
        let run = StepRun {
            name: name.to_owned(),
            key: format!("{name}/{}", uuid::Uuid::new_v4()),
            context: Arc::clone(&step.context),
            plan: Arc::clone(&step.plan),
            stall_timeout: settings.task_timeout,
            trace: None,
        };
        let cancel = cancel.child_token();
        let _stop = cancel.clone().drop_guard();
        let runner = Arc::clone(&self.runner);
        // The runner waits for its end, also when no one waits for the rows.
        let running = tokio::spawn(async move { runner.run_plan(run, progress, cancel).await });
        running.await.unwrap_or(Err(RunError::Cancelled))
    }
}
