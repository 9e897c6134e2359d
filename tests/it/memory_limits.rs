//! Executors whose tasks need more memory than there is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::data::Landing;
use crate::query_jobs::{executor_metric, only_executor, spawn_query};
use crate::sandbox::{Cluster, ExecutorOptions};
use crate::{gold, wait};

const MIB: u64 = 1024 * 1024;

/// What an executor may hold with this many MiB of `--memory`.
fn limit_bytes(memory: u64) -> u64 {
    memory * MIB / 2 * 3 + 100 * MIB
}

fn start_cluster(memory: u64) -> Cluster {
    let mut cluster = Cluster::builder().executors(0).start();
    cluster.add_executor_with(&ExecutorOptions {
        memory: Some(format!("{memory}MiB")),
        ..ExecutorOptions::default()
    });
    cluster.wait_for_executors(1);
    cluster
}

/// Runs `work`, and gives the most memory that the only executor held meanwhile.
fn peak_during<T>(cluster: &Cluster, work: impl FnOnce() -> T) -> (u64, T) {
    let is_done = Arc::new(AtomicBool::new(false));
    std::thread::scope(|scope| {
        let process = &cluster.executors[0].process;
        let stop = Arc::clone(&is_done);
        let peak = scope.spawn(move || {
            let mut peak = 0;
            while !stop.load(Ordering::SeqCst) {
                peak = peak.max(process.anonymous_bytes());
                std::thread::sleep(std::time::Duration::from_millis(2));
            }
            peak
        });
        let result = work();
        is_done.store(true, Ordering::SeqCst);
        (peak.join().unwrap(), result)
    })
}

/// The memory of the machine, whatever a container may have of it.
fn machine_bytes() -> f64 {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap();
    let line = text.lines().find(|line| line.starts_with("MemTotal:"));
    let kib: f64 = line
        .unwrap()
        .split_whitespace()
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    kib * 1024.0
}

#[test]
fn executors_without_the_option_share_the_memory_of_the_machine() {
    let _turn = wait::exclusive_turn();
    let cores = std::thread::available_parallelism().unwrap().get();
    let count = cores.min(4);
    let mut cluster = Cluster::builder().executors(0).start();
    for _ in 0..count {
        cluster.add_executor_with(&ExecutorOptions {
            has_default_memory: true,
            ..ExecutorOptions::default()
        });
    }
    cluster.wait_for_executors(count);
    let sum = |metric: &str| -> f64 {
        let executors = cluster.executors.iter();
        executors
            .map(|executor| {
                let metrics = executor.process.announced_value("http");
                executor_metric(&metrics, metric).unwrap()
            })
            .sum()
    };
    let share = machine_bytes() / cores as f64 * count as f64;
    for metric in [
        "sluice_executor_memory_limit_bytes ",
        "sluice_executor_process_memory_limit_bytes ",
    ] {
        let bytes = sum(metric);
        eprintln!("{count} executors: {metric}{bytes}, of {share}");
        assert!(0.0 < bytes && bytes <= share, "{metric}{bytes} of {share}");
    }
}

#[test]
fn a_function_that_makes_gigabytes_fails_its_job_and_the_executor_stays_below_its_limit() {
    let _turn = wait::exclusive_turn();
    let memory = 128;
    let cluster = start_cluster(memory);
    let metrics = cluster.executors[0].process.announced_value("http");
    let landing = cluster.path("landing");
    Landing::SMALL.write(&landing);
    let gold = cluster.path("gold");
    let before = only_executor(&cluster).unwrap();
    assert_eq!(
        executor_metric(&metrics, "sluice_executor_process_memory_limit_bytes "),
        Some(limit_bytes(memory) as f64)
    );
    // Many allocations, and few large ones.
    for (id, query) in [
        (
            "long-texts",
            "SELECT sum(length(repeat(event_id, 40000))) AS n FROM events",
        ),
        (
            "large-arrays",
            "SELECT max(cardinality(array_repeat(event_id, 100000000 + length(event_id)))) AS n FROM events",
        ),
    ] {
        let (peak, output) = peak_during(&cluster, || {
            spawn_query(&cluster, id, query, &landing, &gold).wait()
        });
        assert!(
            peak <= limit_bytes(memory),
            "{} MiB were held for {id}\n{output}",
            peak / MIB
        );
        output.expect_code(1).expect_stderr(&[
            "write result",
            "a task ran out of memory",
            "the executor holds",
            "that it may",
            "--memory",
        ]);
    }
    // The next job is right, whether it begins before the restart or after it.
    cluster.run_example(&landing, &gold).expect_code(0);
    gold::assert_equals_oracle(&landing, &gold);
    let process = &cluster.executors[0].process;
    process.wait_for_log(&["task stopped to free memory"]);
    // It has replaced itself, in place, as its tasks could not be stopped.
    wait::wait_until("the executor is a new one", wait::DEADLINE, || {
        only_executor(&cluster).filter(|after| before["id"] != after["id"])
    });
    let log = process.read_log();
    assert!(!log.contains("SIGKILL"), "{log}");
}

#[test]
fn queries_that_spill_are_right_and_stay_below_the_limit() {
    let _turn = wait::exclusive_turn();
    let memory = 64;
    let cluster = start_cluster(memory);
    let landing = cluster.path("landing");
    Landing {
        user_events: 200_000,
        transactions: 100,
        ..Landing::SMALL
    }
    .write(&landing);
    for (id, query) in [
        (
            "aggregate",
            "SELECT event_id, count(*) AS n FROM events GROUP BY event_id",
        ),
        (
            "self-join",
            "SELECT a.event_id FROM events AS a JOIN events AS b ON a.event_id = b.event_id",
        ),
        (
            "sort",
            "SELECT event_id, row_number() OVER (ORDER BY event_id) AS n FROM events",
        ),
    ] {
        let gold = cluster.path(id);
        let (peak, output) = peak_during(&cluster, || {
            spawn_query(&cluster, id, query, &landing, &gold).wait()
        });
        output.expect_code(0);
        assert!(
            peak <= limit_bytes(memory),
            "{} MiB were held for {id}",
            peak / MIB
        );
    }
    let log = cluster.executors[0].process.read_log();
    assert!(!log.contains("replaces itself"), "{log}");
}
