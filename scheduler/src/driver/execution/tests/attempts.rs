//! Which failures are retried, and which fail the job.

use super::*;

#[tokio::test]
async fn a_step_that_ran_out_of_memory_gets_one_attempt_with_low_memory() {
    let job = TestJob::new(TWO_WRITES);
    let files = job.run_steps(async |script| {
        let [a, b] = script.expect(["write a", "write b"]).await;
        assert!(!a.low_memory && !b.low_memory);
        a.run_out_of_memory();
        let a = script.expect_one("write a").await;
        assert!(a.low_memory);
        // A failure of another kind keeps the plan for low memory.
        a.fail_transiently();
        let a = script.expect_one("write a").await;
        assert!(a.low_memory);
        a.succeed();
        b.succeed();
    });
    assert_eq!(files.await.unwrap(), [["write a"], ["write b"]]);
}

#[tokio::test]
async fn out_of_memory_twice_fails_the_job() {
    let job = TestJob::new(TWO_WRITES);
    let runner = Arc::clone(&job.runner);
    let error = job.run_steps(async |script| {
        let [a, _b] = script.expect(["write a", "write b"]).await;
        a.run_out_of_memory();
        script.expect_one("write a").await.run_out_of_memory();
    });
    let error = error.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Execution);
    assert!(error.message.contains("out of memory"), "{}", error.message);
    assert_eq!(runner.lock().cancelled, ["write b"]);
}

#[tokio::test]
async fn a_step_gets_no_more_attempts_than_the_job_sets() {
    let job = TestJob::new(TWO_WRITES);
    let runner = Arc::clone(&job.runner);
    let error = job.run_steps(async |script| {
        let [a, _b] = script.expect(["write a", "write b"]).await;
        a.fail_transiently();
        script.expect_one("write a").await.fail_transiently();
        script.expect_one("write a").await.fail_transiently();
    });
    let error = error.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transient);
    assert!(
        error.message.contains("connection reset"),
        "{}",
        error.message
    );
    assert_eq!(runner.lock().cancelled, ["write b"]);
}

#[tokio::test]
async fn an_error_in_the_data_is_not_retried() {
    let job = TestJob::new(TWO_WRITES);
    let error = job.run_steps(async |script| {
        let [a, _b] = script.expect(["write a", "write b"]).await;
        a.fail(RunError::Failed {
            kind: ErrorKind::DataQuality,
            message: "a.json, line 1".to_owned(),
        });
    });
    assert_eq!(error.await.unwrap_err().kind(), ErrorKind::DataQuality);
}

#[tokio::test]
async fn a_plan_that_cannot_be_made_fails_the_job_and_removes_what_was_staged() {
    let job = TestJob::new(DEDUPLICATION);
    let runner = Arc::clone(&job.runner);
    // Four bytes where the ids of the duplicates should be.
    let damaged = job.folder.path().join("damaged");
    std::fs::write(&damaged, b"oops").unwrap();
    let error = job.run_failing_job(async |script| {
        script.expect_one("stage a rows 1").await.succeed();
        let duplicates = script.expect_one("stage a duplicates 1").await;
        let part = staged_part(&duplicates.token, damaged, 4);
        duplicates.succeed_with(vec![part]);
    });
    let error = error.await;
    assert_eq!(error.kind(), ErrorKind::Internal);
    assert!(error.message.contains("cannot plan a"), "{}", error.message);
    let mut removed = std::mem::take(&mut runner.lock().removed);
    removed.sort();
    assert_eq!(removed, ["job-0-1", "job-1-1"]);
}

#[tokio::test]
async fn rows_that_are_no_manifest_are_an_error_and_not_an_empty_stage() {
    let job = TestJob::new(TWO_STAGES);
    let error = job.run_failing_job(async |script| {
        let users = script.expect_one("stage users").await;
        users.succeed_with_column("another", vec!["{}".to_owned()]);
    });
    let error = error.await;
    assert_eq!(error.kind(), ErrorKind::Internal);
    assert!(
        error.message.contains("users: its manifest cannot be read"),
        "{}",
        error.message
    );
}
