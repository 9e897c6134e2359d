//! Sources of very many small files.

use std::path::Path;

use crate::query_jobs::{only_executor, spawn_query};
use crate::sandbox::{Cluster, ExecutorOptions};
use crate::{data, gold, wait};

/// One line in each of `count` files with long names.
fn write_files(landing: &Path, count: usize) {
    let name = "a-long-name-as-files-in-lakes-have-".repeat(4);
    for number in 0..count {
        let path = landing.join(format!("user_events/{name}{number:07}.json"));
        data::write_file(&path, &format!("{{\"event_id\":\"{number}\"}}\n"));
    }
}

#[test]
fn a_job_over_many_files_runs_and_its_executor_stays() {
    let _turn = wait::exclusive_turn();
    // The default: this many files must not keep an executor silent for longer.
    let mut cluster = Cluster::builder()
        .executors(0)
        .scheduler_option("--executor-timeout", "5s")
        .start();
    cluster.add_executor_with(&ExecutorOptions::default());
    cluster.wait_for_executors(1);
    let before = only_executor(&cluster).unwrap();
    let (landing, gold) = (cluster.path("landing"), cluster.path("gold"));
    write_files(&landing, 10_000);
    let query = "SELECT count(DISTINCT event_id) AS n FROM events";
    spawn_query(&cluster, "many-files", query, &landing, &gold)
        .wait()
        .expect_code(0);
    let record = cluster.wait_for_end("many-files");
    assert!(record.to_string().contains("10000"), "{record}");
    assert_eq!(only_executor(&cluster).unwrap()["id"], before["id"]);
    for process in [&cluster.scheduler, &cluster.executors[0].process] {
        let log = process.read_log();
        assert!(!log.contains("silent"), "{log}");
    }
    assert_eq!(gold::read_tables(&gold).len(), 1);
}
