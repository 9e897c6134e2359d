//! Submissions, waiting jobs and restarts, without a cluster.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::prelude::SessionConfig;
use sluice_engine::job::QueryLimits;
use sluice_engine::session::{RuntimeOptions, build_runtime};
use sluice_gold::GoldTables;
use sluice_proto::v1::{ErrorKind, JobState, ListJobsRequest, SubmitJobRequest};
use sluice_storage::{StoreOptions, Stores};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::driver::{Driver, Planner, PlannerOptions};
use crate::jobs::{JobRegistry, RegistryOptions};
use crate::runner::{Capacity, RunError, Runner, StepProgress, StepRun};

/// How long a test may take: far more than it needs.
const DEADLINE: Duration = Duration::from_secs(60);

const JOB: &str = "
DECLARE VARIABLE gold STRING;
DECLARE VARIABLE who STRING;
CREATE OR REFRESH MATERIALIZED VIEW a AS SELECT 1 AS n;
";

/// A cluster without executors: jobs wait for one forever.
struct NoExecutors;

#[async_trait]
impl Runner for NoExecutors {
    async fn capacity(&self) -> Capacity {
        Capacity {
            executors: 0,
            vcores: 0,
        }
    }

    fn configure_session(&self, config: SessionConfig) -> SessionConfig {
        config
    }

    async fn run_plan(
        &self,
        _: StepRun,
        _: watch::Sender<StepProgress>,
        _: CancellationToken,
    ) -> Result<Vec<RecordBatch>, RunError> {
        Err(RunError::Cancelled)
    }

    fn remove_staged(&self, _: &str) {}
}

async fn open_registry(state_dir: &Path) -> JobRegistry {
    let stores = Stores::new(StoreOptions::new());
    let driver = Driver {
        runner: Arc::new(NoExecutors),
        gold: GoldTables::new(stores.clone()),
        runtime: build_runtime(stores.clone(), &RuntimeOptions::default()).unwrap(),
        stores,
        planner: Planner::new(PlannerOptions::default()),
        query_limits: QueryLimits::default(),
    };
    let options = RegistryOptions {
        max_concurrent: 1,
        ..RegistryOptions::default()
    };
    let opened = JobRegistry::open(driver, state_dir.to_owned(), options);
    opened.await.unwrap()
}

/// How many jobs are listed.
fn list_all(jobs: &JobRegistry) -> usize {
    let listed = jobs.list_jobs(&ListJobsRequest::default());
    listed.unwrap().jobs.len()
}

fn request(folder: &TempDir, submission_id: &str, who: &str) -> SubmitJobRequest {
    let gold = folder.path().join("gold").display().to_string();
    SubmitJobRequest {
        submission_id: submission_id.to_owned(),
        text: JOB.to_owned(),
        params: BTreeMap::from([
            ("gold".to_owned(), gold),
            ("who".to_owned(), who.to_owned()),
        ])
        .into_iter()
        .collect(),
        ..SubmitJobRequest::default()
    }
}

fn open_files_below(folder: &Path) -> usize {
    let open = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
    let open = open.filter_map(|entry| std::fs::read_link(entry.path()).ok());
    open.filter(|path| path.starts_with(folder)).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_is_one_job_and_refuses_another() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let jobs = open_registry(&state).await;
    let first = jobs
        .submit_job(request(&folder, "run-1", "a"), None)
        .await
        .unwrap();
    assert!(!first.1);
    let repeat = jobs
        .submit_job(request(&folder, "run-1", "a"), None)
        .await
        .unwrap();
    assert_eq!((&repeat.0.job_id, repeat.1), (&first.0.job_id, true));
    let mut other_text = request(&folder, "run-1", "a");
    other_text.text.push_str("-- changed");
    let mut other_gold = request(&folder, "run-1", "a");
    other_gold
        .params
        .insert("gold".to_owned(), "/elsewhere".to_owned());
    let others = [
        (other_text, "the text of the job file"),
        (request(&folder, "run-1", "b"), "the parameter `who`"),
        (other_gold, "the parameter `gold`"),
    ];
    let check_refused = async |jobs: &JobRegistry| {
        for (other, difference) in &others {
            let error = jobs.submit_job(other.clone(), None).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid);
            for part in ["'run-1'", &first.0.job_id, "submitted at 20", difference] {
                assert!(error.message.contains(part), "{part}: {}", error.message);
            }
        }
    };
    check_refused(&jobs).await;
    jobs.drain_jobs(Duration::ZERO).await;
    drop(jobs);
    // Also by a later process.
    let jobs = open_registry(&state).await;
    check_refused(&jobs).await;
    let repeat = jobs
        .submit_job(request(&folder, "run-1", "a"), None)
        .await
        .unwrap();
    assert_eq!((repeat.0.job_id, repeat.1), (first.0.job_id, true));
    assert_eq!(list_all(&jobs), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_repeat_is_told_of_a_job_that_is_not_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let jobs = open_registry(&state).await;
    let records = state.join("jobs");
    std::fs::rename(&records, state.join("away")).unwrap();
    let submissions = (0..20).map(|_| jobs.submit_job(request(&folder, "run-1", "a"), None));
    for submitted in futures::future::join_all(submissions).await {
        assert_eq!(submitted.unwrap_err().kind(), ErrorKind::Storage);
    }
    assert_eq!(list_all(&jobs), 0);
    std::fs::rename(state.join("away"), &records).unwrap();
    let submissions = (0..20).map(|_| jobs.submit_job(request(&folder, "run-1", "a"), None));
    let submitted = futures::future::join_all(submissions).await;
    let known = submitted.iter().filter(|answer| answer.as_ref().unwrap().1);
    assert_eq!(known.count(), 19, "one is new, the others repeat it");
    // Next to it there may be the file in which its next record is written.
    let files = std::fs::read_dir(&records).unwrap();
    let paths = files.map(|file| file.unwrap().path());
    let recorded = paths.filter(|path| path.extension().is_some_and(|ending| ending == "pb"));
    assert_eq!(recorded.count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_waiting_jobs_hold_no_files_and_end_with_the_scheduler() {
    const JOBS: usize = 3_000;
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let jobs = open_registry(&state).await;
    let submissions =
        (0..JOBS).map(|n| jobs.submit_job(request(&folder, &format!("j{n}"), "a"), None));
    for submitted in futures::future::join_all(submissions).await {
        submitted.unwrap();
    }
    let open = open_files_below(&state);
    assert!(open < 50, "{open} files are open");
    // One job has begun and waits for an executor; the others do not wait for the
    // time that running jobs get.
    let drain = {
        let jobs = jobs.clone();
        tokio::spawn(async move { jobs.drain_jobs(Duration::from_secs(100_000)).await })
    };
    let one_is_left = async {
        while jobs.count_active() > 1 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, one_is_left).await.unwrap();
    let rest = jobs.drain_jobs(Duration::ZERO);
    tokio::time::timeout(DEADLINE, rest).await.unwrap();
    drain.await.unwrap();
    drop(jobs);
    let jobs = open_registry(&state).await;
    let states = jobs.count_by_state();
    assert!(
        states.contains(&(JobState::Interrupted, JOBS as u64)),
        "{states:?}"
    );
}
