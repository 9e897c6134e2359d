//! Executors and their tasks after something went wrong: reports that do not arrive,
//! tasks that do not stop, tasks that end their executor.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use serde_json::Value;

use crate::data::Landing;
use crate::proxy::Proxy;
use crate::query_jobs::{executor_metric, only_executor, spawn_query, wait_for_computation};
use crate::sandbox::{Cluster, ExecutorOptions};
use crate::{gold, wait};

#[test]
fn the_end_of_a_task_is_reported_after_the_network_was_cut() {
    let _turn = wait::exclusive_turn();
    // The executor must not be given up: its report alone can end the job.
    let mut cluster = Cluster::builder()
        .executors(0)
        .scheduler_option("--executor-timeout", "10m")
        .start();
    let proxy = Proxy::start(cluster.grpc_address());
    cluster.add_executor_with(&ExecutorOptions {
        scheduler: Some(proxy.address().to_owned()),
        ..ExecutorOptions::default()
    });
    cluster.wait_for_executors(1);
    let metrics = cluster.executors[0].process.announced_value("http");
    let landing = cluster.path("landing");
    Landing {
        user_events: 12_000,
        ..Landing::SMALL
    }
    .write(&landing);
    let gold = cluster.path("gold");

    // One task that computes for a while.
    let query = "SELECT count(*) AS n FROM events AS a JOIN events AS b \
                 ON length(a.event_id) = length(b.event_id) AND a.event_id < b.event_id";
    let running = spawn_query(&cluster, "cut", query, &landing, &gold);
    let is_running = |count: f64| {
        // Every page costs the executor time, and tasks have a low priority.
        std::thread::sleep(std::time::Duration::from_millis(50));
        let running = executor_metric(&metrics, "sluice_executor_tasks_running ");
        (running == Some(count)).then_some(())
    };
    wait_for_computation(&cluster);
    wait::wait_until("a task runs", wait::DEADLINE, || is_running(1.0));
    proxy.cut();
    wait::wait_until("the task has ended", 3 * wait::DEADLINE, || is_running(0.0));
    // Its report has been tried: were the network restored before that, the first
    // attempt would succeed.
    let process = &cluster.executors[0].process;
    process.wait_for_log(&["cannot report ended tasks to the scheduler"]);
    let before = cluster.find_job("cut").unwrap();
    assert_eq!(before["state"], "RUNNING", "{before}");
    proxy.restore();
    running.wait().expect_code(0);
    process.wait_for_log(&["the scheduler accepts reports of tasks again"]);
    gold::wait_for_cleanup(&gold);
    assert_eq!(gold::read_tables(&gold).len(), 1);
}

/// One executor with input for queries that compute for long.
struct LongQueries {
    cluster: Cluster,
    landing: PathBuf,
    gold: PathBuf,
    /// The executor before any query.
    before: Value,
}

impl LongQueries {
    fn start() -> Self {
        let mut cluster = Cluster::builder().executors(0).start();
        cluster.add_executor_with(&ExecutorOptions::default());
        cluster.wait_for_executors(1);
        let landing = cluster.path("landing");
        Landing {
            user_events: 30_000,
            ..Landing::SMALL
        }
        .write(&landing);
        let before = only_executor(&cluster).unwrap();
        Self {
            gold: cluster.path("gold"),
            landing,
            cluster,
            before,
        }
    }

    /// Cancels a query that computes, while `hogs` threads take the processors, and
    /// waits until no thread works for it.
    fn cancel_while_it_computes(&self, id: &str, query: &str, hogs: usize) {
        let cluster = &self.cluster;
        let running = spawn_query(cluster, id, query, &self.landing, &self.gold);
        wait_for_computation(cluster);
        let _hogs = Hogs::start(hogs);
        let cancelled = Instant::now();
        cluster.run_submit(&["--kill", id]).expect_code(0);
        running.wait().expect_code(5);
        let metrics = cluster.executors[0].process.announced_value("http");
        // A task counts as running until its last thread has ended.
        wait::wait_until("no thread works for the task", 3 * wait::DEADLINE, || {
            (executor_metric(&metrics, "sluice_executor_tasks_running ")? == 0.0).then_some(())
        });
        eprintln!(
            "{id}: no thread worked for it after {:.1?}",
            cancelled.elapsed()
        );
    }

    fn assert_not_replaced(&self) {
        let after = only_executor(&self.cluster).unwrap();
        assert_eq!(self.before["id"], after["id"], "the executor was restarted");
        let process = &self.cluster.executors[0].process;
        process.wait_for_log(&["task cancelled; its threads ended"]);
        let log = process.read_log();
        assert!(!log.contains("replaces itself"), "{log}");
    }
}

const HASH_JOIN: &str = "SELECT count(*) AS n FROM events AS a JOIN events AS b \
     ON length(a.event_id) = length(b.event_id) AND a.event_id || b.event_id = 'x'";

/// Threads that take the processors from those with a low priority.
struct Hogs(Arc<AtomicBool>);

impl Hogs {
    fn start(count: usize) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        for _ in 0..count {
            let is_over = Arc::clone(&is_over);
            std::thread::spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        Self(is_over)
    }
}

impl Drop for Hogs {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_join_whose_filter_rejects_every_pair_is_stopped() {
    let _turn = wait::exclusive_turn();
    let queries = LongQueries::start();
    let nested_loop = "SELECT count(*) AS n FROM events AS a JOIN events AS b \
         ON a.event_id || b.event_id < a.event_id";
    for (id, query) in [("hash-join", HASH_JOIN), ("nested-loop-join", nested_loop)] {
        queries.cancel_while_it_computes(id, query, 0);
    }
    queries.assert_not_replaced();
    let (cluster, gold) = (&queries.cluster, &queries.gold);
    cluster.run_example(&queries.landing, gold).expect_code(0);
    gold::assert_equals_oracle(&queries.landing, gold);
}

/// Threads of tasks have a low priority, so that one that is about to end may wait long
/// for a processor.
#[test]
fn a_busy_machine_does_not_make_an_executor_replace_itself() {
    let _turn = wait::exclusive_turn();
    let queries = LongQueries::start();
    let cores = std::thread::available_parallelism().unwrap().get();
    queries.cancel_while_it_computes("busy", HASH_JOIN, 4 * cores);
    queries.assert_not_replaced();
}

#[test]
fn an_executor_whose_task_cannot_be_stopped_comes_back_by_itself() {
    let _turn = wait::exclusive_turn();
    let mut cluster = Cluster::builder().executors(0).start();
    cluster.add_executor_with(&ExecutorOptions::default());
    cluster.wait_for_executors(1);
    let landing = cluster.path("landing");
    Landing::SMALL.write(&landing);
    let gold = cluster.path("gold");
    let before = only_executor(&cluster).unwrap();
    // One call of a function, which computes for minutes.
    let query = "SELECT max(levenshtein(repeat(event_id, 20000), repeat(event_type, 40000))) AS n \
                 FROM (SELECT event_id, event_type FROM events LIMIT 1)";
    let running = spawn_query(&cluster, "stuck", query, &landing, &gold);
    wait_for_computation(&cluster);
    let cancelled = Instant::now();
    cluster.run_submit(&["--kill", "stuck"]).expect_code(0);
    running.wait().expect_code(5);
    eprintln!("the job ended {:.1?} after its cancel", cancelled.elapsed());
    // The next job is right, whether it begins before the restart or after it.
    let next = cluster.spawn_example("next", &landing, &gold);
    wait::wait_until("the executor is a new one", wait::DEADLINE, || {
        only_executor(&cluster).filter(|after| before["id"] != after["id"])
    });
    eprintln!("the executor was back after {:.1?}", cancelled.elapsed());
    next.wait().expect_code(0);
    eprintln!("the next job ended after {:.1?}", cancelled.elapsed());
    gold::assert_equals_oracle(&landing, &gold);
    cluster.executors[0]
        .process
        .wait_for_log(&["does not yield", "replaces itself with a new one"]);
    // It is still the process that the test started.
    assert!(cluster.executors[0].process.is_running());
}

#[test]
fn a_job_whose_tasks_end_their_executors_fails_and_names_the_task() {
    let _turn = wait::exclusive_turn();
    let mut cluster = Cluster::builder().executors(1).start();
    let landing = cluster.path("landing");
    Landing::SMALL.write(&landing);
    let gold = cluster.path("gold");
    let query = "SELECT count(*) AS n FROM events AS a JOIN events AS b ON a.event_type = b.event_type \
                 JOIN events AS c ON a.event_type = c.event_type";
    let running = spawn_query(&cluster, "poison", query, &landing, &gold);
    // Tasks that read end soon, so they may count for some of the losses.
    let mut killed = BTreeSet::new();
    // Up to six executors start meanwhile.
    wait::wait_until("the job ends", 3 * wait::DEADLINE, || {
        let job = cluster.find_job("poison")?;
        if job["state"] == "FAILED" {
            return Some(());
        }
        // One that was killed may be listed for a moment, with its task.
        let executors = cluster.registered_executors();
        let busy = executors
            .iter()
            .filter(|executor| executor["vcores_free"] == 0)
            .map(|executor| executor["id"].to_string())
            .find(|id| !killed.contains(id))?;
        killed.insert(busy);
        cluster.kill_executor(0);
        cluster.add_executor();
        None
    });
    let output = running.wait().expect_code(1);
    output.expect_stderr(&[
        "write result",
        "was lost with its executor 3 times",
        "partition",
        "stage",
    ]);
    let count = killed.len();
    assert!((3..=6).contains(&count), "{count} executors were killed");
    assert!(gold::read_tables(&gold).is_empty());
    // The cluster works.
    cluster.wait_for_executors(1);
    cluster.run_example(&landing, &gold).expect_code(0);
}
