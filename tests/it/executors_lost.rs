//! Executors that die or hang while they run a job.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::data::Landing;
use crate::process::Signal;
use crate::sandbox::{Cluster, Executor};
use crate::submit::{self, RunningProgram};
use crate::{gold, wait};

/// A phase of a job, as observed at one executor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// The executor has a landing file open and keeps no rows yet.
    Scanning,
    /// The executor keeps rows of a finished stage, for tasks that have not read
    /// them yet, and writes no gold file.
    Shuffling,
    /// The executor has a gold file open.
    Writing,
}

impl Moment {
    fn is_seen_at(self, executor: &Executor, job: &Value, landing: &Path, gold: &Path) -> bool {
        match self {
            Self::Scanning => executor.process.has_open(landing) && bytes_kept(executor) == 0,
            Self::Shuffling => {
                let stages = job["progress"]["stages_done"].as_u64().unwrap_or(0);
                stages > 0 && bytes_kept(executor) > 0 && !executor.process.has_open(gold)
            }
            Self::Writing => executor.process.has_open(gold),
        }
    }
}

/// Bytes of shuffled and staged rows on an executor's disk.
fn bytes_kept(executor: &Executor) -> u64 {
    let files = gold::files_below(&executor.work_dir);
    files
        .into_iter()
        .filter(|(path, _)| path.extension().is_some_and(|e| e == "arrow"))
        .map(|(_, size)| size)
        .sum()
}

/// How many jobs are started until one is observed in the moment: jobs are
/// short, and which moments can be observed is a matter of chance.
const MAX_TRIES: u32 = 20;

/// A running job that was observed in a moment.
struct CaughtJob {
    running: RunningProgram,
    gold: PathBuf,
    /// The executor at which the moment was observed.
    executor: usize,
}

/// Starts the example job, with a new gold folder each time, until one of the
/// jobs is observed in the moment at any executor.
fn catch_job(moment: Moment, cluster: &Cluster, landing: &Path) -> CaughtJob {
    for number in 0..MAX_TRIES {
        let job = format!("{moment:?}-{number}");
        let gold = cluster.path(&job);
        let running = cluster.spawn_example(&job, landing, &gold);
        let seen = wait::wait_until(
            &format!("an executor is {moment:?}"),
            wait::DEADLINE,
            || {
                let record = cluster.find_job(&job)?;
                let mut executors = cluster.executors.iter();
                let seen =
                    executors.position(|one| moment.is_seen_at(one, &record, landing, &gold));
                let over = record["state"] == "SUCCEEDED";
                (seen.is_some() || over).then_some(seen)
            },
        );
        if let Some(executor) = seen {
            return CaughtJob {
                running,
                gold,
                executor,
            };
        }
        running.wait().expect_code(0);
    }
    panic!("{MAX_TRIES} jobs ended before {moment:?} was observed");
}

#[test]
fn killed_executors_change_nothing_but_the_time() {
    let _turn = wait::exclusive_turn();
    let mut cluster = Cluster::start();
    let landing = cluster.path("landing");
    Landing::LARGE.write(&landing);
    for moment in [Moment::Scanning, Moment::Shuffling, Moment::Writing] {
        let caught = catch_job(moment, &cluster, &landing);
        cluster.kill_executor(caught.executor);
        expect_success(caught.running, &landing, &caught.gold);
        cluster.wait_for_executors(1);
        cluster.add_executor();
        cluster.wait_for_executors(2);
    }
}

/// How many executors [`an_executor_may_be_killed_after_any_stage`] kills;
/// `SLUICE_CHAOS_EXECUTORS` sets it. Each takes some seconds.
fn kills() -> u64 {
    let wanted = std::env::var("SLUICE_CHAOS_EXECUTORS").ok();
    wanted.map_or(6, |number| number.parse().unwrap())
}

/// A stage that runs when an executor is lost may have given its outputs to the next one
/// already: they must not count twice, and nothing may be missing.
#[test]
fn an_executor_may_be_killed_after_any_stage() {
    let _turn = wait::exclusive_turn();
    let mut cluster = Cluster::start();
    let landing = cluster.path("landing");
    Landing::LARGE.write(&landing);
    let undisturbed = cluster.spawn_example("undisturbed", &landing, &cluster.path("undisturbed"));
    undisturbed.wait().expect_code(0);
    let job = cluster.find_job("undisturbed").unwrap();
    let stages = job["progress"]["stages_done"].as_u64().unwrap();
    for number in 0..kills() {
        let after = 1 + (number * 5) % (stages - 1);
        let job = format!("killed-{number}");
        let gold = cluster.path(&job);
        let running = cluster.spawn_example(&job, &landing, &gold);
        wait::wait_until("a stage has ended", wait::DEADLINE, || {
            let record = cluster.find_job(&job)?;
            let done = record["progress"]["stages_done"].as_u64().unwrap_or(0);
            (done >= after).then_some(())
        });
        cluster.kill_executor((number % 2) as usize);
        expect_success(running, &landing, &gold);
        cluster.add_executor();
        cluster.wait_for_executors(2);
    }
}

/// How many executors are killed in one job. One more could end it: the same task may run
/// on each of them.
const KILLS_IN_ONE_JOB: usize = 2;

/// A stage keeps rows for later steps, and they are lost with an executor while the later
/// steps run, as often as a step has attempts. The job computes them again.
#[test]
fn a_job_ends_although_executors_die_as_often_as_steps_have_attempts() {
    let _turn = wait::exclusive_turn();
    let mut cluster = Cluster::start();
    let landing = cluster.path("landing");
    Landing::LARGE.write(&landing);
    for number in 0..3 {
        let id = format!("dying-{number}");
        let gold = cluster.path(&id);
        let attempts = format!("sluice.max_attempts={KILLS_IN_ONE_JOB}");
        let mut args = vec!["--conf".to_owned(), attempts];
        args.extend(submit::example_args(&landing, &gold));
        let running = cluster.spawn_job(&id, &args);
        let mut killed = 0;
        while killed < KILLS_IN_ONE_JOB {
            let found = wait::wait_until("an executor keeps staged rows", wait::DEADLINE, || {
                let has_ended = cluster.find_job(&id)?["ended_ms"].as_i64() > Some(0);
                let mut executors = cluster.executors.iter();
                let keeper = executors.position(keeps_staged_rows);
                (has_ended || keeper.is_some()).then_some(keeper.filter(|_| !has_ended))
            });
            let Some(victim) = found else { break };
            cluster.kill_executor(victim);
            killed += 1;
            cluster.add_executor();
            cluster.wait_for_executors(2);
        }
        expect_success(running, &landing, &gold);
        assert!(killed > 0, "the job ended before it kept any rows");
    }
}

/// Whether rows that a step keeps for later ones are on an executor's disk.
fn keeps_staged_rows(executor: &Executor) -> bool {
    let mut files = gold::files_below(&executor.work_dir).into_iter();
    files.any(|(path, size)| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        size > 0 && name.starts_with("data-") && name.ends_with(".arrow")
    })
}

#[test]
fn an_executor_that_stands_still_is_given_up_and_comes_back() {
    let _turn = wait::exclusive_turn();
    let cluster = Cluster::builder()
        .scheduler_option("--executor-timeout", "3s")
        .start();
    let landing = cluster.path("landing");
    Landing::LARGE.write(&landing);
    let CaughtJob {
        running,
        gold,
        executor: victim,
    } = catch_job(Moment::Writing, &cluster, &landing);
    cluster.executors[victim].process.signal(Signal::Stop);
    cluster.wait_for_executors(1);
    expect_success(running, &landing, &gold);
    let before = gold::read_tables(&gold);

    // No job needs what it was writing any more: that must not change what
    // readers see, and the next job must succeed.
    cluster.executors[victim].process.signal(Signal::Continue);
    cluster.wait_for_executors(2);
    assert_eq!(gold::read_tables(&gold), before);
    let next = cluster.path("next");
    cluster.run_example(&landing, &next).expect_code(0);
    gold::assert_complete(&next, 0);
    assert_eq!(gold::row_counts(&next), gold::row_counts(&gold));
}

fn expect_success(running: RunningProgram, landing: &Path, gold: &Path) {
    running.wait().expect_code(0);
    gold::assert_complete(gold, 0);
    gold::assert_equals_oracle(landing, gold);
}

#[test]
fn a_job_that_lost_all_executors_fails_as_transient() {
    let _turn = wait::exclusive_turn();
    let mut cluster = Cluster::builder()
        .executors(1)
        .scheduler_option("--no-executor-timeout", "1s")
        .start();
    let landing = cluster.path("landing");
    Landing::LARGE.write(&landing);
    let gold = cluster.path("gold");
    let running = cluster.spawn_endless("lost", &landing, &gold);
    cluster.wait_for_tasks("lost");
    cluster.kill_executor(0);
    running
        .wait()
        .expect_code(1)
        .expect_stderr(&["gold is unchanged"]);
    let job = cluster.find_job("lost").unwrap();
    assert_eq!(
        (&job["state"], &job["error"]["kind"]),
        (&"FAILED".into(), &"transient".into()),
        "{job}"
    );
    assert!(gold::read_tables(&gold).is_empty());
    assert!(
        gold::unnamed_files(&gold).is_empty(),
        "{:?}",
        gold::unnamed_files(&gold)
    );
    // Without executors a cluster is not ready, and /readyz reports that.
    cluster.wait_for_executors(0);
    assert_eq!(cluster.get_page("/healthz").0, 200);
}
