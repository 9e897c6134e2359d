//! Lists of jobs, page by page.

use sluice_proto::v1::{Job, JobState, ListJobsRequest, ListJobsResponse};

use super::index::JobIndex;

/// The default and the maximal number of jobs on one page of a list.
const PAGE_SIZES: (u32, u32) = (100, 1_000);

impl JobIndex {
    /// The jobs of one page, the newest first.
    pub(super) fn list_page(&self, request: &ListJobsRequest) -> ListJobsResponse {
        let limit = match request.limit {
            0 => PAGE_SIZES.0,
            limit => limit.min(PAGE_SIZES.1),
        } as usize;
        let before = self.sort_key(&request.page_token);
        let range = match &before {
            Some(key) => self.jobs.range(..key.clone()),
            None => self.jobs.range(..),
        };
        let is_wanted =
            |state: JobState| request.states.is_empty() || request.states().any(|s| s == state);
        let mut jobs: Vec<Job> = Vec::new();
        let mut more = false;
        for (_, entry) in range.rev() {
            let job = entry.record();
            if !is_wanted(job.state()) {
                continue;
            }
            if jobs.len() == limit {
                more = true;
                break;
            }
            jobs.push(job);
        }
        let next_page_token = if more {
            jobs.last()
                .map(|job| job.job_id.clone())
                .unwrap_or_default()
        } else {
            String::new()
        };
        ListJobsResponse {
            jobs,
            next_page_token,
        }
    }
}
