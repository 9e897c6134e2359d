//! The jobs of earlier processes: which had ended, which run again, which were
//! interrupted, and which commits are still to be made.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::Utc;
use futures::future::try_join_all;
use sluice_gold::TableLocks;
use sluice_proto::v1::{ErrorKind, Job, JobError, JobState, LogLevel, SubmitJobRequest};
use tracing::{info, warn};

use super::fingerprint::Fingerprint;
use super::index::{IndexEntry, JobIndex};
use super::records::JobRecords;
use super::registry::{JobRegistry, RegistryOptions, StateFolder, interruption};
use super::store::{JobStore, JobStoreError, StoredJob};
use super::submission::check_apart;
use crate::driver::{
    CommitIntent, CommitRun, Driver, JobEnd, JobLogs, LiveJob, UncommittedFiles, make_commits,
};

/// A job that was committing when its process ended.
struct UnfinishedCommits {
    live: Arc<LiveJob>,
    fingerprint: Option<Fingerprint>,
    intent: CommitIntent,
}

/// A job that had not begun to commit when its process ended.
struct UnfinishedJob {
    live: Arc<LiveJob>,
    records: JobRecords,
    request: SubmitJobRequest,
    /// What it has written.
    written: UncommittedFiles,
}

/// How often a job is run again. One that ends the scheduler each time must not do so for
/// ever.
const MAX_RESTARTS: u32 = 3;

impl JobRegistry {
    /// A registry that keeps its records below `state_dir`. For jobs that were
    /// running when an earlier scheduler ended it begins to make the commits that
    /// are missing, if there is an intent. The others run again from the beginning, if
    /// their submissions are kept; if not, they are marked as interrupted.
    ///
    /// # Errors
    /// When the records cannot be read or written.
    pub async fn open(
        driver: Driver,
        state_dir: PathBuf,
        options: RegistryOptions,
    ) -> Result<Self, JobStoreError> {
        let (store, mut history) = JobStore::open(&state_dir)?;
        let logs = JobLogs::start(&state_dir).map_err(|source| JobStoreError::Io {
            path: state_dir.join("logs"),
            source,
        })?;
        let mut index = JobIndex::default();
        let mut interrupted = Vec::new();
        let mut unfinished = Vec::new();
        let mut repeated: Vec<UnfinishedJob> = Vec::new();
        info!(jobs = history.jobs.len(), "history read");
        for stored in std::mem::take(&mut history.jobs) {
            let StoredJob {
                mut job,
                fingerprint,
            } = stored;
            if job.state().is_final() {
                index.insert(IndexEntry::Past(Arc::new(job)), fingerprint);
                continue;
            }
            match history.take_intent(&job.job_id) {
                Some(Ok(intent)) => {
                    let live = LiveJob::resume(job, Some(logs.clone()));
                    index.insert(IndexEntry::Live(Arc::clone(&live)), fingerprint.clone());
                    unfinished.push(UnfinishedCommits {
                        live,
                        fingerprint,
                        intent,
                    });
                }
                None if job.restarts < MAX_RESTARTS
                    && history.requests.contains_key(&job.job_id) =>
                {
                    let Some(request) = history.requests.remove(&job.job_id) else {
                        continue;
                    };
                    let found = UncommittedFiles::from_record(&driver, &job);
                    begin_again(&mut job);
                    let live = LiveJob::resume(job, Some(logs.clone()));
                    live.set_text(&request.text);
                    index.insert(IndexEntry::Live(Arc::clone(&live)), fingerprint.clone());
                    repeated.push(UnfinishedJob {
                        live,
                        records: JobRecords::new(store.clone(), fingerprint),
                        request,
                        written: found,
                    });
                }
                other => {
                    let unreadable_intent = other.and_then(Result::err);
                    interrupt_record(&mut job, unreadable_intent.as_ref());
                    warn!(
                        job_id = job.job_id,
                        "was running when the scheduler stopped; marked as interrupted"
                    );
                    let records = JobRecords::new(store.clone(), fingerprint.clone());
                    index.insert(IndexEntry::Past(Arc::new(job.clone())), fingerprint);
                    // Without an intent no commit names the files of the job.
                    let may_clean_up = unreadable_intent.is_none();
                    interrupted.push((records, job, may_clean_up));
                }
            }
        }
        let saves = interrupted
            .iter()
            .map(|(records, job, _)| records.save(job.clone()));
        try_join_all(saves).await?;
        let saves = repeated
            .iter()
            .map(|job| job.records.save(job.live.record()));
        try_join_all(saves).await?;
        let cleanups = interrupted
            .iter()
            .filter(|(_, _, may_clean_up)| *may_clean_up);
        for (_, job, _) in cleanups {
            let job_id = job.job_id.clone();
            UncommittedFiles::from_record(&driver, job).remove_later(
                driver.clone(),
                move |table, error| warn!(job_id, table, %error, "cannot remove files of an interrupted job"),
            );
        }
        let state = StateFolder {
            path: state_dir,
            store: store.clone(),
            logs,
        };
        let registry = Self::from_parts(driver, Some(state), options, index);
        for commits in unfinished {
            registry.start_unfinished(commits, store.clone());
        }
        repeated.sort_by_key(|job| job.live.record().submitted_ms);
        for job in repeated {
            let jobs = registry.clone();
            registry.shared.tasks.spawn(jobs.run_again(job));
        }
        Ok(registry)
    }

    /// Runs a job of an earlier process from the beginning. A plan of what it takes that
    /// was recorded is carried out.
    async fn run_again(self, job: UnfinishedJob) {
        let UnfinishedJob {
            live,
            records,
            request,
            written,
        } = job;
        let restarts = live.record().restarts;
        live.write_log(
            LogLevel::Warn,
            "driver",
            format!(
                "the scheduler stopped while the job ran; it runs again ({restarts} of at most \
                 {MAX_RESTARTS} times)"
            ),
        );
        info!(
            job_id = live.job_id(),
            restarts, "running a job of an earlier process again"
        );
        let text_bytes = request.text.len();
        let checked = check_apart(request).await;
        let place = checked.and_then(|(_, submission)| {
            let place = self.shared.queue.enter(text_bytes)?;
            Ok((submission, place))
        });
        match place {
            Ok((submission, place)) => {
                written.remove_existing(&live, &self.shared.driver).await;
                self.supervise_job(live, submission, place, Some(records))
                    .await;
            }
            Err(reason) => {
                let end = JobEnd::before_commits(reason);
                self.end_job(&live, end, Some(records)).await;
            }
        }
    }

    /// Begins to make the commits that an earlier process did not make. Their tables
    /// are locked before any other job can commit.
    fn start_unfinished(&self, unfinished: UnfinishedCommits, store: JobStore) {
        let UnfinishedCommits {
            live,
            fingerprint,
            intent,
        } = unfinished;
        let records = JobRecords::new(store, fingerprint);
        let tables = intent.open_tables(&self.shared.driver.gold);
        let tables = tables.unwrap_or_default();
        let locks = TableLocks::try_acquire(&tables);
        let jobs = self.clone();
        self.shared.tasks.spawn(async move {
            let locks = match locks {
                Some(locks) => locks,
                None => TableLocks::acquire(&tables).await,
            };
            jobs.finish_commits(live, intent, locks, records).await;
        });
    }

    async fn finish_commits(
        &self,
        live: Arc<LiveJob>,
        intent: CommitIntent,
        locks: TableLocks,
        records: JobRecords,
    ) {
        live.write_log(
            LogLevel::Info,
            "driver",
            "the scheduler stopped while the job was committing; the commits are finished now",
        );
        info!(job_id = live.job_id(), "finishing the commits of a job");
        let driver = &self.shared.driver;
        // An intent may be there with a record that is one state behind.
        if live.state() == JobState::Running {
            live.advance_state(JobState::Committing, None);
        }
        let made = make_commits(driver, &live, &intent, CommitRun::AfterRestart).await;
        let (result, leftovers) = match made {
            Ok(()) => (Ok(()), None),
            Err(failed) => {
                let files = UncommittedFiles::from_record(driver, &live.record());
                (Err(failed.reason), Some(files.only_of(&failed.uncommitted)))
            }
        };
        let end = JobEnd {
            result,
            leftovers,
            locks: Some(locks),
        };
        self.end_job(&live, end, Some(records)).await;
    }
}

/// Makes the record that of a job which waits to run.
fn begin_again(job: &mut Job) {
    job.set_state(JobState::Accepted);
    job.restarts += 1;
    job.started_ms = 0;
    job.reason = None;
    job.progress = None;
    job.datasets.clear();
    job.inputs.clear();
    job.warnings.clear();
    job.relations.clear();
}

/// Marks a job as interrupted.
fn interrupt_record(job: &mut Job, unreadable_intent: Option<&io::Error>) {
    job.set_state(JobState::Interrupted);
    job.ended_ms = Utc::now().timestamp_millis();
    job.reason = Some(match unreadable_intent {
        None => interruption(),
        Some(error) => JobError::new(
            ErrorKind::Interrupted,
            format!(
                "the scheduler stopped while the job was committing, and its record of the \
                 commits cannot be read: {error}"
            ),
        )
        .with_next_step(
            "some tables may have their new version; submit the job again to update all of them",
        ),
    });
}
