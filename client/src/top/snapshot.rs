//! What a scheduler says about its cluster at one moment.

use std::collections::HashSet;

use futures::try_join;
use sluice_proto::v1::{
    ErrorKind, Executor, GetJobRequest, Job, JobError, JobState, ListJobsRequest,
};
use sluice_service::console::Console;
use sluice_service::format::plain_line;

use crate::job_client::JobClient;
use crate::job_queries::{LIST_LIMIT, request_list};

/// How many jobs that have not ended are shown at most.
const MAX_ACTIVE: u32 = 200;
/// How much of a text that others wrote is shown.
const MAX_TEXT_CHARS: usize = 2_000;

/// The cluster at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ClusterSnapshot {
    pub(super) version: String,
    /// When the scheduler started, milliseconds since the Unix epoch.
    pub(super) started_ms: i64,
    pub(super) executors: Vec<Executor>,
    /// First those that have not ended, then the latest others; each the newest first.
    pub(super) jobs: Vec<Job>,
    /// The job that was asked for, wherever it is in the list.
    pub(super) open_job: Option<Job>,
}

/// Asks for everything that is shown; `open_job` is the id of the job that is shown in
/// detail.
pub(crate) async fn fetch_snapshot(
    api: &JobClient,
    console: &Console,
    open_job: Option<String>,
) -> Result<ClusterSnapshot, JobError> {
    let active = JobState::ALL.into_iter().filter(|state| !state.is_final());
    let active = ListJobsRequest {
        limit: MAX_ACTIVE,
        states: active.map(i32::from).collect(),
        ..ListJobsRequest::default()
    };
    let (info, executors, active, latest, open_job) = try_join!(
        api.server_info(),
        api.list_executors(),
        api.list_jobs(active),
        api.list_jobs(request_list(LIST_LIMIT)),
        find_job(api, open_job),
    )?;
    let mut snapshot = ClusterSnapshot {
        version: info.version,
        started_ms: info.started_ms,
        executors: executors.executors,
        jobs: join_lists(active.jobs, latest.jobs),
        open_job,
    };
    for executor in &mut snapshot.executors {
        executor.address = clean_text(console, &executor.address);
        executor.problem = clean_text(console, &executor.problem);
    }
    for job in snapshot.jobs.iter_mut().chain(&mut snapshot.open_job) {
        clean_job(console, job);
    }
    Ok(snapshot)
}

/// None when no job is asked for, or its record was removed.
async fn find_job(api: &JobClient, id: Option<String>) -> Result<Option<Job>, JobError> {
    let Some(id) = id else {
        return Ok(None);
    };
    match api.get_job(GetJobRequest { id }).await {
        Ok(job) => Ok(Some(job)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Each job once: between the two answers it may have ended.
fn join_lists(active: Vec<Job>, latest: Vec<Job>) -> Vec<Job> {
    let mut seen = HashSet::new();
    active
        .into_iter()
        .chain(latest)
        .filter(|job| seen.insert(job.job_id.clone()))
        .collect()
}

/// A text that others wrote, without what a terminal would obey and without secrets.
pub(super) fn clean_text(console: &Console, text: &str) -> String {
    plain_line(&console.redact_secrets(text), MAX_TEXT_CHARS)
}

fn clean_job(console: &Console, job: &mut Job) {
    for text in [
        &mut job.name,
        &mut job.user,
        &mut job.file_name,
        &mut job.submission_id,
    ] {
        *text = clean_text(console, text);
    }
    for value in job.params.values_mut() {
        *value = clean_text(console, value);
    }
    if let Some(reason) = &mut job.reason {
        reason.message = clean_text(console, &reason.message);
        reason.next_step = clean_text(console, &reason.next_step);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_that_ends_between_two_answers_is_shown_once() {
        let job = |id: &str, state: JobState| {
            let mut job = Job {
                job_id: id.to_owned(),
                ..Job::default()
            };
            job.set_state(state);
            job
        };
        let jobs = join_lists(
            vec![job("3", JobState::Running), job("1", JobState::Running)],
            vec![
                job("4", JobState::Failed),
                job("3", JobState::Succeeded),
                job("2", JobState::Failed),
            ],
        );
        let ids: Vec<&str> = jobs.iter().map(|job| job.job_id.as_str()).collect();
        assert_eq!(ids, ["3", "1", "4", "2"]);
    }
}
