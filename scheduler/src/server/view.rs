//! What the server needs from the job registry.

use std::time::Duration;

use async_trait::async_trait;
use sluice_proto::v1::{Job, JobState, ListJobsRequest, ListJobsResponse};

use crate::jobs::Jobs;

/// The jobs as the HTTP interface, the metrics and the shutdown see them.
#[async_trait]
pub trait JobsView: Send + Sync + 'static {
    /// Jobs, the newest first, page by page.
    async fn list(&self, request: ListJobsRequest) -> ListJobsResponse;

    /// One job by its id or submission id.
    async fn get(&self, id: &str) -> Option<Job>;

    /// How many jobs are in each state, past ones included.
    fn counts(&self) -> Vec<(JobState, usize)>;

    /// How many jobs have not ended: waiting, running or committing.
    fn active(&self) -> usize {
        let counts = self.counts();
        counts
            .iter()
            .filter(|(state, _)| !state.is_final())
            .map(|(_, count)| count)
            .sum()
    }

    /// Accepts no more jobs, waits for running ones, and interrupts those that
    /// still run after `limit`. May be called again with a shorter limit while
    /// it waits.
    async fn drain(&self, limit: Duration);
}

#[async_trait]
impl JobsView for Jobs {
    async fn list(&self, request: ListJobsRequest) -> ListJobsResponse {
        Jobs::list(self, &request)
    }

    async fn get(&self, id: &str) -> Option<Job> {
        Jobs::get(self, id).ok()
    }

    fn counts(&self) -> Vec<(JobState, usize)> {
        Jobs::counts(self)
            .into_iter()
            .filter_map(|(state, count)| {
                Some((
                    JobState::try_from(state).ok()?,
                    usize::try_from(count).ok()?,
                ))
            })
            .collect()
    }

    async fn drain(&self, limit: Duration) {
        Jobs::drain(self, limit).await;
    }
}
