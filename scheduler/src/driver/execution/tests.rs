//! The steps of a job over a runner whose attempts end as a test decides: which
//! attempts are made, which results count, and what is removed.

mod attempts;
mod cancels;
mod fake_runner;
mod lost_stages;

use std::time::Duration;

use sluice_engine::job::QueryLimits;
use sluice_engine::session::{RuntimeOptions, build_runtime};
use sluice_gold::{GoldTables, TableLocks};
use sluice_proto::v1::job_event::Event;
use sluice_proto::v1::{Job, JobEvent, JobState};
use sluice_storage::{StoreOptions, Stores};
use tempfile::TempDir;
use tokio::sync::mpsc::UnboundedReceiver;

use super::*;
use crate::driver::{CheckedSubmission, JobTrace, NoRecorder, Planner, PlannerOptions};
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

/// How long a script may take: far more than it needs.
const SCRIPT_TIMEOUT: Duration = Duration::from_secs(120);

/// A job over a fake runner.
struct TestJob {
    driver: Driver,
    live: Arc<LiveJob>,
    submission: Arc<CheckedSubmission>,
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
                planner: Planner::new(PlannerOptions::default()),
                query_limits: QueryLimits::default(),
            },
            live: LiveJob::new(
                Job {
                    job_id: "job".to_owned(),
                    state: JobState::Accepted.into(),
                    ..Job::default()
                },
                None,
                JobTrace::none(),
            ),
            submission: Arc::new(CheckedSubmission {
                job,
                gold,
                settings,
                scope: sluice_jobfile::RunScope::default(),
                columns: std::collections::BTreeMap::new(),
            }),
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
        let analyzed = self
            .driver
            .analyze_dry("job", &self.submission)
            .await
            .unwrap();
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
        let run = self
            .driver
            .run_job(&self.live, &self.submission, &NoRecorder);
        let both = async { tokio::join!(run, script(&mut script_state)) };
        let (end, ()) = tokio::time::timeout(SCRIPT_TIMEOUT, both).await.unwrap();
        script_state.assert_all_ended();
        end.result.unwrap_err()
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
