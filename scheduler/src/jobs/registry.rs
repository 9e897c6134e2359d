//! The registry of all jobs of a scheduler, running and ended.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use parking_lot::Mutex;
use sluice_proto::v1::{
    ErrorKind, Job, JobError, JobPlan, JobState, ListJobsRequest, ListJobsResponse, LogLevel,
    LogLine, SubmitJobRequest,
};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use super::index::{IndexEntry, JobIndex};
use super::job_store::{JobStore, JobStoreError};
use super::submission::{check_submission, new_record};
use crate::driver::{
    CheckedSubmission, Driver, LiveJob, LogFile, UncommittedFiles, analysis_error, describe_plan,
    stop_error,
};
use crate::metrics::Metrics;
use crate::runner::Runner;

/// The most jobs that are kept.
const MAX_RECORDED_JOBS: usize = 10_000;

/// Accepts jobs, runs them and keeps their records. Cheap to clone.
#[derive(Clone)]
pub struct JobRegistry {
    shared: Arc<RegistryState>,
}

/// How jobs are accepted and run.
#[derive(Clone, Default)]
pub struct RegistryOptions {
    /// How many jobs run at a time; further ones wait. 0 counts as 1.
    pub max_concurrent: usize,
    /// The time limit of a job whose submission sets none.
    pub default_timeout: Option<Duration>,
    pub metrics: Option<Metrics>,
}

struct RegistryState {
    driver: Driver,
    state_dir: Option<PathBuf>,
    store: Option<JobStore>,
    run_permits: Semaphore,
    options: RegistryOptions,
    tasks: TaskTracker,
    index: Mutex<JobIndex>,
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
        Self::from_parts(driver, None, None, options, Vec::new())
    }

    /// A registry that keeps its records below `state_dir`. A job that was
    /// running when an earlier scheduler ended is marked as interrupted.
    ///
    /// # Errors
    /// When the records cannot be read or written.
    pub async fn open(
        driver: Driver,
        state_dir: PathBuf,
        options: RegistryOptions,
    ) -> Result<Self, JobStoreError> {
        let (store, mut past) = JobStore::open(&state_dir)?;
        for job in past.iter_mut().filter(|job| !job.state().is_final()) {
            let committing = job.state() == JobState::Committing;
            job.set_state(JobState::Interrupted);
            job.ended_ms = Utc::now().timestamp_millis();
            let next = if committing {
                "it was committing: some tables may have their new version; submit the job again to update all of them"
            } else {
                "no table was changed; submit the job again"
            };
            job.reason = Some(
                JobError::new(
                    ErrorKind::Interrupted,
                    "the scheduler stopped while the job ran",
                )
                .with_next_step(next),
            );
            warn!(
                job_id = job.job_id,
                "was running when the scheduler stopped; marked as interrupted"
            );
            if let Ok(Err(error)) = store.save_record(job.clone()).await {
                return Err(error);
            }
            if !committing {
                let job_id = job.job_id.clone();
                UncommittedFiles::from_record(&driver, job).remove_later(
                    driver.clone(),
                    move |table, error| warn!(job_id, table, %error, "cannot remove files of an interrupted job"),
                );
            }
        }
        info!(jobs = past.len(), "history read");
        Ok(Self::from_parts(
            driver,
            Some(state_dir),
            Some(store),
            options,
            past,
        ))
    }

    fn from_parts(
        driver: Driver,
        state_dir: Option<PathBuf>,
        store: Option<JobStore>,
        options: RegistryOptions,
        past: Vec<Job>,
    ) -> Self {
        let mut index = JobIndex::default();
        for job in past {
            index.insert(IndexEntry::Past(Arc::new(job)));
        }
        Self {
            shared: Arc::new(RegistryState {
                driver,
                state_dir,
                store,
                run_permits: Semaphore::new(
                    options.max_concurrent.clamp(1, Semaphore::MAX_PERMITS),
                ),
                options,
                tasks: TaskTracker::new(),
                index: Mutex::new(index),
            }),
        }
    }

    /// Checks a job and starts it. Gives the record, and whether the job was
    /// already known by its submission id.
    ///
    /// # Errors
    /// When the job is not valid; then nothing is recorded.
    pub async fn submit_job(&self, request: SubmitJobRequest) -> Result<(Job, bool), JobError> {
        let submission = check_submission(&request)?;
        let job = new_record(&request, self.shared.options.default_timeout)?;
        // From here on the submission id belongs to one job: the first request
        // that gets the lock.
        let live = {
            let mut index = self.shared.index.lock();
            if index.closed {
                return Err(JobError::new(
                    ErrorKind::Unavailable,
                    "this scheduler is stopping and accepts no more jobs",
                )
                .with_next_step(
                    "submit to another scheduler, or wait until this one has restarted",
                ));
            }
            if let Some(known) = index.find_entry(&request.submission_id) {
                return Ok((known.record(), true));
            }
            let log = self.shared.state_dir.as_deref().and_then(|dir| {
                LogFile::create(dir, &job.job_id)
                    .inspect_err(
                        |error| warn!(job_id = job.job_id, %error, "the job has no log file"),
                    )
                    .ok()
            });
            let live = LiveJob::new(job, log);
            index.insert(IndexEntry::Live(Arc::clone(&live)));
            live
        };
        let accepted = live.record();
        if let Some(store) = &self.shared.store
            && let Ok(Err(error)) = store.save_record(accepted.clone()).await
        {
            // A job without a record must not run: after a restart nothing would
            // be known of it.
            self.shared.index.lock().remove(&accepted);
            return Err(JobError::new(ErrorKind::Storage, error.to_string())
                .with_next_step("free space on the scheduler, then submit again"));
        }
        live.write_log(
            LogLevel::Info,
            "driver",
            format!("accepted as {} ({})", accepted.job_id, accepted.name),
        );
        if let Some(metrics) = &self.shared.options.metrics {
            metrics.count_job_submitted();
        }
        let jobs = self.clone();
        self.shared
            .tasks
            .spawn(async move { jobs.supervise_job(live, submission).await });
        Ok((accepted, false))
    }

    /// Plans a job without running it.
    ///
    /// # Errors
    /// As for [`Self::submit_job`], and those that a run would find before its
    /// first task.
    pub async fn plan_job(&self, request: &SubmitJobRequest) -> Result<JobPlan, JobError> {
        let submission = check_submission(request)?;
        let text = &submission.job.text;
        let analyzed = self.shared.driver.analyze_job(&submission).await;
        let analyzed = analyzed.map_err(|error| analysis_error(&error, text))?;
        let slots = self.shared.driver.runner.capacity().await.vcores.max(1) as usize;
        Ok(describe_plan(&analyzed, &submission.settings, slots, text).await)
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
    pub fn list_jobs(&self, request: &ListJobsRequest) -> ListJobsResponse {
        self.shared.index.lock().list_page(request)
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
    pub fn read_log(&self, id: &str) -> Result<Vec<LogLine>, JobError> {
        let job = self.find_job(id)?;
        let Some(dir) = &self.shared.state_dir else {
            return Ok(Vec::new());
        };
        LogFile::read_lines(dir, &job.job_id).map_err(|error| {
            JobError::new(
                ErrorKind::Storage,
                format!("cannot read the log of {id}: {error}"),
            )
        })
    }

    pub fn runner(&self) -> &Arc<dyn Runner> {
        &self.shared.driver.runner
    }

    /// Accepts no more jobs, waits for running ones, and interrupts those that
    /// still run after `limit`. May be called again with a shorter limit while
    /// it waits.
    pub async fn drain_jobs(&self, limit: Duration) {
        let running: Vec<Arc<LiveJob>> = {
            let mut index = self.shared.index.lock();
            index.closed = true;
            index.live_jobs().collect()
        };
        self.shared.tasks.close();
        if tokio::time::timeout(limit, self.shared.tasks.wait())
            .await
            .is_ok()
        {
            return;
        }
        for live in running.iter().filter(|live| !live.has_ended()) {
            live.request_stop(
                JobError::new(
                    ErrorKind::Interrupted,
                    "the scheduler stopped while the job ran",
                )
                .with_next_step("submit the job again"),
            );
        }
        self.shared.tasks.wait().await;
    }

    async fn supervise_job(&self, live: Arc<LiveJob>, submission: CheckedSubmission) {
        let limit = live.record().timeout_ms;
        let timer = {
            let live = Arc::clone(&live);
            tokio::spawn(async move {
                if limit > 0 {
                    tokio::time::sleep(Duration::from_millis(limit)).await;
                    live.request_stop(
                        JobError::new(
                            ErrorKind::TimedOut,
                            format!(
                                "the job ran longer than its limit of {} s",
                                limit as f64 / 1000.0
                            ),
                        )
                        .with_next_step("gold is unchanged; give it more time with --timeout"),
                    );
                }
            })
        };
        let result = self.run_with_permit(&live, &submission).await;
        timer.abort();
        let (state, reason) = end_state(result);
        if let Some(reason) = &reason {
            live.write_log(LogLevel::Error, "driver", reason.message.clone());
        }
        let record = live.advance_state(state, reason);
        live.write_log(
            LogLevel::Info,
            "driver",
            format!("ended as {}", state.name()),
        );
        if let Some(store) = &self.shared.store {
            let _ = store.save_record(live.record()).await;
        }
        info!(
            job_id = record.job_id,
            name = record.name,
            state = state.name(),
            "job ended"
        );
        if let Some(metrics) = &self.shared.options.metrics {
            let took = Duration::from_millis(record.duration_ms(record.ended_ms));
            metrics.count_job_ended(state, took);
        }
        live.publish_finished();
        self.remove_oldest();
    }

    async fn run_with_permit(
        &self,
        live: &Arc<LiveJob>,
        submission: &CheckedSubmission,
    ) -> Result<(), JobError> {
        let _permit = tokio::select! {
            permit = self.shared.run_permits.acquire() => permit,
            () = live.cancel_token().cancelled() => return Err(stop_error(live)),
        };
        // Each state is saved when it is entered: after a crash the record shows
        // how far the job had come.
        let follow = self.shared.store.clone().map(|store| {
            save_state_changes(
                store,
                live.subscribe(),
                Arc::downgrade(&self.shared),
                live.record().job_id,
            )
        });
        let result = self.shared.driver.run_job(live, submission).await;
        if let Some(follow) = follow {
            follow.abort();
        }
        result
    }

    fn find_entry(&self, id: &str) -> Result<IndexEntry, JobError> {
        self.shared.index.lock().find_entry(id).ok_or_else(|| {
            JobError::new(ErrorKind::NotFound, format!("no job has the id '{id}'"))
                .with_next_step("list the jobs with: submit-job --list")
        })
    }

    fn remove_oldest(&self) {
        let forgotten = self.shared.index.lock().remove_oldest(MAX_RECORDED_JOBS);
        for job in forgotten {
            if let Some(store) = &self.shared.store {
                store.remove_record(&job.job_id);
            }
            if let Some(dir) = &self.shared.state_dir {
                let _ = std::fs::remove_file(LogFile::path_of(dir, &job.job_id));
            }
        }
    }
}

/// Saves the record whenever the job has changed its state.
fn save_state_changes(
    store: JobStore,
    mut events: tokio::sync::watch::Receiver<u64>,
    shared: std::sync::Weak<RegistryState>,
    job_id: String,
) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        let mut saved = JobState::Accepted;
        while events.changed().await.is_ok() {
            let Some(entry) = shared
                .upgrade()
                .and_then(|shared| shared.index.lock().find_entry(&job_id))
            else {
                return;
            };
            let job = entry.record();
            if job.state() != saved && !job.state().is_final() {
                saved = job.state();
                // There is no need to wait: the writer keeps the order.
                drop(store.save_record(job));
            }
        }
    })
}

fn end_state(result: Result<(), JobError>) -> (JobState, Option<JobError>) {
    match result {
        Ok(()) => (JobState::Succeeded, None),
        Err(reason) => {
            let state = match reason.kind() {
                ErrorKind::Killed => JobState::Killed,
                ErrorKind::TimedOut => JobState::TimedOut,
                ErrorKind::Interrupted => JobState::Interrupted,
                _ => JobState::Failed,
            };
            (state, Some(reason))
        }
    }
}
