//! Stages whose parts are removed, lost or stale.

use super::*;

#[tokio::test]
async fn a_stage_is_removed_when_its_last_reader_is_done() {
    let job = TestJob::new(TWO_STAGES);
    let files = job.run_steps(async |script| {
        let users = script.expect_one("stage users").await;
        assert_eq!(users.token, "job-0-1");
        users.succeed();
        let [totals, a] = script.expect(["stage totals", "write a"]).await;
        assert_eq!(totals.token, "job-1-1");
        a.succeed();
        totals.succeed();
        let [b, c] = script.expect(["write b", "write c"]).await;
        script.expect_removed(&["job-0-1"]).await;
        b.succeed();
        c.succeed();
        script.expect_removed(&["job-0-1", "job-1-1"]).await;
    });
    assert_eq!(
        files.await.unwrap(),
        [["write a"], ["write b"], ["write c"]]
    );
}

#[tokio::test]
async fn a_lost_stage_and_what_was_staged_from_it_run_again() {
    let job = TestJob::new(TWO_STAGES);
    let files = job.run_steps(async |script| {
        script.expect_one("stage users").await.succeed();
        let [totals, a] = script.expect(["stage totals", "write a"]).await;
        totals.succeed();
        let [b, c] = script.expect(["write b", "write c"]).await;
        // `b` is written from rows that are lost later; its files count.
        b.succeed();
        script.expect_done("write b").await;
        a.lose_stage("job-0-1");
        let users = script.expect_one("stage users").await;
        assert_eq!(users.token, "job-0-2");
        script.expect_removed(&["job-0-1", "job-1-1"]).await;
        // `c` reads the lost rows: its result is discarded.
        c.succeed_with(Vec::new());
        users.succeed();
        let [totals, a] = script.expect(["stage totals", "write a"]).await;
        assert_eq!(totals.token, "job-1-2");
        a.succeed();
        totals.succeed();
        script.expect_one("write c").await.succeed();
    });
    assert_eq!(
        files.await.unwrap(),
        [["write a"], ["write b"], ["write c"]]
    );
}

#[tokio::test]
async fn a_stale_stage_is_discarded_and_runs_again() {
    let job = TestJob::new(TWO_STAGES);
    let files = job.run_steps(async |script| {
        script.expect_one("stage users").await.succeed();
        let [totals, a] = script.expect(["stage totals", "write a"]).await;
        a.lose_stage("job-0-1");
        let users = script.expect_one("stage users").await;
        totals.succeed();
        script.expect_removed(&["job-0-1", "job-1-1"]).await;
        users.succeed();
        let [totals, a] = script.expect(["stage totals", "write a"]).await;
        assert_eq!(totals.token, "job-1-2");
        a.succeed();
        totals.succeed();
        let [b, c] = script.expect(["write b", "write c"]).await;
        b.succeed();
        c.succeed();
    });
    assert_eq!(files.await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_stale_attempt_that_fails_is_retried_whatever_its_error() {
    let job = TestJob::new(TWO_STAGES);
    let files = job.run_steps(async |script| {
        script.expect_one("stage users").await.succeed();
        let [totals, a] = script.expect(["stage totals", "write a"]).await;
        totals.lose_stage("job-0-1");
        let users = script.expect_one("stage users").await;
        a.fail(RunError::Failed {
            kind: ErrorKind::Internal,
            message: "half of its input".to_owned(),
        });
        users.succeed();
        let [totals, a] = script.expect(["stage totals", "write a"]).await;
        a.succeed();
        totals.succeed();
        let [b, c] = script.expect(["write b", "write c"]).await;
        b.succeed();
        c.succeed();
    });
    assert_eq!(files.await.unwrap().len(), 3);
}

#[tokio::test]
async fn the_loss_of_a_stage_that_already_runs_again_changes_nothing_more() {
    let job = TestJob::new(TWO_STAGES);
    let files = job.run_steps(async |script| {
        script.expect_one("stage users").await.succeed();
        let [totals, a] = script.expect(["stage totals", "write a"]).await;
        totals.lose_stage("job-0-1");
        let users = script.expect_one("stage users").await;
        // The second reader finds the same loss.
        a.lose_stage("job-0-1");
        users.succeed();
        let [totals, a] = script.expect(["stage totals", "write a"]).await;
        a.succeed();
        totals.succeed();
        let [b, c] = script.expect(["write b", "write c"]).await;
        assert_eq!(
            script.removed().iter().filter(|t| *t == "job-0-1").count(),
            1
        );
        b.succeed();
        c.succeed();
    });
    assert_eq!(files.await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_part_that_is_lost_before_its_reader_is_planned_is_computed_again() {
    let job = TestJob::new(DEDUPLICATION);
    let files = job.run_steps(async |script| {
        script.expect_one("stage a rows 1").await.succeed();
        let duplicates = script.expect_one("stage a duplicates 1").await;
        let token = duplicates.token.clone();
        let part = staged_part(&token, missing_path(&token), 8);
        duplicates.succeed_with(vec![part]);
        let duplicates = script.expect_one("stage a duplicates 1").await;
        script.expect_removed(&["job-1-1"]).await;
        // No duplicates: planning reads nothing.
        duplicates.succeed_with(Vec::new());
        script.expect_one("write a").await.succeed();
    });
    assert_eq!(files.await.unwrap(), [["write a"]]);
}

/// A job that is longer than executors live gets its result all the same.
#[tokio::test]
async fn a_stage_is_computed_again_as_often_as_executors_die() {
    let job = TestJob::new(DEDUPLICATION);
    let runner = Arc::clone(&job.runner);
    let files = job.run_steps(async |script| {
        for round in 1..=20 {
            let rows = script.expect_one("stage a rows 1").await;
            assert_eq!(rows.token, format!("job-0-{round}"));
            rows.succeed();
            let duplicates = script.expect_one("stage a duplicates 1").await;
            runner.lock().lost_executors += 1;
            duplicates.lose_stage(&format!("job-0-{round}"));
        }
        script.expect_one("stage a rows 1").await.succeed();
        let duplicates = script.expect_one("stage a duplicates 1").await;
        duplicates.succeed_with(Vec::new());
        script.expect_one("write a").await.succeed();
    });
    assert_eq!(files.await.unwrap(), [["write a"]]);
}

#[tokio::test]
async fn a_stage_that_is_lost_without_a_lost_executor_fails_the_job() {
    let job = TestJob::new(DEDUPLICATION);
    let error = job.run_steps(async |script| {
        for round in 1..=3 {
            script.expect_one("stage a rows 1").await.succeed();
            let duplicates = script.expect_one("stage a duplicates 1").await;
            duplicates.lose_stage(&format!("job-0-{round}"));
        }
    });
    let error = error.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transient);
    assert!(
        error.message.contains("were lost repeatedly"),
        "{}",
        error.message
    );
}
