//! What the driver has recorded of a job, so that a later process knows how far the
//! job came.

use async_trait::async_trait;
use sluice_proto::v1::Job;

use super::commit::CommitIntent;

/// Why an intent is not recorded.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct RecordError {
    pub(crate) message: String,
}

/// Records the states of one job.
#[async_trait]
pub(crate) trait JobRecorder: Send + Sync {
    /// Records a state that the job has entered. Does not wait for the disk;
    /// records of one job are written in the order of the calls.
    fn record_state(&self, job: Job);

    /// Records durably which commits the job is about to make. From then on a
    /// restart finishes them, until the end of the job is recorded.
    ///
    /// # Errors
    /// When it is not recorded, or not known to be; then no commit may be made.
    async fn record_intent(&self, job: Job, intent: &CommitIntent) -> Result<(), RecordError>;

    /// The name under which commits count their transactions: the same in every
    /// process that reads the records.
    fn application(&self) -> Option<String>;
}

/// Records nothing: a job that runs in this process only ends with it.
pub(crate) struct NoRecorder;

#[async_trait]
impl JobRecorder for NoRecorder {
    fn record_state(&self, _: Job) {}

    async fn record_intent(&self, _: Job, _: &CommitIntent) -> Result<(), RecordError> {
        Ok(())
    }

    fn application(&self) -> Option<String> {
        None
    }
}
