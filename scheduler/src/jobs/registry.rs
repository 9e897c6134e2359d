//! The registry of all jobs of a scheduler, running and ended.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use sluice_gold::GoldTables;
use sluice_proto::v1::{
    Diagnostic, ErrorKind, Job, JobError, JobPlan, JobState, ListJobsRequest, LogLine, QueryAnswer,
    RunQueryRequest, SubmitJobRequest,
};
use sluice_storage::Stores;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::task::TaskTracker;
use tonic::Status;

use super::index::{IndexEntry, JobIndex};
use super::job_queue::JobQueue;
use super::listing::JobPage;
use super::store::{JobStore, details_folder, read_details};
use super::submission::check_apart;
use crate::driver::{
    Driver, JobDetails, JobLogs, LiveJob, LogPart, LogStart, read_log_lines, read_log_part,
    stream_answer,
};
use crate::metrics::Metrics;
use crate::runner::Runner;

/// The most jobs that are kept.
const MAX_RECORDED_JOBS: usize = 10_000;
/// How many queries run at a time, besides jobs.
const MOST_QUERIES: usize = 4;
/// How long the last lines of logs may take to reach the disk at a shutdown.
const LOG_FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// Accepts jobs, runs them and keeps their records. Cheap to clone.
#[derive(Clone)]
pub struct JobRegistry {
    pub(super) shared: Arc<RegistryState>,
}

/// How jobs are accepted and run.
#[derive(Clone, Default)]
pub struct RegistryOptions {
    /// How many jobs run at a time; further ones wait. 0 counts as 1.
    pub max_concurrent: usize,
    /// How many jobs may wait; any number when not set.
    pub max_queued: Option<usize>,
    /// Jobs are refused while this process holds more, in bytes.
    pub max_memory: Option<u64>,
    /// The time limit of a job whose submission sets none.
    pub default_timeout: Option<Duration>,
    pub metrics: Option<Metrics>,
}

pub(super) struct RegistryState {
    pub(super) driver: Driver,
    pub(super) state_dir: Option<PathBuf>,
    pub(super) store: Option<JobStore>,
    pub(super) logs: Option<JobLogs>,
    pub(super) run_permits: Semaphore,
    /// For queries that run now.
    pub(super) query_permits: Semaphore,
    pub(super) queue: Arc<JobQueue>,
    pub(super) options: RegistryOptions,
    pub(super) tasks: TaskTracker,
    pub(super) index: Mutex<JobIndex>,
}

/// The folder of records and logs, with the threads that write there.
pub(super) struct StateFolder {
    pub(super) path: PathBuf,
    pub(super) store: JobStore,
    pub(super) logs: JobLogs,
}

/// A job that a client watches.
pub enum WatchedJob {
    /// It runs, or ran, in this process: there are events.
    Live(Arc<LiveJob>),
    /// It ended before this process started.
    Past(Arc<Job>),
}

impl JobRegistry {
    /// A registry without a history, for local mode.
    pub fn in_memory(driver: Driver, options: RegistryOptions) -> Self {
        Self::from_parts(driver, None, options, JobIndex::default())
    }

    pub(super) fn from_parts(
        driver: Driver,
        state: Option<StateFolder>,
        options: RegistryOptions,
        index: JobIndex,
    ) -> Self {
        let (state_dir, store, logs) = match state {
            Some(state) => (Some(state.path), Some(state.store), Some(state.logs)),
            None => (None, None, None),
        };
        Self {
            shared: Arc::new(RegistryState {
                driver,
                state_dir,
                store,
                logs,
                run_permits: Semaphore::new(
                    options.max_concurrent.clamp(1, Semaphore::MAX_PERMITS),
                ),
                query_permits: Semaphore::new(MOST_QUERIES),
                queue: Arc::new(JobQueue::new(options.max_queued)),
                options,
                tasks: TaskTracker::new(),
                index: Mutex::new(index),
            }),
        }
    }

    /// Plans a job without running it.
    ///
    /// # Errors
    /// As for [`Self::submit_job`], and those that a run would find before its
    /// first task.
    pub async fn plan_job(&self, request: SubmitJobRequest) -> Result<JobPlan, JobError> {
        let (request, submission) = check_apart(request).await?;
        let (driver, name) = (&self.shared.driver, &request.name);
        let analyzed = driver.analyze_dry(name, &submission).await?;
        let warnings = driver.check_gold(&analyzed, name).await?;
        let mut plan = driver.describe_plan(name, &submission, analyzed).await?;
        let warnings = warnings
            .iter()
            .map(|found| Diagnostic::from_jobfile(found, ""));
        plan.warnings.extend(warnings);
        Ok(plan)
    }

    /// Sends the answer of a query; no job is recorded. Few queries run at a time, others
    /// wait.
    pub async fn stream_answer(
        &self,
        request: RunQueryRequest,
        receiver: mpsc::Sender<Result<QueryAnswer, Status>>,
    ) {
        let permit = tokio::select! {
            permit = self.shared.query_permits.acquire() => permit,
            () = receiver.closed() => return,
        };
        stream_answer(self.shared.driver.clone(), request, receiver).await;
        drop(permit);
    }

    /// One job, by its id or submission id.
    ///
    /// # Errors
    /// When there is none.
    pub fn find_job(&self, id: &str) -> Result<Job, JobError> {
        Ok(self.find_entry(id)?.record())
    }

    /// One job, to watch its events.
    ///
    /// # Errors
    /// When there is none.
    pub fn watch_job(&self, id: &str) -> Result<WatchedJob, JobError> {
        Ok(match self.find_entry(id)? {
            IndexEntry::Live(live) => WatchedJob::Live(live),
            IndexEntry::Past(job) => WatchedJob::Past(job),
        })
    }

    /// Asks a job to end, and gives its record as it is now.
    ///
    /// # Errors
    /// When there is none.
    pub fn cancel_job(&self, id: &str, reason: &str) -> Result<Job, JobError> {
        let entry = self.find_entry(id)?;
        if let IndexEntry::Live(live) = &entry {
            let message = match reason {
                "" => "the job was cancelled".to_owned(),
                reason => format!("the job was cancelled: {reason}"),
            };
            live.request_stop(
                JobError::new(ErrorKind::Killed, message).with_next_step("gold is unchanged"),
            );
        }
        Ok(entry.record())
    }

    /// Jobs, the newest first.
    ///
    /// # Errors
    /// When the request names a page that is not known.
    pub fn list_jobs(&self, request: &ListJobsRequest) -> Result<JobPage, JobError> {
        self.shared.index.lock().list_page(request)
    }

    /// The latest jobs, the newest first.
    pub fn latest_jobs(&self, limit: usize) -> Vec<Arc<Job>> {
        self.shared.index.lock().latest_jobs(limit)
    }

    /// How many jobs are in each state, past ones included.
    pub fn count_by_state(&self) -> Vec<(JobState, u64)> {
        let index = self.shared.index.lock();
        let states: Vec<JobState> = index.jobs.values().map(IndexEntry::state).collect();
        let count = |state| states.iter().filter(|found| **found == state).count() as u64;
        JobState::ALL
            .into_iter()
            .map(|state| (state, count(state)))
            .collect()
    }

    /// How many jobs have not ended: waiting, running or committing.
    pub fn count_active(&self) -> u64 {
        let counts = self.count_by_state();
        let active = counts.iter().filter(|(state, _)| !state.is_final());
        active.map(|(_, count)| count).sum()
    }

    /// The lines that the log of a job has so far.
    ///
    /// # Errors
    /// When there is no such job, or its log cannot be read.
    pub async fn read_log(&self, id: &str) -> Result<Vec<LogLine>, JobError> {
        self.read_log_with(id, read_log_lines).await
    }

    /// A bounded part of the log of a job.
    ///
    /// # Errors
    /// When there is no such job, or its log cannot be read.
    pub async fn read_log_part(&self, id: &str, start: LogStart) -> Result<LogPart, JobError> {
        let read = move |dir: &Path, id: &str| read_log_part(dir, id, start);
        self.read_log_with(id, read).await
    }

    async fn read_log_with<T: Default + Send + 'static>(
        &self,
        id: &str,
        read: impl FnOnce(&Path, &str) -> io::Result<T> + Send + 'static,
    ) -> Result<T, JobError> {
        let job_id = self.find_job(id)?.job_id;
        let Some(dir) = self.shared.state_dir.clone() else {
            return Ok(T::default());
        };
        let read = tokio::task::spawn_blocking(move || read(&dir, &job_id));
        let found = read.await.unwrap_or_else(|ended| Err(ended.into()));
        found.map_err(|error| {
            JobError::new(
                ErrorKind::Storage,
                format!("cannot read the log of {id}: {error}"),
            )
        })
    }

    /// Whether nothing about a job changes any longer: it has ended, and its log is
    /// written. Waits for lines of its log that are on their way to the disk.
    pub async fn is_settled(&self, id: &str) -> bool {
        let is_finished = match self.find_entry(id) {
            Ok(IndexEntry::Live(live)) => live.is_finished(),
            Ok(IndexEntry::Past(_)) | Err(_) => true,
        };
        if let (true, Some(logs)) = (is_finished, &self.shared.logs) {
            let flushed = tokio::time::timeout(LOG_FLUSH_TIMEOUT, logs.flush()).await;
            return flushed.unwrap_or(false);
        }
        is_finished
    }

    /// What the steps of a job did; nothing for one that ran before, if that is not
    /// kept any longer.
    ///
    /// # Errors
    /// When there is no such job, or what is kept cannot be read.
    pub async fn read_details(&self, id: &str) -> Result<Arc<JobDetails>, JobError> {
        let job_id = match self.find_entry(id)? {
            IndexEntry::Live(live) => return Ok(live.details()),
            IndexEntry::Past(job) => job.job_id.clone(),
        };
        let Some(dir) = &self.shared.state_dir else {
            return Ok(Arc::default());
        };
        let folder = details_folder(dir);
        let read = tokio::task::spawn_blocking(move || read_details(&folder, &job_id));
        let details = read.await.unwrap_or_else(|ended| Err(ended.into()));
        details.map(Arc::new).map_err(|error| {
            JobError::new(
                ErrorKind::Storage,
                format!("cannot read what the stages of {id} did: {error}"),
            )
        })
    }

    /// The text of a job's file; nothing if it is not kept any longer.
    ///
    /// # Errors
    /// When there is no such job, or what is kept cannot be read.
    pub async fn read_text(&self, id: &str) -> Result<Option<Arc<str>>, JobError> {
        match self.find_entry(id)? {
            IndexEntry::Live(live) => Ok(live.text()),
            IndexEntry::Past(_) => {
                let details = self.read_details(id).await?;
                Ok(details.text.as_deref().map(Into::into))
            }
        }
    }

    /// The stores that jobs read and write.
    pub(crate) fn stores(&self) -> &Stores {
        &self.shared.driver.stores
    }

    /// The tables that jobs write.
    pub(crate) fn gold_tables(&self) -> &GoldTables {
        &self.shared.driver.gold
    }

    pub fn runner(&self) -> &Arc<dyn Runner> {
        &self.shared.driver.runner
    }

    /// Accepts no more jobs, ends those that wait, waits for running ones, and
    /// interrupts those that still run after `limit`. May be called again with a
    /// shorter limit while it waits.
    pub async fn drain_jobs(&self, limit: Duration) {
        let running: Vec<Arc<LiveJob>> = {
            let mut index = self.shared.index.lock();
            index.closed = true;
            index.live_jobs().collect()
        };
        self.shared.run_permits.close();
        self.shared.tasks.close();
        let ended = tokio::time::timeout(limit, self.shared.tasks.wait()).await;
        if ended.is_err() {
            for live in running.iter().filter(|live| !live.has_ended()) {
                live.request_stop(interruption());
            }
            self.shared.tasks.wait().await;
        }
        if let Some(logs) = &self.shared.logs {
            let _ = tokio::time::timeout(LOG_FLUSH_TIMEOUT, logs.flush()).await;
        }
    }

    pub(super) fn find_entry(&self, id: &str) -> Result<IndexEntry, JobError> {
        self.shared.index.lock().find_entry(id).ok_or_else(|| {
            JobError::new(ErrorKind::NotFound, format!("no job has the id '{id}'"))
                .with_next_step("list the jobs with: submit-job --list")
        })
    }

    pub(super) fn remove_oldest(&self) {
        let forgotten = self.shared.index.lock().remove_oldest(MAX_RECORDED_JOBS);
        for job in forgotten {
            if let Some(store) = &self.shared.store {
                store.remove_record(&job.job_id);
            }
            if let Some(logs) = &self.shared.logs {
                logs.remove_log(&job.job_id);
            }
        }
    }
}

/// Why a job ends when the scheduler stops.
pub(super) fn interruption() -> JobError {
    JobError::new(
        ErrorKind::Interrupted,
        "the scheduler stopped while the job ran",
    )
    .with_next_step("no table was changed; submit the job again")
}
