//! Ids and records of jobs.

use sluice_proto::v1::{Job, JobState};

use super::id::{is_valid_submission_id, new_job_id};
use super::job_store::JobStore;

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

#[tokio::test]
async fn records_survive_and_a_torn_write_is_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let (store, past) = JobStore::open(dir.path()).unwrap();
    assert!(past.is_empty());
    let answers: Vec<_> = [JobState::Accepted, JobState::Running, JobState::Succeeded]
        .into_iter()
        .map(|state| store.save_record(job("a", state)))
        .collect();
    for answer in answers {
        answer.await.unwrap().unwrap();
    }
    std::fs::write(dir.path().join("jobs/b.tmp"), b"half").unwrap();
    std::fs::write(dir.path().join("jobs/c.pb"), b"\xff\xff\xff").unwrap();
    drop(store);
    let (_, past) = JobStore::open(dir.path()).unwrap();
    assert_eq!(past, [job("a", JobState::Succeeded)]);
    assert!(!dir.path().join("jobs/b.tmp").exists());
}
