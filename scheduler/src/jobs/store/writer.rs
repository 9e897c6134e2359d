//! The thread that writes job records.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use sluice_service::crash;
use tokio::sync::oneshot;
use tracing::{error, warn};

use super::JobStoreError;
use super::details;
use super::files::{self, StoredJob};
use crate::driver::JobDetails;

/// How many records are synced at the same time: a disk takes many syncs together
/// in little more time than one.
const PARALLEL_SYNCS: usize = 16;
/// How many records are written together at most.
const MAX_BATCH: usize = 1_024;

/// After how many files of details their size in all is checked.
const CHECK_DETAILS_EACH: u64 = 64;

pub(super) type SaveReply = oneshot::Sender<Result<(), JobStoreError>>;

pub(super) enum WriteRequest {
    /// A later record of the same job may replace it unwritten.
    Record {
        stored: StoredJob,
        /// The submission, which is written before the record.
        request: Option<Vec<u8>>,
        reply: Option<SaveReply>,
    },
    /// The record first, then the intent: an intent is never older than its record.
    Intent {
        stored: StoredJob,
        text: Vec<u8>,
        reply: SaveReply,
    },
    /// The intent and the submission of a job that has ended.
    RemoveUnfinished {
        job_id: String,
    },
    RemoveJob {
        job_id: String,
    },
    Details {
        job_id: String,
        details: Arc<JobDetails>,
    },
}

struct RecordWrite {
    stored: StoredJob,
    request: Option<Vec<u8>>,
    replies: Vec<SaveReply>,
}

/// Where the writer writes.
pub(super) struct Folders {
    pub(super) jobs: PathBuf,
    pub(super) details: PathBuf,
}

pub(super) fn write_queued(folders: &Folders, queue: &Receiver<WriteRequest>) {
    let folder = folders.jobs.as_path();
    let mut details_written: u64 = 0;
    while let Ok(first) = queue.recv() {
        let mut records: Vec<RecordWrite> = Vec::new();
        for request in std::iter::once(first).chain(queue.try_iter().take(MAX_BATCH)) {
            if let WriteRequest::Record {
                stored,
                request,
                reply,
            } = request
            {
                records.push(RecordWrite {
                    stored,
                    request,
                    replies: reply.into_iter().collect(),
                });
                continue;
            }
            write_records(folder, std::mem::take(&mut records));
            match request {
                WriteRequest::Record { .. } => {}
                WriteRequest::Intent {
                    stored,
                    text,
                    reply,
                } => {
                    let job_id = stored.job.job_id.clone();
                    let (done, recorded) = oneshot::channel();
                    let record = RecordWrite {
                        stored,
                        request: None,
                        replies: vec![done],
                    };
                    write_records(folder, vec![record]);
                    let recorded = recorded.blocking_recv();
                    let written = recorded.unwrap_or(Err(JobStoreError::Closed));
                    let written = written.and_then(|()| {
                        files::write_intent(folder, &job_id, &text)
                            .map_err(|source| io_error(files::intent_path(folder, &job_id), source))
                    });
                    let _ = reply.send(written);
                }
                WriteRequest::RemoveUnfinished { job_id } => {
                    // They count no more: the job has a record of its end.
                    if let Err(error) = files::remove_unfinished(folder, &job_id) {
                        warn!(job_id, %error, "cannot remove the intent of an ended job");
                    }
                }
                WriteRequest::RemoveJob { job_id } => {
                    let removed = std::fs::remove_file(files::record_path(folder, &job_id));
                    let removed =
                        removed.and_then(|()| details::remove_details(&folders.details, &job_id));
                    if let Err(error) = removed {
                        warn!(job_id, %error, "cannot remove an old job record");
                    }
                }
                WriteRequest::Details { job_id, details } => {
                    let written = details::write_details(&folders.details, &job_id, &details);
                    let written = match details_written % CHECK_DETAILS_EACH {
                        0 => written.and_then(|()| details::remove_oldest(&folders.details)),
                        _ => written,
                    };
                    details_written += 1;
                    if let Err(error) = written {
                        warn!(job_id, %error, "cannot keep what the stages of a job did");
                    }
                }
            }
        }
        write_records(folder, records);
    }
}

/// Writes records and answers for each.
fn write_records(folder: &Path, records: Vec<RecordWrite>) {
    let records = merge_by_job(records);
    if !records.is_empty() {
        crash::reach_point("record.write");
    }
    let written = match records.as_slice() {
        [] => return,
        [record] => vec![write_one(folder, record)],
        many => write_in_parallel(folder, many),
    };
    let renamed: Vec<io::Result<()>> = records
        .iter()
        .zip(written)
        .map(|(record, written)| {
            written.and_then(|()| files::rename_temporary(folder, &record.stored))
        })
        .collect();
    let synced = files::sync_folder(folder);
    for (record, renamed) in records.into_iter().zip(renamed) {
        let job_id = &record.stored.job.job_id;
        let failed = renamed.as_ref().err().or(synced.as_ref().err());
        if let Some(error) = failed {
            error!(job_id, %error, "cannot keep a job record");
        }
        for reply in record.replies {
            let result = failed.map(|error| {
                let source = io::Error::new(error.kind(), error.to_string());
                io_error(files::record_path(folder, job_id), source)
            });
            let _ = reply.send(result.map_or(Ok(()), Err));
        }
    }
}

fn write_one(folder: &Path, record: &RecordWrite) -> io::Result<()> {
    if let Some(request) = &record.request {
        files::write_request(folder, &record.stored.job.job_id, request)?;
    }
    files::write_temporary(folder, &record.stored)
}

/// Records that wait together come from many jobs at once, as at a shutdown.
fn write_in_parallel(folder: &Path, records: &[RecordWrite]) -> Vec<io::Result<()>> {
    let write_part = |part: &[RecordWrite]| -> Vec<io::Result<()>> {
        part.iter()
            .map(|record| write_one(folder, record))
            .collect()
    };
    std::thread::scope(|scope| {
        let parts = records.chunks(records.len().div_ceil(PARALLEL_SYNCS));
        let threads: Vec<_> = parts
            .map(|part| (part.len(), scope.spawn(move || write_part(part))))
            .collect();
        threads
            .into_iter()
            .flat_map(|(len, thread)| {
                thread.join().unwrap_or_else(|_| {
                    let panicked = || Err(io::Error::other("the writing thread panicked"));
                    std::iter::repeat_with(panicked).take(len).collect()
                })
            })
            .collect()
    })
}

/// Of several records of a job, only the last is written, and answered to all.
fn merge_by_job(records: Vec<RecordWrite>) -> Vec<RecordWrite> {
    let mut merged: Vec<RecordWrite> = Vec::with_capacity(records.len());
    let mut positions: HashMap<String, usize> = HashMap::new();
    for record in records {
        let position = *positions
            .entry(record.stored.job.job_id.clone())
            .or_insert(merged.len());
        match merged.get_mut(position) {
            Some(earlier) => {
                earlier.stored = record.stored;
                earlier.request = record.request.or(earlier.request.take());
                earlier.replies.extend(record.replies);
            }
            None => merged.push(record),
        }
    }
    merged
}

fn io_error(path: PathBuf, source: io::Error) -> JobStoreError {
    JobStoreError::Io { path, source }
}
