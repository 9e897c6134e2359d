//! Job records on disk, so that history survives a restart.
//!
//! All writes go through one thread, so that a job's states reach the disk in order
//! and a slow disk does not block the scheduler.

mod details;
mod files;
mod writer;

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};

use sluice_proto::v1::SubmitJobRequest;
use tokio::sync::oneshot;
use tracing::{error, warn};

use crate::driver::{CommitIntent, JobDetails};
use writer::{Folders, WriteRequest};

pub(super) use details::read_details;
pub(super) use files::StoredJob;

/// The file with the id of a state folder.
const ID_FILE: &str = "scheduler-id";

/// Why a record was not saved.
#[derive(Debug, thiserror::Error)]
pub enum JobStoreError {
    /// The file system reported an error.
    #[error(
        "cannot keep job records in {path}: {source}; check space and permissions of --state-dir"
    )]
    Io {
        /// The file or folder.
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// The writer ended earlier and logged its own error.
    #[error("the writer of job records has ended")]
    Closed,
}

/// Writes job records and reads them back. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct JobStore {
    scheduler_id: String,
    writer: mpsc::Sender<WriteRequest>,
}

/// What an earlier process has left.
#[derive(Debug, Default)]
pub(super) struct StoredHistory {
    pub(super) jobs: Vec<StoredJob>,
    /// The commits that jobs were about to make, whose end is not recorded.
    pub(super) intents: Vec<(String, io::Result<CommitIntent>)>,
    /// The submissions of jobs whose end is not recorded, by job.
    pub(super) requests: HashMap<String, SubmitJobRequest>,
}

impl StoredHistory {
    /// The intent of a job, taken out.
    pub(super) fn take_intent(&mut self, job_id: &str) -> Option<io::Result<CommitIntent>> {
        let position = self.intents.iter().position(|(id, _)| id == job_id)?;
        Some(self.intents.swap_remove(position).1)
    }
}

impl JobStore {
    /// Opens the store below `state_dir` and gives the existing records.
    ///
    /// # Errors
    /// When the folder cannot be created or read.
    pub(super) fn open(state_dir: &Path) -> Result<(Self, StoredHistory), JobStoreError> {
        let folder = state_dir.join("jobs");
        let failed = |source| JobStoreError::Io {
            path: folder.clone(),
            source,
        };
        fs::create_dir_all(&folder).map_err(failed)?;
        files::sync_folder(state_dir).map_err(failed)?;
        let scheduler_id = read_or_create_id(state_dir).map_err(failed)?;
        let history = read_history(&folder).map_err(failed)?;
        let (writer, queue) = mpsc::channel::<WriteRequest>();
        let target = Folders {
            jobs: folder.clone(),
            details: details_folder(state_dir),
        };
        fs::create_dir_all(&target.details).map_err(failed)?;
        std::thread::Builder::new()
            .name("job-records".to_owned())
            .spawn(move || writer::write_queued(&target, &queue))
            .map_err(failed)?;
        Ok((
            Self {
                scheduler_id,
                writer,
            },
            history,
        ))
    }

    /// The id of the state folder, the same in every process that owned it.
    pub(super) fn scheduler_id(&self) -> &str {
        &self.scheduler_id
    }

    /// Has a record written without waiting for it.
    pub(super) fn queue_record(&self, stored: StoredJob) {
        let _ = self.writer.send(WriteRequest::Record {
            stored,
            request: None,
            reply: None,
        });
    }

    /// Saves the record, replacing an earlier one of the same job. The record is
    /// queued by the call; the future waits until it is on disk.
    pub(super) fn save_record(
        &self,
        stored: StoredJob,
    ) -> impl Future<Output = Result<(), JobStoreError>> + use<> {
        self.save_accepted(stored, None)
    }

    /// Saves the first record of a job, and before it the submission, from which the job
    /// can be run again.
    pub(super) fn save_accepted(
        &self,
        stored: StoredJob,
        request: Option<Vec<u8>>,
    ) -> impl Future<Output = Result<(), JobStoreError>> + use<> {
        let (done, answer) = oneshot::channel();
        self.send_and_wait(
            WriteRequest::Record {
                stored,
                request,
                reply: Some(done),
            },
            answer,
        )
    }

    /// Saves the record, then the commits that the job is about to make. When this
    /// fails, the intent may exist nevertheless; it counts until the record of the
    /// job's end is saved.
    pub(super) fn save_intent(
        &self,
        stored: StoredJob,
        intent_text: Vec<u8>,
    ) -> impl Future<Output = Result<(), JobStoreError>> + use<> {
        let (done, answer) = oneshot::channel();
        let request = WriteRequest::Intent {
            stored,
            text: intent_text,
            reply: done,
        };
        self.send_and_wait(request, answer)
    }

    fn send_and_wait(
        &self,
        request: WriteRequest,
        answer: oneshot::Receiver<Result<(), JobStoreError>>,
    ) -> impl Future<Output = Result<(), JobStoreError>> + use<> {
        let sent = self.writer.send(request);
        async move {
            sent.map_err(|_| JobStoreError::Closed)?;
            answer.await.unwrap_or(Err(JobStoreError::Closed))
        }
    }

    /// Removes the intent and the submission of a job whose end is recorded.
    pub(super) fn remove_unfinished(&self, job_id: &str) {
        let job_id = job_id.to_owned();
        let _ = self.writer.send(WriteRequest::RemoveUnfinished { job_id });
    }

    /// Has written what the steps of an ended job did, without waiting for it.
    pub(super) fn queue_details(&self, job_id: &str, details: Arc<JobDetails>) {
        let job_id = job_id.to_owned();
        let _ = self.writer.send(WriteRequest::Details { job_id, details });
    }

    /// Removes the record of an old job.
    pub(super) fn remove_record(&self, job_id: &str) {
        let job_id = job_id.to_owned();
        let _ = self.writer.send(WriteRequest::RemoveJob { job_id });
    }
}

/// The folder below `state_dir` for what jobs did in detail.
pub(super) fn details_folder(state_dir: &Path) -> PathBuf {
    state_dir.join("details")
}

fn read_or_create_id(state_dir: &Path) -> io::Result<String> {
    let path = state_dir.join(ID_FILE);
    match fs::read_to_string(&path) {
        Ok(id) if !id.trim().is_empty() => return Ok(id.trim().to_owned()),
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let id = uuid::Uuid::new_v4().to_string();
    fs::write(&path, &id)?;
    fs::File::open(&path)?.sync_all()?;
    files::sync_folder(state_dir)?;
    Ok(id)
}

fn read_history(folder: &Path) -> io::Result<StoredHistory> {
    let mut history = StoredHistory::default();
    let mut with_intent = Vec::new();
    let mut with_request = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("pb") => match files::read_record(&path) {
                Ok(stored) => history.jobs.push(stored),
                // One bad record must not keep the scheduler from starting.
                Err(error) => {
                    error!(path = %path.display(), %error, "a job record cannot be read and is skipped");
                }
            },
            Some("intent") => {
                let job_id = path.file_stem().unwrap_or_default();
                with_intent.push(job_id.to_string_lossy().into_owned());
            }
            Some("request") => {
                let job_id = path.file_stem().unwrap_or_default();
                with_request.push(job_id.to_string_lossy().into_owned());
            }
            // A crash interrupted this write; the record itself is complete.
            Some("tmp") => {
                let _ = fs::remove_file(&path);
            }
            _ => {}
        }
    }
    for job_id in with_intent {
        let record = history
            .jobs
            .iter()
            .find(|stored| stored.job.job_id == job_id);
        match record {
            Some(stored) if stored.job.state().is_final() => {
                if let Err(error) = files::remove_unfinished(folder, &job_id) {
                    warn!(job_id, %error, "cannot remove the intent of an ended job");
                }
            }
            Some(_) => {
                if let Some(intent) = files::read_intent(folder, &job_id).transpose() {
                    history.intents.push((job_id, intent));
                }
            }
            None => error!(
                job_id,
                "there is an intent without a job record; it is left alone"
            ),
        }
    }
    for job_id in with_request {
        let mut jobs = history.jobs.iter();
        let is_unfinished =
            jobs.any(|stored| stored.job.job_id == job_id && !stored.job.state().is_final());
        // Without a record, the job was not accepted.
        let request = match is_unfinished {
            true => files::read_request(folder, &job_id).map(Some),
            false => fs::remove_file(files::request_path(folder, &job_id)).map(|()| None),
        };
        match request {
            Ok(Some(request)) => {
                history.requests.insert(job_id, request);
            }
            Ok(None) => {}
            Err(error) => warn!(job_id, %error, "cannot use the submission of a job"),
        }
    }
    Ok(history)
}
