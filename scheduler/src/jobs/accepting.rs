//! Accepts jobs: each submission id is one job, and a job runs only when its first
//! record is on disk.

use std::sync::Arc;

use bytesize::ByteSize;
use chrono::{DateTime, SecondsFormat};
use prost::Message as _;
use sluice_proto::v1::{ErrorKind, Job, JobError, LogLevel, SubmitJobRequest};
use sluice_service::memory;
use sluice_service::secrets::redact_values;
use sluice_traces::TraceContext;
use tokio::sync::watch;

use super::fingerprint::Fingerprint;
use super::index::IndexEntry;
use super::job_queue::QueuePlace;
use super::records::JobRecords;
use super::registry::JobRegistry;
use super::submission::{check_apart, new_record};
use crate::driver::{CheckedSubmission, JobTrace, LiveJob};

/// Whose job a submission is.
enum Claim {
    /// A new job, and its place among those that wait. Dropping the sender says that
    /// its first record is decided.
    New(Arc<LiveJob>, QueuePlace, watch::Sender<()>),
    /// The job that has the submission id.
    Known(Box<Job>),
    /// The job that has the id is being recorded; it may yet be dropped.
    BeingRecorded(watch::Receiver<()>),
}

/// Refuses a job when the process holds more than it may.
fn require_memory(held: u64, max: u64) -> Result<(), JobError> {
    if held <= max {
        return Ok(());
    }
    let message = format!(
        "the scheduler accepts no more jobs now: it holds {} of memory, and may hold {}",
        ByteSize::b(held),
        ByteSize::b(max)
    );
    Err(
        JobError::new(ErrorKind::Unavailable, message).with_next_step(
            "submit again when jobs have ended; --memory of the scheduler sets the limit",
        ),
    )
}

impl JobRegistry {
    /// Checks a job and starts it. Gives the record, and whether the job was
    /// already known by its submission id. `client` is the span of the client.
    ///
    /// # Errors
    /// When the job is not valid, or another job has its submission id; then
    /// nothing is recorded.
    pub async fn submit_job(
        &self,
        request: SubmitJobRequest,
        client: Option<TraceContext>,
    ) -> Result<(Job, bool), JobError> {
        let (request, submission) = check_apart(request).await?;
        let job = new_record(&request, self.shared.options.default_timeout)?;
        let fingerprint = Fingerprint::new(&request, &submission.gold);
        let (live, place, recorded) = loop {
            let parent = client.as_ref();
            match self.claim_submission(&request, &submission.gold, &job, &fingerprint, parent)? {
                Claim::New(live, place, recorded) => break (live, place, recorded),
                Claim::Known(job) => return Ok((*job, true)),
                Claim::BeingRecorded(mut recorded) => while recorded.changed().await.is_ok() {},
            }
        };
        // In a task of its own: when the client hangs up meanwhile, the job is
        // accepted or dropped all the same.
        let jobs = self.clone();
        let kept = kept_request(&request);
        let started = self.shared.tasks.spawn(async move {
            let identity = (fingerprint, kept);
            let started = jobs.start_job(live, submission, place, identity).await;
            drop(recorded);
            started
        });
        let accepted = started.await.map_err(|panic| {
            JobError::new(
                ErrorKind::Internal,
                format!("the job was not started: {panic}"),
            )
            .with_next_step("this is a fault in sluice; report it with the scheduler's log")
        })??;
        Ok((accepted, false))
    }

    /// From the return on, the submission id belongs to one job: that of the first
    /// request that gets the lock.
    fn claim_submission(
        &self,
        request: &SubmitJobRequest,
        gold: &str,
        job: &Job,
        fingerprint: &Fingerprint,
        client: Option<&TraceContext>,
    ) -> Result<Claim, JobError> {
        let mut index = self.shared.index.lock();
        if index.closed {
            return Err(JobError::new(
                ErrorKind::Unavailable,
                "this scheduler is stopping and accepts no more jobs",
            )
            .with_next_step("submit to another scheduler, or wait until this one has restarted"));
        }
        if let Some(entry) = index.find_entry(&request.submission_id) {
            let known = entry.record();
            let differences = index
                .fingerprint(&known.job_id)
                .map(|fingerprint| fingerprint.find_differences(request, gold))
                .unwrap_or_default();
            if !differences.is_empty() {
                return Err(other_job_error(&known, job.submitted_ms, &differences));
            }
            return Ok(match index.being_recorded.get(&known.job_id) {
                Some(recorded) => Claim::BeingRecorded(recorded.clone()),
                None => Claim::Known(Box::new(known)),
            });
        }
        if let Some(max) = self.shared.options.max_memory {
            require_memory(memory::resident_bytes().unwrap_or_default(), max)?;
        }
        let place = self.shared.queue.enter(request.text.len())?;
        let trace = JobTrace::begin(client, job, request);
        let live = LiveJob::new(job.clone(), self.shared.logs.clone(), trace);
        live.set_text(&request.text);
        let (sender, receiver) = watch::channel(());
        index.being_recorded.insert(job.job_id.clone(), receiver);
        index.insert(
            IndexEntry::Live(Arc::clone(&live)),
            Some(fingerprint.clone()),
        );
        Ok(Claim::New(live, place, sender))
    }

    /// Records a job and runs it.
    async fn start_job(
        &self,
        live: Arc<LiveJob>,
        submission: Arc<CheckedSubmission>,
        place: QueuePlace,
        (fingerprint, request): (Fingerprint, Option<Vec<u8>>),
    ) -> Result<Job, JobError> {
        let accepted = live.record();
        let store = self.shared.store.clone();
        let records = store.map(|store| JobRecords::new(store, Some(fingerprint)));
        let saved = match &records {
            Some(records) => records.save_accepted(accepted.clone(), request).await,
            None => Ok(()),
        };
        {
            let mut index = self.shared.index.lock();
            index.being_recorded.remove(&accepted.job_id);
            if saved.is_err() {
                // A job without a record must not run: after a restart nothing
                // would be known of it.
                index.remove(&accepted);
            }
        }
        saved.map_err(|error| {
            JobError::new(ErrorKind::Storage, error.to_string())
                .with_next_step("free space on the scheduler, then submit again")
        })?;
        live.write_log(LogLevel::Info, "driver", accepted_line(&accepted));
        if let Some(metrics) = &self.shared.options.metrics {
            metrics.count_job_submitted();
        }
        let jobs = self.clone();
        self.shared
            .tasks
            .spawn(async move { jobs.supervise_job(live, submission, place, records).await });
        Ok(accepted)
    }
}

/// A submission as it is kept while its job has not ended, so that another process can run
/// the job again; `None` when it has secrets, which are not written to disk.
fn kept_request(request: &SubmitJobRequest) -> Option<Vec<u8>> {
    let has_secrets = redact_values(&request.params) != request.params
        || redact_values(&request.conf) != request.conf;
    (!has_secrets).then(|| request.encode_to_vec())
}

/// The first line of a job's log.
fn accepted_line(job: &Job) -> String {
    let accepted = format!("accepted as {} ({})", job.job_id, job.name);
    if job.trace_id.is_empty() {
        accepted
    } else {
        format!("{accepted}, trace {}", job.trace_id)
    }
}

/// The error of a submission whose id is that of another job.
fn other_job_error(known: &Job, submitted_ms: i64, differences: &[String]) -> JobError {
    let time = |ms| {
        let time = DateTime::from_timestamp_millis(ms).unwrap_or_default();
        time.to_rfc3339_opts(SecondsFormat::Millis, true)
    };
    JobError::new(
        ErrorKind::Invalid,
        format!(
            "the submission id '{}' is that of another job: {}, submitted at {}; this submission, \
             at {}, differs in {}",
            known.submission_id,
            known.job_id,
            time(known.submitted_ms),
            time(submitted_ms),
            differences.join(", ")
        ),
    )
    .with_next_step("nothing was started; give another --submission-id, or submit the same job")
}
