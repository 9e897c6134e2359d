//! The files of job records.
//!
//! `jobs/<job id>.pb` is a `sluice.v1.Job` as protobuf, with the fingerprint of its
//! submission as one more field. `jobs/<job id>.intent` is JSON: the commits that
//! the job was about to make. `jobs/<job id>.request` is the submission of a job that
//! has not ended, readable by the owner only. A file is replaced as a whole: temporary file, fsync,
//! rename, fsync of the folder.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use prost::Message;
use sluice_proto::v1::{Job, SubmitJobRequest};

use super::super::fingerprint::Fingerprint;
use crate::driver::CommitIntent;

/// The permissions of the files: job files may name what is not for everybody.
const OWNER_ONLY: u32 = 0o600;

/// A job as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::jobs) struct StoredJob {
    pub(in crate::jobs) job: Job,
    /// Absent in records of older versions.
    pub(in crate::jobs) fingerprint: Option<Fingerprint>,
}

/// What a record has in addition to the fields of a job, under a number that a
/// job's own fields do not reach.
#[derive(Clone, PartialEq, Message)]
struct RecordExtras {
    #[prost(message, optional, tag = "1000")]
    fingerprint: Option<Fingerprint>,
}

impl StoredJob {
    fn encode(&self) -> Vec<u8> {
        // Messages of protobuf are concatenated by their bytes.
        let mut bytes = self.job.encode_to_vec();
        let fingerprint = self.fingerprint.clone();
        bytes.extend(RecordExtras { fingerprint }.encode_to_vec());
        bytes
    }

    fn decode(bytes: &[u8]) -> Result<Self, prost::DecodeError> {
        Ok(Self {
            job: Job::decode(bytes)?,
            fingerprint: RecordExtras::decode(bytes)?.fingerprint,
        })
    }
}

pub(super) fn record_path(folder: &Path, job_id: &str) -> PathBuf {
    folder.join(format!("{job_id}.pb"))
}

pub(super) fn intent_path(folder: &Path, job_id: &str) -> PathBuf {
    folder.join(format!("{job_id}.intent"))
}

pub(super) fn request_path(folder: &Path, job_id: &str) -> PathBuf {
    folder.join(format!("{job_id}.request"))
}

pub(super) fn read_request(folder: &Path, job_id: &str) -> io::Result<SubmitJobRequest> {
    let bytes = fs::read(request_path(folder, job_id))?;
    SubmitJobRequest::decode(bytes.as_slice()).map_err(io::Error::other)
}

/// Writes the submission of a job, before its record. It lasts once the folder is synced.
pub(super) fn write_request(folder: &Path, job_id: &str, request: &[u8]) -> io::Result<()> {
    let path = request_path(folder, job_id);
    let temporary = temporary_path(&path);
    write_synced(&temporary, request)?;
    fs::rename(&temporary, &path)
}

pub(super) fn read_record(path: &Path) -> Result<StoredJob, Box<dyn std::error::Error>> {
    Ok(StoredJob::decode(fs::read(path)?.as_slice())?)
}

/// The intent of a job, `None` when there is none.
pub(super) fn read_intent(folder: &Path, job_id: &str) -> io::Result<Option<CommitIntent>> {
    match fs::read(intent_path(folder, job_id)) {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes the temporary file of a record, and leaves none after an error.
pub(super) fn write_temporary(folder: &Path, stored: &StoredJob) -> io::Result<()> {
    write_synced(
        &temporary_path(&record_path(folder, &stored.job.job_id)),
        &stored.encode(),
    )
}

/// Gives the temporary file of a record its name. It lasts once the folder is
/// synced.
pub(super) fn rename_temporary(folder: &Path, stored: &StoredJob) -> io::Result<()> {
    let path = record_path(folder, &stored.job.job_id);
    fs::rename(temporary_path(&path), path)
}

pub(super) fn write_intent(folder: &Path, job_id: &str, text: &[u8]) -> io::Result<()> {
    let path = intent_path(folder, job_id);
    let temporary = temporary_path(&path);
    write_synced(&temporary, text)?;
    fs::rename(&temporary, &path)?;
    sync_folder(folder)
}

/// Removes the intent and the submission of a job; there need not be any.
pub(super) fn remove_unfinished(folder: &Path, job_id: &str) -> io::Result<()> {
    remove_if_there(&intent_path(folder, job_id))?;
    remove_if_there(&request_path(folder, job_id))
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn temporary_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".tmp");
    PathBuf::from(name)
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let write = || {
        let mut options = File::options();
        options
            .write(true)
            .create(true)
            .truncate(true)
            .mode(OWNER_ONLY);
        let mut file = options.open(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().inspect_err(|_| {
        // On a full disk it would take the space that others need.
        let _ = fs::remove_file(path);
    })
}
