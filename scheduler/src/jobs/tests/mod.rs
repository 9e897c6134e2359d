//! Ids and records of jobs.

mod registry;

use sluice_proto::v1::{Job, JobState, SubmitJobRequest};

use super::fingerprint::Fingerprint;
use super::id::{is_valid_submission_id, new_job_id};
use super::store::{JobStore, StoredJob};
use crate::driver::CommitIntent;

fn job(id: &str, state: JobState) -> Job {
    Job {
        job_id: id.to_owned(),
        submission_id: id.to_owned(),
        state: state.into(),
        ..Job::default()
    }
}

#[test]
fn ids_sort_by_time_and_are_plain_names() {
    let at = |seconds| chrono::DateTime::from_timestamp(seconds, 0).unwrap();
    let (first, second) = (
        new_job_id(at(1_000_000_000), u32::MAX),
        new_job_id(at(1_000_000_001), 0),
    );
    assert!(first < second, "{first} {second}");
    assert!(
        first
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-')
    );
}

#[test]
fn submission_ids_are_checked() {
    for good in ["a", "dag.task:2026-01-01T00:00:00+00:00", &"x".repeat(128)] {
        assert!(is_valid_submission_id(good), "{good}");
    }
    for bad in ["", "-a", "a b", "../etc", "a/b", "ä", &"x".repeat(129)] {
        assert!(!is_valid_submission_id(bad), "{bad}");
    }
}

fn stored(id: &str, state: JobState) -> StoredJob {
    StoredJob {
        job: job(id, state),
        fingerprint: Some(Fingerprint::new(&SubmitJobRequest::default(), id)),
    }
}

#[tokio::test]
async fn records_survive_and_a_torn_write_is_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let (store, history) = JobStore::open(dir.path()).unwrap();
    assert!(history.jobs.is_empty());
    let last = stored("a", JobState::Succeeded);
    let saves = [
        store.save_record(stored("a", JobState::Accepted)),
        store.save_record(stored("a", JobState::Running)),
        store.save_record(last.clone()),
    ];
    for save in saves {
        save.await.unwrap();
    }
    std::fs::write(dir.path().join("jobs/b.pb.tmp"), b"half").unwrap();
    std::fs::write(dir.path().join("jobs/c.pb"), b"\xff\xff\xff").unwrap();
    let id = store.scheduler_id().to_owned();
    drop(store);
    let (store, history) = JobStore::open(dir.path()).unwrap();
    assert_eq!(history.jobs, [last]);
    assert_eq!(store.scheduler_id(), id);
    assert!(!dir.path().join("jobs/b.pb.tmp").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_of_many_jobs_at_once_are_all_kept() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = JobStore::open(dir.path()).unwrap();
    let saves: Vec<_> = (0..500)
        .map(|n| {
            store.queue_record(stored(&format!("j{n}"), JobState::Running));
            store.save_record(stored(&format!("j{n}"), JobState::Failed))
        })
        .collect();
    for save in saves {
        save.await.unwrap();
    }
    drop(store);
    let (_, history) = JobStore::open(dir.path()).unwrap();
    let failed = |stored: &&StoredJob| stored.job.state() == JobState::Failed;
    assert_eq!(history.jobs.iter().filter(failed).count(), 500);
}

/// The intent of a job that makes no table.
fn empty_intent() -> Vec<u8> {
    let commits = Vec::new();
    serde_json::to_vec(&CommitIntent {
        commits,
        gold: None,
        unchanged: Default::default(),
        in_order: false,
    })
    .unwrap()
}

#[tokio::test]
async fn an_intent_counts_until_the_end_of_its_job_is_recorded() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = JobStore::open(dir.path()).unwrap();
    for id in ["a", "b"] {
        let saved = store.save_intent(stored(id, JobState::Committing), empty_intent());
        saved.await.unwrap();
    }
    // The process ends between the record of the end and the removal.
    let saved = store.save_record(stored("b", JobState::Failed));
    saved.await.unwrap();
    drop(store);
    let (store, mut history) = JobStore::open(dir.path()).unwrap();
    assert!(history.take_intent("a").unwrap().is_ok());
    assert!(history.take_intent("b").is_none());
    let files = std::fs::read_dir(dir.path().join("jobs"))
        .unwrap()
        .flatten();
    let mut names: Vec<_> = files.map(|file| file.file_name()).collect();
    names.sort();
    assert_eq!(names, ["a.intent", "a.pb", "b.pb"]);
    store.remove_unfinished("a");
    // Requests are handled in order.
    store
        .save_record(stored("a", JobState::Succeeded))
        .await
        .unwrap();
    assert!(!dir.path().join("jobs/a.intent").exists());
}

#[tokio::test]
async fn a_record_that_cannot_be_written_is_an_error_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = JobStore::open(dir.path()).unwrap();
    // A folder in the place of the temporary file.
    let obstacle = dir.path().join("jobs/a.pb.tmp");
    std::fs::create_dir(&obstacle).unwrap();
    let error = store.save_record(stored("a", JobState::Accepted)).await;
    let error = error.unwrap_err().to_string();
    assert!(error.contains("a.pb"), "{error}");
    let failed = store.save_intent(stored("a", JobState::Committing), empty_intent());
    failed.await.unwrap_err();
    assert!(
        !dir.path().join("jobs/a.intent").exists(),
        "no intent without its record"
    );
    std::fs::remove_dir(&obstacle).unwrap();
    store
        .save_record(stored("a", JobState::Accepted))
        .await
        .unwrap();
}
