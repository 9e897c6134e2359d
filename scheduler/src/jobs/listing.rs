//! Lists of jobs, page by page.

use std::sync::Arc;

use sluice_proto::v1::{ErrorKind, Job, JobError, JobState, ListJobsRequest};
use sluice_service::format::plain_line;

use super::index::JobIndex;

/// The default and the maximal number of jobs on one page of a list.
const PAGE_SIZES: (u32, u32) = (100, 1_000);
/// How much of an unknown token an error repeats.
const MAX_SHOWN_CHARS: usize = 100;

/// One page of a list of jobs.
pub struct JobPage {
    /// The newest first.
    pub jobs: Vec<Arc<Job>>,
    /// Where the next page begins; empty on the last one.
    pub next_page_token: String,
}

impl JobIndex {
    /// The jobs of one page, the newest first.
    ///
    /// # Errors
    /// When the page before is not known.
    pub(super) fn list_page(&self, request: &ListJobsRequest) -> Result<JobPage, JobError> {
        let limit = match request.limit {
            0 => PAGE_SIZES.0,
            limit => limit.min(PAGE_SIZES.1),
        } as usize;
        let token = &request.page_token;
        let before = self.sort_key(token);
        if before.is_none() && !token.is_empty() {
            return Err(JobError::new(
                ErrorKind::Invalid,
                format!("no page begins at `{}`", plain_line(token, MAX_SHOWN_CHARS)),
            )
            .with_next_step(
                "page_token is the next_page_token of the page before; list again without it",
            ));
        }
        let range = match &before {
            Some(key) => self.jobs.range(..key.clone()),
            None => self.jobs.range(..),
        };
        let filter = JobFilter::new(request);
        let mut jobs: Vec<Arc<Job>> = Vec::new();
        let mut more = false;
        for (_, entry) in range.rev() {
            if !filter.allows_state(entry.state()) {
                continue;
            }
            let job = entry.shared_record();
            if !filter.allows(&job) {
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
        Ok(JobPage {
            jobs,
            next_page_token,
        })
    }

    /// The latest jobs, the newest first.
    pub(super) fn latest_jobs(&self, limit: usize) -> Vec<Arc<Job>> {
        let entries = self.jobs.values().rev().take(limit);
        entries
            .map(super::index::IndexEntry::shared_record)
            .collect()
    }
}

/// Which jobs a list has.
struct JobFilter<'a> {
    request: &'a ListJobsRequest,
    text: String,
}

impl<'a> JobFilter<'a> {
    fn new(request: &'a ListJobsRequest) -> Self {
        Self {
            request,
            text: request.text.trim().to_lowercase(),
        }
    }

    fn allows_state(&self, state: JobState) -> bool {
        self.request.states.is_empty() || self.request.states().any(|wanted| wanted == state)
    }

    fn allows(&self, job: &Job) -> bool {
        let texts = [
            &job.job_id,
            &job.submission_id,
            &job.name,
            &job.file_name,
            &job.user,
        ];
        self.allows_state(job.state())
            && (self.text.is_empty()
                || texts
                    .iter()
                    .any(|text| text.to_lowercase().contains(&self.text)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::index::IndexEntry;
    use super::*;

    fn index_of(jobs: &[(&str, &str, JobState)]) -> JobIndex {
        let mut index = JobIndex::default();
        for (submitted_ms, (name, user, state)) in (1..).zip(jobs) {
            let mut job = Job {
                job_id: format!("job-{submitted_ms}"),
                submission_id: format!("submission-{submitted_ms}"),
                name: (*name).to_owned(),
                user: (*user).to_owned(),
                submitted_ms,
                ..Job::default()
            };
            job.set_state(*state);
            index.insert(IndexEntry::Past(Arc::new(job)), None);
        }
        index
    }

    fn listed(index: &JobIndex, request: &ListJobsRequest) -> Vec<String> {
        let page = index.list_page(request).ok();
        let jobs = page.into_iter().flat_map(|page| page.jobs);
        jobs.map(|job| job.job_id.clone()).collect()
    }

    #[test]
    fn jobs_are_found_by_a_part_of_their_texts() {
        let index = index_of(&[
            ("Nightly", "ann", JobState::Succeeded),
            ("hourly", "bob", JobState::Failed),
            ("nightly", "bob", JobState::Failed),
        ]);
        for (text, expected) in [
            ("", vec!["job-3", "job-2", "job-1"]),
            (" NIGHT", vec!["job-3", "job-1"]),
            ("bob", vec!["job-3", "job-2"]),
            ("submission-2", vec!["job-2"]),
            ("weekly", vec![]),
        ] {
            let mut request = ListJobsRequest {
                text: text.to_owned(),
                ..ListJobsRequest::default()
            };
            assert_eq!(listed(&index, &request), expected, "{text}");
            request.states = vec![JobState::Failed.into()];
            let failed: Vec<&str> = expected.into_iter().filter(|id| *id != "job-1").collect();
            assert_eq!(listed(&index, &request), failed, "{text}");
        }
        let newest: Vec<String> = index
            .latest_jobs(2)
            .iter()
            .map(|job| job.job_id.clone())
            .collect();
        assert_eq!(newest, ["job-3", "job-2"]);
    }

    #[test]
    fn pages_continue_where_the_one_before_ended() {
        let index = index_of(&[("a", "", JobState::Failed); 3]);
        let mut request = ListJobsRequest {
            limit: 2,
            text: "a".to_owned(),
            ..ListJobsRequest::default()
        };
        let page = index
            .list_page(&request)
            .ok()
            .map(|page| page.next_page_token);
        assert_eq!(page.as_deref(), Some("job-2"));
        request.page_token = "job-2".to_owned();
        assert_eq!(listed(&index, &request), ["job-1"]);
    }
}
