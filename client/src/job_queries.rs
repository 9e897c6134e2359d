//! Commands about existing jobs: `--status`, `--list`, `--logs` and `--kill`.

use std::pin::pin;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use futures::StreamExt;
use sluice_proto::v1::job_event::Event;
use sluice_proto::v1::{ErrorKind, GetJobRequest, Job, JobError, JobLogsRequest, ListJobsRequest};

use crate::follower::cancel_job;
use crate::job_client::JobClient;
use crate::report::ResultReporter;
use crate::watch::{RetryPolicy, WatchEvent, watch_events};

/// About one screen; the scheduler's HTTP API lists all jobs.
pub(crate) const LIST_LIMIT: u32 = 50;

/// `--status`.
pub(crate) async fn show_status(
    api: &JobClient,
    reporter: &ResultReporter,
    id: String,
) -> Result<u8, JobError> {
    let job = api.get_job(GetJobRequest { id }).await?;
    Ok(reporter.report_status(&job, now_ms()))
}

/// `--list`.
pub(crate) async fn list_jobs(api: &JobClient, reporter: &ResultReporter) -> Result<u8, JobError> {
    let page = api.list_jobs(request_list(LIST_LIMIT)).await?;
    let more = !page.next_page_token.is_empty();
    Ok(reporter.report_list(&page.jobs, more, now_ms()))
}

/// The request for the latest jobs.
pub(crate) fn request_list(limit: u32) -> ListJobsRequest {
    ListJobsRequest {
        limit,
        ..ListJobsRequest::default()
    }
}

/// `--kill`: ends the job and waits until it has ended.
pub(crate) async fn kill_job(
    api: &Arc<JobClient>,
    reporter: &ResultReporter,
    retry_policy: RetryPolicy,
    id: String,
) -> Result<u8, JobError> {
    let before = api.get_job(GetJobRequest { id: id.clone() }).await?;
    if before.state().is_final() {
        return Ok(reporter.report_killed(&before, true));
    }
    let asked = cancel_job(api, &id, "cancelled by submit-job --kill".to_owned()).await?;
    if asked.state().is_final() {
        return Ok(reporter.report_killed(&asked, false));
    }
    let job = wait_for_end(api, reporter, retry_policy, before.job_id).await?;
    Ok(reporter.report_killed(&job, false))
}

async fn wait_for_end(
    api: &Arc<JobClient>,
    reporter: &ResultReporter,
    retry_policy: RetryPolicy,
    id: String,
) -> Result<Job, JobError> {
    let mut events = pin!(watch_events(Arc::clone(api), id, retry_policy));
    while let Some(seen) = events.next().await {
        match seen? {
            WatchEvent::Event(event) => {
                if let Some(Event::Finished(finished)) = event.event {
                    return Ok(finished.job.unwrap_or_default());
                }
            }
            WatchEvent::ConnectionLost(error) => {
                let console = &reporter.console;
                console.print_err(&format!("{}; retrying", error.message));
            }
            WatchEvent::Reconnected => {}
        }
    }
    Err(JobError::new(
        ErrorKind::Internal,
        "the events of the job ended before the job",
    ))
}

/// `--logs`, with `--follow` to the job's end.
pub(crate) async fn print_logs(
    api: &JobClient,
    reporter: &ResultReporter,
    id: String,
    follow: bool,
) -> Result<u8, JobError> {
    let mut lines = api.job_logs(JobLogsRequest { id, follow }).await?;
    let mut collected = Vec::new();
    while let Some(line) = lines.next().await {
        let line = line?;
        if reporter.collects_lines() {
            collected.push(line);
        } else {
            reporter.print_log_line(&line);
        }
    }
    if reporter.collects_lines() {
        return Ok(reporter.print_log_json(&collected));
    }
    Ok(0)
}

/// The current time, since the Unix epoch.
pub(crate) fn now_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_millis()).ok())
        .unwrap_or(0)
}
