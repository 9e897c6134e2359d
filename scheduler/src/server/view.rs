//! What the server needs from the job registry.

use std::time::Duration;

use async_trait::async_trait;
use sluice_proto::v1::{Job, JobState, ListJobsRequest, ListJobsResponse};

use crate::job_registry::JobRegistry;

/// The jobs as the HTTP interface, the metrics and the shutdown see them.
#[async_trait]
pub trait JobsView: Send + Sync + 'static {
    /// Jobs, the newest first, page by page.
    async fn list_jobs(&self, request: ListJobsRequest) -> ListJobsResponse;

    /// One job by its id or submission id.
    async fn find_job(&self, id: &str) -> Option<Job>;

    /// How many jobs are in each state, past ones included.
    fn count_by_state(&self) -> Vec<(JobState, usize)>;

    /// How many jobs have not ended: waiting, running or committing.
    fn count_active(&self) -> usize {
        let counts = self.count_by_state();
        counts
            .iter()
            .filter(|(state, _)| !state.is_final())
            .map(|(_, count)| count)
            .sum()
    }

    /// Accepts no more jobs, waits for running ones, and interrupts those that
    /// still run after `limit`. May be called again with a shorter limit while
    /// it waits.
    async fn drain_jobs(&self, limit: Duration);
}

#[async_trait]
impl JobsView for JobRegistry {
    async fn list_jobs(&self, request: ListJobsRequest) -> ListJobsResponse {
        JobRegistry::list_jobs(self, &request)
    }

    async fn find_job(&self, id: &str) -> Option<Job> {
        JobRegistry::find_job(self, id).ok()
    }

    fn count_by_state(&self) -> Vec<(JobState, usize)> {
        JobRegistry::count_by_state(self)
            .into_iter()
            .filter_map(|(state, count)| {
                Some((
                    JobState::try_from(state).ok()?,
                    usize::try_from(count).ok()?,
                ))
            })
            .collect()
    }

    async fn drain_jobs(&self, limit: Duration) {
        JobRegistry::drain_jobs(self, limit).await;
    }
}
