//! The records of one job, written while it runs and when it ends.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sluice_proto::v1::{Job, LogLevel};

use super::fingerprint::Fingerprint;
use super::store::{JobStore, JobStoreError, StoredJob};
use crate::driver::{CommitIntent, JobDetails, JobRecorder, LiveJob, RecordError};

/// The pauses between attempts to record the end of a job: the first, doubled up
/// to the last.
const SAVE_PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// Writes the records of one job.
#[derive(Debug, Clone)]
pub(super) struct JobRecords {
    store: JobStore,
    fingerprint: Option<Fingerprint>,
}

impl JobRecords {
    pub(super) fn new(store: JobStore, fingerprint: Option<Fingerprint>) -> Self {
        Self { store, fingerprint }
    }

    fn stored(&self, job: Job) -> StoredJob {
        StoredJob {
            job,
            fingerprint: self.fingerprint.clone(),
        }
    }

    /// Saves a record, and waits until it is on disk.
    pub(super) async fn save(&self, job: Job) -> Result<(), JobStoreError> {
        self.store.save_record(self.stored(job)).await
    }

    /// Saves the first record, and before it the submission.
    pub(super) async fn save_accepted(
        &self,
        job: Job,
        request: Option<Vec<u8>>,
    ) -> Result<(), JobStoreError> {
        self.store.save_accepted(self.stored(job), request).await
    }

    /// Saves the record of the job's end. No one learns of the end before, so this
    /// does not give up: while the disk is full, the job has not ended.
    pub(super) async fn save_end(&self, live: &Arc<LiveJob>, job: Job) {
        let mut pause = SAVE_PAUSES.0;
        let mut has_failed = false;
        while let Err(error) = self.save(job.clone()).await {
            if !has_failed {
                has_failed = true;
                live.write_log(
                    LogLevel::Warn,
                    "driver",
                    format!("the end of the job waits until it is recorded: {error}"),
                );
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(SAVE_PAUSES.1);
        }
        self.store.remove_unfinished(&job.job_id);
        let details = JobDetails {
            steps: live.details().steps.clone(),
            text: live.text().map(|text| text.to_string()),
        };
        if !details.steps.is_empty() || details.text.is_some() {
            self.store.queue_details(&job.job_id, Arc::new(details));
        }
    }
}

#[async_trait]
impl JobRecorder for JobRecords {
    fn record_state(&self, job: Job) {
        self.store.queue_record(self.stored(job));
    }

    async fn record_intent(&self, job: Job, intent: &CommitIntent) -> Result<(), RecordError> {
        let text = serde_json::to_vec(intent).map_err(|error| RecordError {
            message: format!("the commits cannot be encoded: {error}"),
        })?;
        let saved = self.store.save_intent(self.stored(job), text).await;
        saved.map_err(|error| RecordError {
            message: error.to_string(),
        })
    }

    fn application(&self) -> Option<String> {
        Some(format!("sluice:{}", self.store.scheduler_id()))
    }
}
