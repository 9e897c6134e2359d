//! The registry of all jobs of a scheduler, running and ended.

mod index;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use parking_lot::Mutex;
use sluice_jobfile::JobFile;
use sluice_proto::secret;
use sluice_proto::v1::{
    ErrorKind, Job, JobError, JobPlan, JobState, ListJobsRequest, ListJobsResponse, LogLevel,
    LogLine, SubmitJobRequest,
};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use self::index::{Entry, Index};
use crate::conf::JobConf;
use crate::driver::{DriverSettings, Submission, Uncommitted, describe, stopped};
use crate::job::{
    JobFailure, JobStore, LiveJob, LogFile, StoreFailure, failure, invalid, is_end, new_job_id,
    valid_submission_id,
};
use crate::server::Metrics;

/// The most jobs that are kept.
const KEPT_JOBS: usize = 10_000;
/// The default and the maximal number of jobs on one page of a list.
const PAGE: (u32, u32) = (100, 1_000);

/// Accepts jobs, runs them and keeps their records. Cheap to clone.
#[derive(Clone)]
pub struct Jobs {
    shared: Arc<Shared>,
}

/// How jobs are accepted and run.
#[derive(Clone, Default)]
pub struct JobsOptions {
    /// How many jobs run at a time; further ones wait. 0 counts as 1.
    pub max_concurrent: usize,
    /// The time limit of a job whose submission sets none.
    pub default_timeout: Option<Duration>,
    pub metrics: Option<Metrics>,
}

struct Shared {
    driver: DriverSettings,
    state_dir: Option<PathBuf>,
    store: Option<JobStore>,
    running: Semaphore,
    options: JobsOptions,
    tasks: TaskTracker,
    index: Mutex<Index>,
}

/// A job that a client watches.
pub enum Watched {
    /// It runs, or ran, in this process: there are events.
    Live(Arc<LiveJob>),
    /// It ended before this process started.
    Past(Arc<Job>),
}

impl Jobs {
    /// A registry without a history, for local mode.
    pub fn in_memory(driver: DriverSettings, options: JobsOptions) -> Self {
        Self::build(driver, None, None, options, Vec::new())
    }

    /// A registry that keeps its records below `state_dir`. A job that was
    /// running when an earlier scheduler ended is marked as interrupted.
    ///
    /// # Errors
    /// When the records cannot be read or written.
    pub async fn open(
        driver: DriverSettings,
        state_dir: PathBuf,
        options: JobsOptions,
    ) -> Result<Self, StoreFailure> {
        let (store, mut past) = JobStore::open(&state_dir)?;
        for job in past.iter_mut().filter(|job| !is_end(job.state())) {
            let committing = job.state() == JobState::Committing;
            job.set_state(JobState::Interrupted);
            job.ended_ms = Utc::now().timestamp_millis();
            let next = if committing {
                "it was committing: some tables may have their new version; submit the job again to update all of them"
            } else {
                "no table was changed; submit the job again"
            };
            job.reason = Some(failure(
                ErrorKind::Interrupted,
                "the scheduler stopped while the job ran",
                next,
            ));
            warn!(
                job_id = job.job_id,
                "was running when the scheduler stopped; marked as interrupted"
            );
            if let Ok(Err(error)) = store.save(job.clone()).await {
                return Err(error);
            }
            if !committing {
                let job_id = job.job_id.clone();
                Uncommitted::of_record(&driver, job).remove_later(
                    driver.clone(),
                    move |table, error| warn!(job_id, table, %error, "cannot remove files of an interrupted job"),
                );
            }
        }
        info!(jobs = past.len(), "history read");
        Ok(Self::build(
            driver,
            Some(state_dir),
            Some(store),
            options,
            past,
        ))
    }

    fn build(
        driver: DriverSettings,
        state_dir: Option<PathBuf>,
        store: Option<JobStore>,
        options: JobsOptions,
        past: Vec<Job>,
    ) -> Self {
        let mut index = Index::default();
        for job in past {
            index.insert(Entry::Past(Arc::new(job)));
        }
        Self {
            shared: Arc::new(Shared {
                driver,
                state_dir,
                store,
                running: Semaphore::new(options.max_concurrent.clamp(1, Semaphore::MAX_PERMITS)),
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
    pub async fn submit(&self, request: SubmitJobRequest) -> Result<(Job, bool), JobFailure> {
        let submission = self.check(&request)?;
        let job = self.record(&request)?;
        // From here on the submission id belongs to one job: the first request
        // that gets the lock.
        let live = {
            let mut index = self.shared.index.lock();
            if index.closed {
                return Err(failure(
                    ErrorKind::Unavailable,
                    "this scheduler is stopping and accepts no more jobs",
                    "submit to another scheduler, or wait until this one has restarted",
                ));
            }
            if let Some(known) = index.by_id(&request.submission_id) {
                return Ok((known.job(), true));
            }
            let log = self.shared.state_dir.as_deref().and_then(|dir| {
                LogFile::create(dir, &job.job_id)
                    .inspect_err(
                        |error| warn!(job_id = job.job_id, %error, "the job has no log file"),
                    )
                    .ok()
            });
            let live = LiveJob::new(job, log);
            index.insert(Entry::Live(Arc::clone(&live)));
            live
        };
        let accepted = live.job();
        if let Some(store) = &self.shared.store
            && let Ok(Err(error)) = store.save(accepted.clone()).await
        {
            // A job without a record must not run: after a restart nothing would
            // be known of it.
            self.shared.index.lock().remove(&accepted);
            return Err(failure(
                ErrorKind::Storage,
                error.to_string(),
                "free space on the scheduler, then submit again",
            ));
        }
        live.log(
            LogLevel::Info,
            "driver",
            format!("accepted as {} ({})", accepted.job_id, accepted.name),
        );
        if let Some(metrics) = &self.shared.options.metrics {
            metrics.job_submitted();
        }
        let jobs = self.clone();
        self.shared
            .tasks
            .spawn(async move { jobs.run(live, submission).await });
        Ok((accepted, false))
    }

    /// Plans a job without running it.
    ///
    /// # Errors
    /// As for [`Self::submit_job`], and those that a run would find before its
    /// first task.
    pub async fn plan(&self, request: &SubmitJobRequest) -> Result<JobPlan, JobFailure> {
        let submission = self.check(request)?;
        let text = &submission.job.text;
        let analyzed = self.shared.driver.analyze(&submission).await;
        let analyzed = analyzed.map_err(|error| crate::job::of_analysis(&error, text))?;
        let slots = self.shared.driver.runner.capacity().await.vcores.max(1) as usize;
        Ok(describe(&analyzed, &submission.conf, slots, text).await)
    }

    /// One job, by its id or submission id.
    ///
    /// # Errors
    /// When there is none.
    pub fn get(&self, id: &str) -> Result<Job, JobFailure> {
        Ok(self.entry(id)?.job())
    }

    /// One job, to watch its events.
    ///
    /// # Errors
    /// When there is none.
    pub fn watch(&self, id: &str) -> Result<Watched, JobFailure> {
        Ok(match self.entry(id)? {
            Entry::Live(live) => Watched::Live(live),
            Entry::Past(job) => Watched::Past(job),
        })
    }

    /// Asks a job to end, and gives its record as it is now.
    ///
    /// # Errors
    /// When there is none.
    pub fn cancel(&self, id: &str, reason: &str) -> Result<Job, JobFailure> {
        let entry = self.entry(id)?;
        if let Entry::Live(live) = &entry {
            let message = match reason {
                "" => "the job was cancelled".to_owned(),
                reason => format!("the job was cancelled: {reason}"),
            };
            live.stop(failure(ErrorKind::Killed, message, "gold is unchanged"));
        }
        Ok(entry.job())
    }

    /// Jobs, the newest first.
    pub fn list(&self, request: &ListJobsRequest) -> ListJobsResponse {
        let limit = match request.limit {
            0 => PAGE.0,
            limit => limit.min(PAGE.1),
        } as usize;
        let index = self.shared.index.lock();
        let before = index.key(&request.page_token);
        let range = match &before {
            Some(key) => index.jobs.range(..key.clone()),
            None => index.jobs.range(..),
        };
        let mut jobs: Vec<Job> = Vec::new();
        let mut more = false;
        for (_, entry) in range.rev() {
            let wanted =
                |state: JobState| request.states.is_empty() || request.states().any(|s| s == state);
            let job = entry.job();
            if !wanted(job.state()) {
                continue;
            }
            if jobs.len() == limit {
                more = true;
                break;
            }
            jobs.push(job);
        }
        let next_page_token = if more {
            jobs.last()
                .map(|job| job.job_id.clone())
                .unwrap_or_default()
        } else {
            String::new()
        };
        ListJobsResponse {
            jobs,
            next_page_token,
        }
    }

    /// How many jobs are in each state.
    pub fn counts(&self) -> BTreeMap<i32, u64> {
        let index = self.shared.index.lock();
        let mut counts = BTreeMap::new();
        for entry in index.jobs.values() {
            let state = match entry {
                Entry::Live(live) => live.state(),
                Entry::Past(job) => job.state(),
            };
            *counts.entry(state.into()).or_default() += 1;
        }
        counts
    }

    /// The lines that the log of a job has so far.
    ///
    /// # Errors
    /// When there is no such job, or its log cannot be read.
    pub fn log(&self, id: &str) -> Result<Vec<LogLine>, JobFailure> {
        let job = self.get(id)?;
        let Some(dir) = &self.shared.state_dir else {
            return Ok(Vec::new());
        };
        LogFile::read(dir, &job.job_id).map_err(|error| {
            failure(
                ErrorKind::Storage,
                format!("cannot read the log of {id}: {error}"),
                "",
            )
        })
    }

    pub fn runner(&self) -> &Arc<dyn crate::runner::Runner> {
        &self.shared.driver.runner
    }

    /// Accepts no more jobs, waits for running ones, and interrupts those that
    /// still run after `limit`.
    pub async fn drain(&self, limit: Duration) {
        let running: Vec<Arc<LiveJob>> = {
            let mut index = self.shared.index.lock();
            index.closed = true;
            index.live().collect()
        };
        self.shared.tasks.close();
        if tokio::time::timeout(limit, self.shared.tasks.wait())
            .await
            .is_ok()
        {
            return;
        }
        for live in running.iter().filter(|live| !live.ended()) {
            live.stop(failure(
                ErrorKind::Interrupted,
                "the scheduler stopped while the job ran",
                "submit the job again",
            ));
        }
        self.shared.tasks.wait().await;
    }

    fn check(&self, request: &SubmitJobRequest) -> Result<Submission, JobFailure> {
        let text = &request.text;
        let refused = |diagnostics: sluice_jobfile::Diagnostics| invalid(&diagnostics, text);
        let file: JobFile = sluice_jobfile::parse(&request.file_name, text).map_err(refused)?;
        let params: BTreeMap<String, String> = request
            .params
            .iter()
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let job = file.bind(&params).map_err(refused)?;
        let gold = job.gold().map(str::to_owned).ok_or_else(|| {
            failure(
                ErrorKind::Invalid,
                "the job does not name the folder of its tables",
                "declare the variable in the job file (DECLARE VARIABLE gold STRING;) and give it with --gold FOLDER",
            )
        })?;
        let conf = JobConf::new(&job, request.conf.clone()).map_err(|error| {
            failure(
                ErrorKind::Invalid,
                error.to_string(),
                "correct --conf or the SET statement and submit again",
            )
        })?;
        Ok(Submission { job, gold, conf })
    }

    fn record(&self, request: &SubmitJobRequest) -> Result<Job, JobFailure> {
        let id = &request.submission_id;
        if !id.is_empty() && !valid_submission_id(id) {
            return Err(failure(
                ErrorKind::Invalid,
                "the submission id is not valid",
                "use up to 128 letters, digits and -_.:+, beginning with a letter or digit",
            ));
        }
        let now = Utc::now();
        let job_id = new_job_id(now, uuid::Uuid::new_v4().as_fields().0);
        Ok(Job {
            submission_id: if id.is_empty() {
                job_id.clone()
            } else {
                id.clone()
            },
            job_id,
            name: request.name.clone(),
            file_name: request.file_name.clone(),
            state: JobState::Accepted.into(),
            submitted_ms: now.timestamp_millis(),
            params: secret::redacted(&request.params),
            user: request.user.clone(),
            timeout_ms: match (request.timeout_ms, self.shared.options.default_timeout) {
                (0, Some(limit)) => u64::try_from(limit.as_millis()).unwrap_or(u64::MAX),
                (limit, _) => limit,
            },
            ..Job::default()
        })
    }

    async fn run(&self, live: Arc<LiveJob>, submission: Submission) {
        let limit = live.job().timeout_ms;
        let timer = {
            let live = Arc::clone(&live);
            tokio::spawn(async move {
                if limit > 0 {
                    tokio::time::sleep(Duration::from_millis(limit)).await;
                    live.stop(failure(
                        ErrorKind::TimedOut,
                        format!(
                            "the job ran longer than its limit of {} s",
                            limit as f64 / 1000.0
                        ),
                        "gold is unchanged; give it more time with --timeout",
                    ));
                }
            })
        };
        let result = self.drive(&live, &submission).await;
        timer.abort();
        let (state, reason) = end(result);
        if let Some(reason) = &reason {
            live.log(LogLevel::Error, "driver", reason.message.clone());
        }
        let record = live.advance(state, reason);
        live.log(
            LogLevel::Info,
            "driver",
            format!("ended as {}", state.name()),
        );
        if let Some(store) = &self.shared.store {
            let _ = store.save(live.job()).await;
        }
        info!(
            job_id = record.job_id,
            name = record.name,
            state = state.name(),
            "job ended"
        );
        if let Some(metrics) = &self.shared.options.metrics {
            let took = Duration::from_millis(record.duration_ms(record.ended_ms));
            metrics.job_ended(state, took);
        }
        live.finish();
        self.forget_oldest();
    }

    async fn drive(&self, live: &Arc<LiveJob>, submission: &Submission) -> Result<(), JobFailure> {
        let _permit = tokio::select! {
            permit = self.shared.running.acquire() => permit,
            () = live.cancelled().cancelled() => return Err(stopped(live)),
        };
        // Each state is saved when it is entered: after a crash the record shows
        // how far the job had come.
        let follow = self.shared.store.clone().map(|store| {
            follow(
                store,
                live.subscribe(),
                Arc::downgrade(&self.shared),
                live.job().job_id,
            )
        });
        let result = self.shared.driver.drive(live, submission).await;
        if let Some(follow) = follow {
            follow.abort();
        }
        result
    }

    fn entry(&self, id: &str) -> Result<Entry, JobFailure> {
        self.shared.index.lock().by_id(id).ok_or_else(|| {
            failure(
                ErrorKind::NotFound,
                format!("no job has the id '{id}'"),
                "list the jobs with: submit-job --list",
            )
        })
    }

    fn forget_oldest(&self) {
        let forgotten = self.shared.index.lock().trim(KEPT_JOBS);
        for job in forgotten {
            if let Some(store) = &self.shared.store {
                store.remove(&job.job_id);
            }
            if let Some(dir) = &self.shared.state_dir {
                let _ = std::fs::remove_file(LogFile::path(dir, &job.job_id));
            }
        }
    }
}

/// Saves the record whenever the job has changed its state.
fn follow(
    store: JobStore,
    mut events: tokio::sync::watch::Receiver<u64>,
    shared: std::sync::Weak<Shared>,
    job_id: String,
) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        let mut saved = JobState::Accepted;
        while events.changed().await.is_ok() {
            let Some(entry) = shared
                .upgrade()
                .and_then(|shared| shared.index.lock().by_id(&job_id))
            else {
                return;
            };
            let job = entry.job();
            if job.state() != saved && !is_end(job.state()) {
                saved = job.state();
                // There is no need to wait: the writer keeps the order.
                drop(store.save(job));
            }
        }
    })
}

fn end(result: Result<(), JobFailure>) -> (JobState, Option<JobError>) {
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
