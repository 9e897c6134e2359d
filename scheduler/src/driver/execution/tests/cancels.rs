//! Jobs that are cancelled.

use super::*;

#[tokio::test]
async fn a_cancel_stops_every_step_and_removes_what_was_staged() {
    let job = TestJob::new(TWO_STAGES);
    let runner = Arc::clone(&job.runner);
    let error = job.run_failing_job(async |script| {
        script.expect_one("stage users").await.succeed();
        let _running = script.expect(["stage totals", "write a"]).await;
        script
            .live
            .request_stop(JobError::new(ErrorKind::Killed, "enough"));
    });
    let error = error.await;
    assert_eq!(
        (error.kind(), error.message.as_str()),
        (ErrorKind::Killed, "enough")
    );
    let mut state = std::mem::take(&mut *runner.lock());
    state.cancelled.sort();
    state.removed.sort();
    assert_eq!(state.cancelled, ["stage totals", "write a"]);
    assert_eq!(state.removed, ["job-0-1", "job-1-1"]);
}

#[tokio::test]
async fn a_job_that_waits_for_its_tables_can_be_cancelled() {
    let job = TestJob::new(TWO_WRITES);
    let gold = job.driver.stores.parse_location(&job.submission.gold);
    let table = job.driver.gold.open(&gold.unwrap(), "b").unwrap();
    // Another job commits to one of the tables, and does not end.
    let _locks = TableLocks::acquire(&[table]).await;
    let gold = job.folder.path().join("gold");
    let error = job.run_failing_job(async |script| {
        let [a, b] = script.expect(["write a", "write b"]).await;
        a.succeed();
        b.succeed();
        script.expect_done("write a").await;
        script.expect_done("write b").await;
        let stop = JobError::new(ErrorKind::Killed, "enough");
        script.live.request_stop(stop);
    });
    assert_eq!(error.await.message, "enough");
    assert!(!gold.join("a/_delta_log").exists(), "nothing was committed");
}
