//! What Ballista reports about plans, as metrics.

use ballista_core::JobId;
use ballista_scheduler::metrics::SchedulerMetricsCollector;

use crate::metrics::{Metrics, PlanOutcome};

/// Ballista counts each plan as a job; one job of ours runs several plans.
impl SchedulerMetricsCollector for Metrics {
    fn record_submitted(&self, _: &JobId, _: u64, _: u64) {}

    fn record_completed(&self, _: &JobId, _: u64, _: u64) {
        self.count_plan_ended(PlanOutcome::Succeeded);
    }

    fn record_failed(&self, _: &JobId, _: u64, _: u64) {
        self.count_plan_ended(PlanOutcome::Failed);
    }

    fn record_cancelled(&self, _: &JobId) {
        self.count_plan_ended(PlanOutcome::Cancelled);
    }

    fn set_pending_tasks_queue_size(&self, value: u64) {
        self.set_pending_tasks(value);
    }

    fn gather_metrics(&self) -> ballista_core::error::Result<Option<(Vec<u8>, String)>> {
        Ok(None)
    }
}
