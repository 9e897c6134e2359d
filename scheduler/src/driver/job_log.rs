//! The logs of jobs: text files that one thread writes.
//!
//! A line is queued and never waited for, so a slow disk delays no job and no call.
//! A file is open only while lines are written to it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use sluice_proto::v1::LogLine;
use tokio::sync::oneshot;
use tracing::warn;

/// How many lines wait for the disk at most; further ones are dropped.
const MAX_QUEUED_LINES: usize = 65_536;

/// Writes the logs of all jobs: lines of `<time> <level> <target>: <message>`.
/// Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct JobLogs {
    requests: SyncSender<LogRequest>,
    dropped_lines: Arc<AtomicU64>,
}

#[derive(Debug)]
enum LogRequest {
    Line { job_id: Arc<str>, line: LogLine },
    Remove { job_id: String },
    Flush { done: oneshot::Sender<()> },
}

impl JobLogs {
    /// Starts the thread, which writes below `state_dir` and ends when the last
    /// clone is dropped.
    ///
    /// # Errors
    /// When the folder of the logs cannot be created.
    pub(crate) fn start(state_dir: &Path) -> io::Result<Self> {
        let folder = logs_folder(state_dir);
        fs::create_dir_all(&folder)?;
        let (requests, queue) = sync_channel(MAX_QUEUED_LINES);
        let dropped_lines = Arc::new(AtomicU64::new(0));
        let writer = LogThread {
            folder,
            dropped_lines: Arc::clone(&dropped_lines),
        };
        std::thread::Builder::new()
            .name("job-logs".to_owned())
            .spawn(move || writer.write_queued(&queue))?;
        Ok(Self {
            requests,
            dropped_lines,
        })
    }

    /// Queues a line of a job's log.
    pub(super) fn append_line(&self, job_id: &Arc<str>, line: LogLine) {
        let job_id = Arc::clone(job_id);
        let sent = self.requests.try_send(LogRequest::Line { job_id, line });
        if let Err(TrySendError::Full(_)) = sent {
            self.dropped_lines.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Removes the log of an old job. When the queue is full it stays.
    pub(crate) fn remove_log(&self, job_id: &str) {
        let job_id = job_id.to_owned();
        let _ = self.requests.try_send(LogRequest::Remove { job_id });
    }

    /// Waits until the lines that are queued now are written; false when the queue is
    /// full.
    pub(crate) async fn flush(&self) -> bool {
        let (done, flushed) = oneshot::channel();
        let sent = self.requests.try_send(LogRequest::Flush { done });
        sent.is_ok() && flushed.await.is_ok()
    }
}

pub(super) fn logs_folder(state_dir: &Path) -> PathBuf {
    state_dir.join("logs")
}

pub(super) fn log_path(folder: &Path, job_id: &str) -> PathBuf {
    folder.join(format!("{job_id}.log"))
}

struct LogThread {
    folder: PathBuf,
    dropped_lines: Arc<AtomicU64>,
}

impl LogThread {
    fn write_queued(&self, queue: &Receiver<LogRequest>) {
        while let Ok(first) = queue.recv() {
            // The lines that have gathered are written with one open file a job.
            let mut texts: BTreeMap<Arc<str>, String> = BTreeMap::new();
            let requests = std::iter::once(first).chain(queue.try_iter().take(MAX_QUEUED_LINES));
            for request in requests {
                match request {
                    LogRequest::Line { job_id, line } => {
                        append_text(texts.entry(job_id).or_default(), &line);
                    }
                    LogRequest::Remove { job_id } => {
                        texts.remove(job_id.as_str());
                        let _ = fs::remove_file(log_path(&self.folder, &job_id));
                    }
                    LogRequest::Flush { done } => {
                        self.write_texts(std::mem::take(&mut texts));
                        let _ = done.send(());
                    }
                }
            }
            self.write_texts(texts);
            let dropped = self.dropped_lines.swap(0, Ordering::Relaxed);
            if dropped > 0 {
                warn!(
                    lines = dropped,
                    "lines of job logs were dropped: the disk of --state-dir is too slow"
                );
            }
        }
    }

    /// A log that cannot be written must not fail its job.
    fn write_texts(&self, texts: BTreeMap<Arc<str>, String>) {
        for (job_id, text) in texts {
            let path = log_path(&self.folder, &job_id);
            let file = OpenOptions::new().create(true).append(true).open(path);
            if let Err(error) = file.and_then(|mut file| file.write_all(text.as_bytes())) {
                warn!(%job_id, %error, "cannot write the log of a job");
            }
        }
    }
}

fn append_text(text: &mut String, line: &LogLine) {
    let time = chrono::DateTime::from_timestamp_millis(line.at_ms).unwrap_or_default();
    let level = line.level().as_str_name().trim_start_matches("LOG_LEVEL_");
    let message = line.message.replace('\n', "\\n");
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "{} {level} {}: {message}",
        time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
        line.target
    );
}
