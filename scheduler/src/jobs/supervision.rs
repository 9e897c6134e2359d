//! Runs accepted jobs to their recorded end.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sluice_proto::v1::{ErrorKind, Job, JobError, JobState, LogLevel};
use tracing::info;

use super::job_queue::QueuePlace;
use super::records::JobRecords;
use super::registry::{JobRegistry, interruption};
use super::submission::timeout_error;
use crate::driver::{CheckedSubmission, JobEnd, JobRecorder, LiveJob, NoRecorder, stop_error};

impl JobRegistry {
    /// Runs a job within its time limit, and ends it.
    pub(super) async fn supervise_job(
        &self,
        live: Arc<LiveJob>,
        submission: Arc<CheckedSubmission>,
        place: QueuePlace,
        records: Option<JobRecords>,
    ) {
        let record = live.record();
        let timer = {
            let live = Arc::clone(&live);
            tokio::spawn(async move {
                if let Some(left) = time_left(&record, Utc::now()) {
                    tokio::time::sleep(left).await;
                    live.request_stop(timeout_error(&live.record(), Utc::now()));
                }
            })
        };
        let end = self
            .run_with_permit(&live, &submission, place, records.as_ref())
            .await;
        timer.abort();
        self.end_job(&live, end, records).await;
    }

    async fn run_with_permit(
        &self,
        live: &Arc<LiveJob>,
        submission: &Arc<CheckedSubmission>,
        place: QueuePlace,
        records: Option<&JobRecords>,
    ) -> JobEnd {
        let permit = tokio::select! {
            permit = self.shared.run_permits.acquire() => permit,
            () = live.cancel_token().cancelled() => {
                return JobEnd::before_commits(stop_error(live));
            }
        };
        // The permits are closed when the scheduler stops.
        let Ok(_permit) = permit else {
            return JobEnd::before_commits(interruption());
        };
        drop(place);
        // Each state is recorded when it is entered: after a crash the record shows
        // how far the job had come.
        let recorder: &dyn JobRecorder = match records {
            Some(records) => records,
            None => &NoRecorder,
        };
        self.shared.driver.run_job(live, submission, recorder).await
    }

    /// Records the end of a job, then removes what it leaves, then notifies its
    /// watchers.
    pub(super) async fn end_job(
        &self,
        live: &Arc<LiveJob>,
        end: JobEnd,
        records: Option<JobRecords>,
    ) {
        let (state, reason) = end_state(end.result);
        if let Some(reason) = &reason {
            live.write_log(LogLevel::Error, "driver", reason.message.clone());
        }
        let record = live.record_in_state(state, reason);
        if let Some(records) = records {
            records.save_end(live, record.clone()).await;
        }
        // From here on a restart makes no commit of this job.
        drop(end.locks);
        if let Some(files) = end.leftovers {
            files.remove_for(live, &self.shared.driver).await;
        }
        info!(
            job_id = record.job_id,
            name = record.name,
            state = state.name(),
            "job ended"
        );
        if let Some(metrics) = &self.shared.options.metrics {
            let took = Duration::from_millis(record.duration_ms(record.ended_ms));
            metrics.count_job_ended(state, took);
        }
        live.trace().end(&record);
        live.publish_end(record);
        self.remove_oldest();
    }
}

/// The rest of the job's time limit, which counts from its submission; `None` without one.
fn time_left(job: &Job, now: DateTime<Utc>) -> Option<Duration> {
    let waited = u64::try_from(now.timestamp_millis() - job.submitted_ms).unwrap_or_default();
    let left = job.timeout_ms.saturating_sub(waited);
    (job.timeout_ms > 0).then(|| Duration::from_millis(left))
}

fn end_state(result: Result<(), JobError>) -> (JobState, Option<JobError>) {
    match result {
        Ok(()) => (JobState::Succeeded, None),
        Err(reason) => {
            let state = match reason.kind() {
                ErrorKind::Killed => JobState::Killed,
                ErrorKind::TimedOut => JobState::TimedOut,
                ErrorKind::Interrupted => JobState::Interrupted,
                _ => JobState::Failed,
            };
            (state, Some(reason))
        }
    }
}
