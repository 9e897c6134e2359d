//! Whether this executor can write to its own disk.
//!
//! A full or read-only disk fails every task that shuffles, stages or spills, and
//! an executor whose tasks fail at once is the first to be free for the next ones.
//! So such a failure is distinguished from one of landing or gold, its task is
//! repeated on another executor, and this executor gets no tasks until its disk is
//! good again.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use sluice_engine::sink::SinkError;
use sluice_engine::task_failure::{FailureKind, TaskFailure};

/// How often an executor that cannot write tries to.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);
/// How long an executor is left out at least: a failed task frees the space that
/// the next one would fill again.
const MIN_OUTAGE: Duration = Duration::from_secs(5);
/// What a check writes; the last kilobytes of a disk are no use to a task.
const CHECK_BYTES: usize = 1024 * 1024;
const CHECK_FILE: &str = ".disk-check";

/// Whether this executor can write to its own disk. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct DiskHealth {
    host: Arc<str>,
    folders: Arc<[PathBuf]>,
    outage: Arc<Mutex<Option<DiskOutage>>>,
}

#[derive(Debug)]
struct DiskOutage {
    problem: String,
    began: Instant,
}

impl DiskHealth {
    /// The health of `folders` on the machine that others reach as `host`.
    pub(crate) fn new(host: &str, folders: impl IntoIterator<Item = PathBuf>) -> Self {
        Self {
            host: host.into(),
            folders: folders.into_iter().collect(),
            outage: Arc::default(),
        }
    }

    /// Why this executor cannot keep data now.
    pub(crate) fn problem(&self) -> Option<String> {
        let outage = self.outage.lock();
        outage.as_ref().map(|outage| outage.problem.clone())
    }

    /// A task's failure, as one of this executor's disk if it is one.
    pub(crate) fn attribute_failure(&self, failure: TaskFailure) -> TaskFailure {
        let may_be_disk = matches!(failure.kind, FailureKind::Storage | FailureKind::Transient);
        if !may_be_disk || failure.message.contains(SinkError::STORAGE) {
            return failure;
        }
        let problem = match self.find_problem() {
            Some(problem) => problem,
            None if is_out_of_space(&failure.message) => {
                format!("executor {}: {}", self.host, failure.message)
            }
            None => return failure,
        };
        self.begin_outage(&problem);
        TaskFailure::new(FailureKind::ExecutorDisk, problem)
    }

    /// The first folder that cannot be written.
    fn find_problem(&self) -> Option<String> {
        self.folders.iter().find_map(|folder| {
            let error = check_folder(folder).err()?;
            Some(format!(
                "executor {} cannot write to {}: {error}",
                self.host,
                folder.display()
            ))
        })
    }

    fn begin_outage(&self, problem: &str) {
        let mut outage = self.outage.lock();
        if outage.is_none() {
            tracing::warn!("{problem}; this executor takes no tasks until it can");
            *outage = Some(DiskOutage {
                problem: problem.to_owned(),
                began: Instant::now(),
            });
        }
    }

    /// Ends the outage if it has lasted long enough and the disk is good again.
    fn end_outage_if_over(&self, now: Instant) {
        let is_due = |outage: &DiskOutage| now.duration_since(outage.began) >= MIN_OUTAGE;
        if self.outage.lock().as_ref().is_some_and(is_due) && self.find_problem().is_none() {
            *self.outage.lock() = None;
            tracing::info!("this executor can write to its disk again and takes tasks");
        }
    }

    /// Ends outages, for as long as it is polled.
    pub(crate) async fn check_periodically(self) {
        loop {
            tokio::time::sleep(RETRY_INTERVAL).await;
            let health = self.clone();
            let check =
                tokio::task::spawn_blocking(move || health.end_outage_if_over(Instant::now()));
            // It fails only when the process ends.
            let _ = check.await;
        }
    }
}

fn check_folder(folder: &Path) -> io::Result<()> {
    let path = folder.join(CHECK_FILE);
    let written = File::create(&path).and_then(|mut file| {
        file.write_all(&vec![0; CHECK_BYTES])?;
        file.sync_all()
    });
    let removed = std::fs::remove_file(&path);
    written.and(removed)
}

/// Whether a write failed for lack of space. Only this executor's own writes have
/// this text: those to gold have another one in addition.
fn is_out_of_space(message: &str) -> bool {
    ["No space left on device", "Disk quota exceeded"]
        .iter()
        .any(|sign| message.contains(sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn health(folder: &Path) -> DiskHealth {
        DiskHealth::new("host-1", [folder.to_owned()])
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_the_cause_and_named() {
        let folder = tempfile::tempdir().unwrap();
        let work = folder.path().join("work");
        let health = health(&work);
        let failure = TaskFailure::new(FailureKind::Storage, "No such file or directory");
        let start = Instant::now();
        let attributed = health.attribute_failure(failure.clone());
        assert_eq!(attributed.kind, FailureKind::ExecutorDisk);
        for part in ["host-1", work.to_str().unwrap()] {
            assert!(attributed.message.contains(part), "{attributed}");
        }
        assert_eq!(health.problem(), Some(attributed.message));

        // It ends by itself, but not at once.
        std::fs::create_dir(&work).unwrap();
        health.end_outage_if_over(start);
        assert!(health.problem().is_some());
        health.end_outage_if_over(Instant::now() + MIN_OUTAGE);
        assert_eq!(health.problem(), None);
        assert_eq!(health.attribute_failure(failure.clone()), failure);
        assert_eq!(std::fs::read_dir(&work).unwrap().count(), 0);
    }

    #[test]
    fn a_disk_that_has_space_again_was_full() {
        let folder = tempfile::tempdir().unwrap();
        let health = health(folder.path());
        let full = TaskFailure::new(FailureKind::Storage, "No space left on device");
        let attributed = health.attribute_failure(full);
        assert_eq!(attributed.kind, FailureKind::ExecutorDisk);
        assert!(health.problem().is_some());
    }

    #[test]
    fn failures_of_gold_and_of_queries_stay_what_they_are() {
        let health = health(Path::new("/nonexistent/sluice"));
        let gold = format!("g.parquet {}: No space left on device", SinkError::STORAGE);
        for failure in [
            TaskFailure::new(FailureKind::Storage, gold),
            TaskFailure::new(FailureKind::Execution, "division by zero"),
        ] {
            assert_eq!(health.attribute_failure(failure.clone()), failure);
        }
        assert_eq!(health.problem(), None);
    }
}
