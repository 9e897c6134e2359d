//! Job records on disk, so that history survives a restart.
//!
//! There is one file per job, `jobs/<job id>.pb`: a `sluice.v1.Job` as protobuf,
//! replaced as a whole (temporary file, fsync, rename, fsync of the folder). All
//! writes go through one thread, so that a job's states reach the disk in order
//! and a slow disk does not block the scheduler.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc;

use prost::Message;
use sluice_proto::v1::Job;
use tokio::sync::oneshot;
use tracing::{error, warn};

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

/// Writes job records and reads them back.
#[derive(Debug, Clone)]
pub(super) struct JobStore {
    folder: PathBuf,
    writer: mpsc::Sender<SaveRequest>,
}

struct SaveRequest {
    job: Job,
    reply: oneshot::Sender<Result<(), JobStoreError>>,
}

impl JobStore {
    /// Opens the store below `state_dir` and gives the existing records.
    ///
    /// # Errors
    /// When the folder cannot be created or read.
    pub(super) fn open(state_dir: &Path) -> Result<(Self, Vec<Job>), JobStoreError> {
        let folder = state_dir.join("jobs");
        let failed = |source| JobStoreError::Io {
            path: folder.clone(),
            source,
        };
        fs::create_dir_all(&folder).map_err(failed)?;
        let mut jobs = Vec::new();
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            match path.extension().and_then(|extension| extension.to_str()) {
                Some("pb") => match read_record(&path) {
                    Ok(job) => jobs.push(job),
                    // One bad record must not keep the scheduler from starting.
                    Err(error) => {
                        error!(path = %path.display(), %error, "a job record cannot be read and is skipped")
                    }
                },
                // A crash interrupted this write; the record itself is complete.
                Some("tmp") => {
                    let _ = fs::remove_file(&path);
                }
                _ => {}
            }
        }
        let (writer, queue) = mpsc::channel::<SaveRequest>();
        let target = folder.clone();
        std::thread::Builder::new()
            .name("job-records".to_owned())
            .spawn(move || write_queued(&target, &queue))
            .map_err(failed)?;
        Ok((Self { folder, writer }, jobs))
    }

    /// Saves the record, replacing an earlier one of the same job. The receiver
    /// gets a result when the record is on disk; waiting for it is optional.
    pub(super) fn save_record(&self, job: Job) -> oneshot::Receiver<Result<(), JobStoreError>> {
        let (done, answer) = oneshot::channel();
        if let Err(mpsc::SendError(unsent)) = self.writer.send(SaveRequest { job, reply: done }) {
            let _ = unsent.reply.send(Err(JobStoreError::Closed));
        }
        answer
    }

    /// Removes the record of an old job.
    pub(super) fn remove_record(&self, job_id: &str) {
        if let Err(error) = fs::remove_file(record_path(&self.folder, job_id)) {
            warn!(job_id, %error, "cannot remove an old job record");
        }
    }
}

fn record_path(folder: &Path, job_id: &str) -> PathBuf {
    folder.join(format!("{job_id}.pb"))
}

fn read_record(path: &Path) -> Result<Job, Box<dyn std::error::Error>> {
    Ok(Job::decode(fs::read(path)?.as_slice())?)
}

fn write_queued(folder: &Path, queue: &mpsc::Receiver<SaveRequest>) {
    while let Ok(first) = queue.recv() {
        // Of several queued states of a job, only the last is written.
        let mut waiting: Vec<SaveRequest> = vec![first];
        waiting.extend(queue.try_iter());
        let mut last: HashMap<String, usize> = HashMap::new();
        for (index, write) in waiting.iter().enumerate() {
            last.insert(write.job.job_id.clone(), index);
        }
        for (index, write) in waiting.into_iter().enumerate() {
            let result = if last.get(&write.job.job_id) == Some(&index) {
                write_record(folder, &write.job)
            } else {
                Ok(())
            };
            if let Err(error) = &result {
                error!(job_id = write.job.job_id, %error, "cannot keep a job record");
            }
            let _ = write.reply.send(result);
        }
    }
}

fn write_record(folder: &Path, job: &Job) -> Result<(), JobStoreError> {
    let path = record_path(folder, &job.job_id);
    let replace = || -> io::Result<()> {
        let temporary = path.with_extension("tmp");
        let mut file = File::create(&temporary)?;
        file.write_all(&job.encode_to_vec())?;
        file.sync_all()?;
        fs::rename(&temporary, &path)?;
        File::open(folder)?.sync_all()
    };
    replace().map_err(|source| JobStoreError::Io {
        path: path.clone(),
        source,
    })
}
