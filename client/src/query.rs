//! Commands about existing jobs: `--status`, `--list`, `--logs` and `--kill`.

use std::pin::pin;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use futures::StreamExt;
use sluice_proto::v1::job_event::Event;
use sluice_proto::v1::{ErrorKind, GetJobRequest, Job, JobError, JobLogsRequest, ListJobsRequest};

use crate::api::JobApi;
use crate::events::{Patience, Seen, events};
use crate::follow::cancelling;
use crate::report::Reporter;

/// About one screen; the scheduler's HTTP API lists all jobs.
const LIST_LIMIT: u32 = 50;

/// `--status`.
pub(crate) async fn status(
    api: &dyn JobApi,
    reporter: &Reporter,
    id: String,
) -> Result<u8, JobError> {
    let job = api.get(GetJobRequest { id }).await?;
    Ok(reporter.status(&job, now_ms()))
}

/// `--list`.
pub(crate) async fn list(api: &dyn JobApi, reporter: &Reporter) -> Result<u8, JobError> {
    let request = ListJobsRequest {
        limit: LIST_LIMIT,
        ..ListJobsRequest::default()
    };
    let page = api.list(request).await?;
    let more = !page.next_page_token.is_empty();
    Ok(reporter.list(&page.jobs, more, now_ms()))
}

/// `--kill`: ends the job and waits until it has ended.
pub(crate) async fn kill(
    api: &Arc<dyn JobApi>,
    reporter: &Reporter,
    patience: Patience,
    id: String,
) -> Result<u8, JobError> {
    let before = api.get(GetJobRequest { id: id.clone() }).await?;
    if before.state().is_final() {
        return Ok(reporter.killed(&before, true));
    }
    let asked = cancelling(api, &id, "cancelled by submit-job --kill".to_owned()).await?;
    if asked.state().is_final() {
        return Ok(reporter.killed(&asked, false));
    }
    let job = ended(api, reporter, patience, before.job_id).await?;
    Ok(reporter.killed(&job, false))
}

async fn ended(
    api: &Arc<dyn JobApi>,
    reporter: &Reporter,
    patience: Patience,
    id: String,
) -> Result<Job, JobError> {
    let mut events = pin!(events(Arc::clone(api), id, patience));
    while let Some(seen) = events.next().await {
        match seen? {
            Seen::Event(event) => {
                if let Some(Event::Finished(finished)) = event.event {
                    return Ok(finished.job.unwrap_or_default());
                }
            }
            Seen::Lost(error) => {
                let console = &reporter.console;
                console.err(&format!("{}; retrying", error.message));
            }
            Seen::Back => {}
        }
    }
    Err(JobError::new(
        ErrorKind::Internal,
        "the events of the job ended before the job",
    ))
}

/// `--logs`, with `--follow` to the job's end.
pub(crate) async fn logs(
    api: &dyn JobApi,
    reporter: &Reporter,
    id: String,
    follow: bool,
) -> Result<u8, JobError> {
    let mut lines = api.logs(JobLogsRequest { id, follow }).await?;
    let mut collected = Vec::new();
    while let Some(line) = lines.next().await {
        let line = line?;
        if reporter.collects() {
            collected.push(line);
        } else {
            reporter.log_line(&line);
        }
    }
    if reporter.collects() {
        return Ok(reporter.log(&collected));
    }
    Ok(0)
}

fn now_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_millis()).ok())
        .unwrap_or(0)
}
