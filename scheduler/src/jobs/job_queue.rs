//! How many jobs may wait. Each holds its text and what was parsed of it.

use std::sync::Arc;

use parking_lot::Mutex;
use sluice_proto::v1::{ErrorKind, JobError};

/// The most bytes that the texts of all waiting jobs have together. What is parsed of
/// a text takes several times as much memory.
const MAX_TEXT_BYTES: usize = 32 * 1024 * 1024;

/// Counts the jobs that wait.
#[derive(Debug)]
pub(super) struct JobQueue {
    max_jobs: Option<usize>,
    waiting: Mutex<WaitingJobs>,
}

#[derive(Debug, Default)]
struct WaitingJobs {
    jobs: usize,
    text_bytes: usize,
}

/// The place of one job in the queue, until it is dropped.
#[derive(Debug)]
pub(super) struct QueuePlace {
    queue: Arc<JobQueue>,
    text_bytes: usize,
}

impl JobQueue {
    /// A queue for so many jobs, or for any number.
    pub(super) fn new(max_jobs: Option<usize>) -> Self {
        Self {
            max_jobs,
            waiting: Mutex::new(WaitingJobs::default()),
        }
    }

    /// Takes a place for a job whose text has `text_bytes` bytes.
    ///
    /// # Errors
    /// When the queue is full.
    pub(super) fn enter(self: &Arc<Self>, text_bytes: usize) -> Result<QueuePlace, JobError> {
        let mut waiting = self.waiting.lock();
        let Some(max_jobs) = self.max_jobs else {
            return Ok(self.place(&mut waiting, text_bytes));
        };
        let total = waiting.text_bytes.saturating_add(text_bytes);
        if waiting.jobs >= max_jobs || total > MAX_TEXT_BYTES {
            return Err(JobError::new(
                ErrorKind::Unavailable,
                format!(
                    "the scheduler accepts no more jobs now: {} jobs wait, at most {max_jobs} \
                     may, with job files of {MAX_TEXT_BYTES} bytes together",
                    waiting.jobs
                ),
            )
            .with_next_step(
                "submit again when jobs have ended; --max-queued-jobs of the scheduler sets the \
                 limit, --max-concurrent-jobs how many run at a time",
            ));
        }
        Ok(self.place(&mut waiting, text_bytes))
    }

    fn place(self: &Arc<Self>, waiting: &mut WaitingJobs, text_bytes: usize) -> QueuePlace {
        waiting.jobs += 1;
        waiting.text_bytes += text_bytes;
        QueuePlace {
            queue: Arc::clone(self),
            text_bytes,
        }
    }
}

impl Drop for QueuePlace {
    fn drop(&mut self) {
        let mut waiting = self.queue.waiting.lock();
        waiting.jobs -= 1;
        waiting.text_bytes -= self.text_bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_queue_refuses_until_a_place_is_free() {
        let queue = Arc::new(JobQueue::new(Some(2)));
        let first = queue.enter(10).unwrap();
        let _second = queue.enter(10).unwrap();
        let refused = queue.enter(10).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Unavailable);
        assert!(
            refused.message.contains("2 jobs wait"),
            "{}",
            refused.message
        );
        drop(first);
        queue.enter(10).unwrap();
    }

    #[test]
    fn the_texts_of_waiting_jobs_have_a_limit_of_their_own() {
        let queue = Arc::new(JobQueue::new(Some(1000)));
        let _large = queue.enter(MAX_TEXT_BYTES).unwrap();
        queue.enter(1).unwrap_err();
        let any = Arc::new(JobQueue::new(None));
        let _large = any.enter(MAX_TEXT_BYTES).unwrap();
        any.enter(1).unwrap();
    }
}
