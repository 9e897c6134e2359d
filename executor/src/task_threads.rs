//! The threads of one task.
//!
//! Every task runs on a runtime of its own. A task is more than its future: joins,
//! exchanges and sorts start further ones, and a computation that does not return
//! from its poll continues after all of them were dropped. With its own threads, a
//! task has stopped exactly when they have ended, and one that does not stop takes
//! no thread from the tasks that come after it.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sluice_service::task_memory::{TaskMemory, count_thread_for};
use sluice_service::thread_times::ThreadHandle;
use sluice_traces::TraceContext;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Operators poll their inputs recursively, and plans nest deeply.
const STACK_BYTES: usize = 8 * 1024 * 1024;
/// How long what a task leaves behind may take to clean up.
const CLEANUP_TIMEOUT: Duration = Duration::from_secs(3);
const CLEANUP_POLL_INTERVAL: Duration = Duration::from_millis(5);
/// Tasks yield the processor to heartbeats and to other executors' requests.
#[cfg(unix)]
const NICENESS: i32 = 10;

/// The threads of one task. They end when this is dropped, as soon as what they
/// compute lets them.
#[derive(Debug)]
pub(crate) struct TaskThreads {
    runtime: Option<Runtime>,
    alive: LiveThreads,
}

/// The threads of a task that have not ended.
pub(crate) type LiveThreads = watch::Receiver<Vec<ThreadHandle>>;

impl TaskThreads {
    /// Starts `count` threads, and more for blocking calls, whose allocations count
    /// for `memory`, and whose calls of object stores are parts of `trace`.
    ///
    /// # Errors
    /// When the system gives no more threads or files.
    pub(crate) fn start(
        count: usize,
        memory: Arc<TaskMemory>,
        trace: Option<TraceContext>,
    ) -> std::io::Result<Self> {
        let (sender, alive) = watch::channel(Vec::new());
        let on_stop = sender.clone();
        let runtime = Builder::new_multi_thread()
            .worker_threads(count.max(1))
            .thread_name("task")
            .thread_stack_size(STACK_BYTES)
            .enable_all()
            .on_thread_start(move || {
                sender.send_modify(|alive| alive.push(ThreadHandle::current()));
                lower_priority();
                count_thread_for(Some(Arc::clone(&memory)));
                if let Some(trace) = &trace {
                    trace.attach_to_thread();
                }
            })
            .on_thread_stop(move || {
                count_thread_for(None);
                let ended = ThreadHandle::current();
                on_stop.send_modify(|alive| alive.retain(|thread| *thread != ended));
            })
            .build()?;
        Ok(Self {
            runtime: Some(runtime),
            alive,
        })
    }

    /// Runs `work` on these threads; `None` after they were stopped.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<JoinHandle<T>> {
        self.runtime.as_ref().map(|runtime| runtime.spawn(work))
    }

    /// Has the futures that are left dropped, and returns when no thread works for
    /// the task any more.
    ///
    /// What was dropped may clean up after itself, such as abort an upload. It has
    /// [`CLEANUP_TIMEOUT`] for that.
    pub(crate) async fn stop_and_wait(&mut self) {
        let started_at = Instant::now();
        while self.has_futures() && started_at.elapsed() < CLEANUP_TIMEOUT {
            tokio::time::sleep(CLEANUP_POLL_INTERVAL).await;
        }
        self.stop();
        // An error means that the runtime and all its threads are gone.
        let _ = self.alive.wait_for(Vec::is_empty).await;
    }

    /// Those that have not ended, at any later time.
    pub(crate) fn live_threads(&self) -> LiveThreads {
        self.alive.clone()
    }

    fn has_futures(&self) -> bool {
        let runtime = self.runtime.as_ref();
        runtime.is_some_and(|runtime| runtime.metrics().num_alive_tasks() > 0)
    }

    fn stop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Drop for TaskThreads {
    fn drop(&mut self) {
        // A runtime must not be dropped inside another one.
        self.stop();
    }
}

#[cfg(unix)]
fn lower_priority() {
    // SAFETY: `setpriority` takes numbers and accesses no memory. 0 and 0 mean
    // PRIO_PROCESS, whose type differs between systems, and on Linux the calling
    // thread. When it fails, the priority stays as it is.
    unsafe {
        libc::setpriority(0, 0, NICENESS);
    }
}

#[cfg(not(unix))]
fn lower_priority() {}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use super::*;
    use crate::stop_watch::{StopLimits, StopWatch};

    fn start_threads(count: usize) -> TaskThreads {
        TaskThreads::start(count, Arc::default(), None).unwrap()
    }

    #[tokio::test]
    async fn work_that_waits_is_dropped_and_its_threads_end() {
        let mut threads = start_threads(2);
        let work = threads.spawn(std::future::pending::<()>()).unwrap();
        work.abort();
        threads.stop_and_wait().await;
        assert!(work.await.unwrap_err().is_cancelled());
        assert!(threads.spawn(async {}).is_none());
    }

    #[tokio::test]
    async fn what_is_dropped_may_clean_up() {
        struct Upload(Arc<AtomicBool>);
        impl Drop for Upload {
            fn drop(&mut self) {
                let is_aborted = Arc::clone(&self.0);
                tokio::spawn(async move {
                    tokio::task::yield_now().await;
                    is_aborted.store(true, Ordering::SeqCst);
                });
            }
        }
        let is_aborted = Arc::new(AtomicBool::new(false));
        let upload = Upload(Arc::clone(&is_aborted));
        let mut threads = start_threads(1);
        let work = threads.spawn(async move {
            let _upload = upload;
            std::future::pending::<()>().await;
        });
        work.unwrap().abort();
        threads.stop_and_wait().await;
        assert!(is_aborted.load(Ordering::SeqCst));
    }

    /// What dropping the future alone does not show: a part of the task that was
    /// started separately still computes.
    #[tokio::test]
    async fn a_part_that_computes_on_keeps_its_thread_alive_until_it_returns() {
        let mut threads = start_threads(1);
        let computes = Arc::new(AtomicBool::new(false));
        let may_end = Arc::new(AtomicBool::new(false));
        let part = {
            let (computes, may_end) = (Arc::clone(&computes), Arc::clone(&may_end));
            async move {
                computes.store(true, Ordering::SeqCst);
                while !may_end.load(Ordering::SeqCst) {
                    std::thread::yield_now();
                }
            }
        };
        let work = threads.spawn(async move { drop(tokio::spawn(part)) });
        work.unwrap().await.unwrap();
        while !computes.load(Ordering::SeqCst) {
            tokio::task::yield_now().await;
        }
        let live = threads.live_threads();
        let mut stopped = Box::pin(threads.stop_and_wait());
        let longer_than_cleanup = CLEANUP_TIMEOUT + Duration::from_millis(100);
        assert!(
            tokio::time::timeout(longer_than_cleanup, &mut stopped)
                .await
                .is_err()
        );
        // It is found by what it computes.
        let moment = Duration::from_millis(50);
        let limits = StopLimits {
            computed: moment,
            blocked: moment,
        };
        let mut watch = StopWatch::default();
        loop {
            let threads = live.borrow().clone();
            if watch.check(&threads, &limits, moment).is_some() {
                break;
            }
            std::thread::sleep(moment / 10);
        }
        may_end.store(true, Ordering::SeqCst);
        stopped.await;
        assert!(live.borrow().is_empty());
    }
}
