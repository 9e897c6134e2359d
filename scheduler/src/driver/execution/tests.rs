//! The steps of a job over a runner whose attempts end as a test decides: which
//! attempts are made, which results count, and what is removed.

mod fake_runner;

use std::time::Duration;

use sluice_engine::session::{RuntimeOptions, build_runtime};
use sluice_gold::GoldTables;
use sluice_proto::v1::job_event::Event;
use sluice_proto::v1::{Job, JobEvent, JobState};
use sluice_storage::{StoreOptions, Stores};
use tempfile::TempDir;
use tokio::sync::mpsc::UnboundedReceiver;

use super::*;
use crate::driver::CheckedSubmission;
use fake_runner::{Attempt, FakeRunner, RunnerState, missing_path, staged_part};

/// `users` is staged for `a` and `totals`, and `totals` for `b` and `c`.
const TWO_STAGES: &str = "
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE events (user_id STRING, amount INT) STORED AS JSON LOCATION '${landing}/events';
CREATE TEMPORARY VIEW users AS SELECT user_id, sum(amount) AS amount FROM events GROUP BY user_id;
CREATE TEMPORARY VIEW totals AS SELECT amount, count(*) AS n FROM users GROUP BY amount;
CREATE OR REFRESH MATERIALIZED VIEW a AS SELECT user_id FROM users;
CREATE OR REFRESH MATERIALIZED VIEW b AS SELECT amount FROM totals;
CREATE OR REFRESH MATERIALIZED VIEW c AS SELECT n FROM totals;
";

/// Two datasets that do not depend on each other.
const TWO_WRITES: &str = "
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE events (user_id STRING, amount INT) STORED AS JSON LOCATION '${landing}/events';
CREATE OR REFRESH MATERIALIZED VIEW a AS SELECT user_id FROM events WHERE amount > 1;
CREATE EXTERNAL TABLE others (user_id STRING) STORED AS JSON LOCATION '${landing}/events';
CREATE OR REFRESH MATERIALIZED VIEW b AS SELECT user_id FROM others;
";

/// The rows are staged, then the ids of the duplicates, then `a` is written.
/// Planning `a` reads the ids.
const DEDUPLICATION: &str = "
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE events (user_id STRING, amount INT) STORED AS JSON LOCATION '${landing}/events';
CREATE OR REFRESH MATERIALIZED VIEW a AS
SELECT user_id FROM events QUALIFY row_number() OVER (PARTITION BY user_id ORDER BY amount) = 1;
";

const SCRIPT_TIMEOUT: Duration = Duration::from_secs(20);

/// A job over a fake runner.
struct TestJob {
    driver: Driver,
    live: Arc<LiveJob>,
    submission: CheckedSubmission,
    attempts: UnboundedReceiver<Attempt>,
    runner: Arc<parking_lot::Mutex<RunnerState>>,
    folder: TempDir,
}

impl TestJob {
    fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let events = folder.path().join("events");
        std::fs::create_dir(&events).unwrap();
        std::fs::write(
            events.join("a.json"),
            "{\"user_id\": \"u\", \"amount\": 1}\n",
        )
        .unwrap();
        let gold = folder.path().join("gold").display().to_string();
        let params = BTreeMap::from([
            ("landing".to_owned(), folder.path().display().to_string()),
            ("gold".to_owned(), gold.clone()),
        ]);
        let file = sluice_jobfile::parse_job_file("test.sql", text).unwrap();
        let job = file.bind_parameters(&params).unwrap();
        let settings =
            JobSettings::new(&job, [("sluice.max_attempts".to_owned(), "3".to_owned())]).unwrap();
        let stores = Stores::new(StoreOptions::from_env());
        let (runner, attempts, state) = FakeRunner::new();
        Self {
            driver: Driver {
                runner: Arc::new(runner),
                gold: GoldTables::new(stores.clone()),
                runtime: build_runtime(stores.clone(), &RuntimeOptions::default()).unwrap(),
                stores,
            },
            live: LiveJob::new(
                Job {
                    job_id: "job".to_owned(),
                    state: JobState::Accepted.into(),
                    ..Job::default()
                },
                None,
            ),
            submission: CheckedSubmission {
                job,
                gold,
                settings,
            },
            attempts,
            runner: state,
            folder,
        }
    }

    /// Runs the steps while `script` ends the attempts.
    async fn run_steps(
        self,
        script: impl AsyncFnOnce(&mut Script),
    ) -> Result<Vec<Vec<String>>, JobError> {
        let analyzed = self.driver.analyze_job(&self.submission).await.unwrap();
        let mut script_state = Script {
            attempts: self.attempts,
            runner: Arc::clone(&self.runner),
            live: Arc::clone(&self.live),
        };
        let mut execution = JobExecution::new(
            &self.driver,
            &self.live,
            &analyzed,
            &self.submission.settings,
        );
        let both = async { tokio::join!(execution.run_steps(), script(&mut script_state)) };
        let (result, ()) = tokio::time::timeout(SCRIPT_TIMEOUT, both).await.unwrap();
        script_state.assert_all_ended();
        let paths = |files: &Arc<[DataFile]>| files.iter().map(|file| file.path.clone()).collect();
        result.map(|written| written.values().map(paths).collect())
    }

    /// Runs the whole job, which fails, while `script` ends the attempts.
    async fn run_failing_job(self, script: impl AsyncFnOnce(&mut Script)) -> JobError {
        let mut script_state = Script {
            attempts: self.attempts,
            runner: Arc::clone(&self.runner),
            live: Arc::clone(&self.live),
        };
        let run = self.driver.run_job(&self.live, &self.submission);
        let both = async { tokio::join!(run, script(&mut script_state)) };
        let (result, ()) = tokio::time::timeout(SCRIPT_TIMEOUT, both).await.unwrap();
        script_state.assert_all_ended();
        result.unwrap_err()
    }
}

/// What a test decides while the steps run.
struct Script {
    attempts: UnboundedReceiver<Attempt>,
    runner: Arc<parking_lot::Mutex<RunnerState>>,
    live: Arc<LiveJob>,
}

impl Script {
    /// The next attempts that start, in any order, by the names of their steps.
    async fn expect<const N: usize>(&mut self, names: [&str; N]) -> [Attempt; N] {
        let mut started = Vec::new();
        for _ in 0..N {
            started.push(self.attempts.recv().await.unwrap());
        }
        names.map(|name| {
            let found = started.iter().position(|attempt| attempt.name == name);
            let names: Vec<&str> = started
                .iter()
                .map(|attempt| attempt.name.as_str())
                .collect();
            assert!(found.is_some(), "{name} is not among {names:?}");
            started.swap_remove(found.unwrap())
        })
    }

    async fn expect_one(&mut self, name: &str) -> Attempt {
        let [attempt] = self.expect([name]).await;
        attempt
    }

    /// Waits until the driver has logged that this step is done.
    async fn expect_done(&self, step: &str) {
        let is_done = |event: &JobEvent| matches!(&event.event, Some(Event::Log(line)) if line.target == step && line.level() == LogLevel::Info);
        while !self.live.events_after(0).iter().any(is_done) {
            tokio::task::yield_now().await;
        }
    }

    /// No attempt runs, and none was started that the script did not expect.
    fn assert_all_ended(&mut self) {
        assert!(self.runner.lock().running.is_empty());
        let more = self.attempts.try_recv().map(|attempt| attempt.name);
        assert!(more.is_err(), "{more:?} was started in addition");
    }

    fn removed(&self) -> Vec<String> {
        self.runner.lock().removed.clone()
    }

    /// Waits until these folders, in this order, were removed.
    async fn expect_removed(&self, tokens: &[&str]) {
        while self.removed() != tokens {
            assert!(
                self.removed().len() <= tokens.len(),
                "{:?} were removed, not {tokens:?}",
                self.removed()
            );
            tokio::task::yield_now().await;
        }
    }
}

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
