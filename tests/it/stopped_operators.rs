//! Tasks are stopped inside every operator that works long on few batches.

use crate::data::Landing;
use crate::query_jobs::{executor_metric, only_executor, spawn_query, wait_for_computation};
use crate::sandbox::Cluster;
use crate::{gold, wait};

/// Queries that would compute for minutes or hours, and yield.
const QUERIES: &[(&str, &str)] = &[
    (
        "cross-join",
        "SELECT count(*) AS n FROM events AS a CROSS JOIN events AS b CROSS JOIN events AS c",
    ),
    (
        "nested-loop-join-of-many-rows",
        "SELECT count(*) AS n FROM events AS a JOIN events AS b ON a.event_id < b.event_id \
         JOIN events AS c ON b.event_id < c.event_id",
    ),
    (
        "anti-join",
        "SELECT count(*) AS n FROM events AS a \
         WHERE NOT EXISTS (SELECT 1 FROM events AS b WHERE a.event_id || b.event_id = 'x')",
    ),
    (
        "full-join",
        "SELECT count(*) AS n FROM events AS a FULL JOIN events AS b \
         ON length(a.event_id) = length(b.event_id) AND a.event_id || b.event_id = 'x'",
    ),
    (
        "sort-of-a-product",
        "SELECT max(r) AS n FROM (SELECT row_number() OVER (ORDER BY a.event_id || b.event_id) AS r \
         FROM events AS a CROSS JOIN events AS b)",
    ),
    (
        "unnest-of-large-arrays",
        "SELECT count(*) AS n FROM (SELECT explode(sequence(1, 1000 + length(a.event_id))) AS i \
         FROM events AS a CROSS JOIN events AS b) WHERE i < 0",
    ),
    (
        "aggregate-of-a-product",
        "SELECT count(DISTINCT a.event_id || b.event_id) AS n FROM events AS a CROSS JOIN events AS b",
    ),
    (
        "regular-expression",
        "SELECT count(*) AS n FROM events AS a CROSS JOIN events AS b \
         WHERE concat(a.event_id, b.event_id) RLIKE '([0-9a-f]+-)+[0-9a-f]+x$'",
    ),
];

#[test]
fn a_cancel_ends_the_threads_of_every_long_operator() {
    let _turn = wait::exclusive_turn();
    let cluster = Cluster::builder().executors(1).start();
    let metrics = cluster.executors[0].process.announced_value("http");
    let landing = cluster.path("landing");
    Landing::SMALL.write(&landing);
    let gold = cluster.path("gold");
    let before = only_executor(&cluster).unwrap();
    for (id, query) in QUERIES {
        let running = spawn_query(&cluster, id, query, &landing, &gold);
        wait_for_computation(&cluster);
        cluster.run_submit(&["--kill", id]).expect_code(0);
        running.wait().expect_code(5);
        // A task counts as running until its last thread has ended.
        wait::wait_until(&format!("{id} has ended"), wait::DEADLINE, || {
            (executor_metric(&metrics, "sluice_executor_tasks_running ")? == 0.0).then_some(())
        });
        let after = only_executor(&cluster).unwrap();
        assert_eq!(before["id"], after["id"], "{id} restarted the executor");
    }
    cluster.run_example(&landing, &gold).expect_code(0);
    gold::assert_equals_oracle(&landing, &gold);
}
