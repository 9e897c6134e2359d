//! Queries that need several times the memory of their tasks: they spill, and give the
//! right rows.

use std::fmt::Write;
use std::path::Path;

use crate::query_jobs::{executor_metric, spawn_query, write_job};
use crate::sandbox::{Cluster, ExecutorOptions};
use crate::{data, gold, submit, wait};

/// A product of the events with themselves has 810,000 rows with 72 bytes of key:
/// operators need 100 to 250 MB for it.
const EVENTS: u64 = 900;
const PRODUCT: u64 = EVENTS * EVENTS;
/// A fraction of that.
const MEMORY: &str = "48MiB";

/// The pairs of all events, with a key of both.
const PAIRS: &str = "(SELECT a.event_id AS x, b.event_id AS y, a.event_id || b.event_id AS k \
     FROM events AS a CROSS JOIN events AS b)";

/// Queries that count rows, wrong rows, and something that only the right rows add up to.
fn queries() -> Vec<(&'static str, String)> {
    let places = PRODUCT * (PRODUCT + 1) / 2;
    let count = |wrong: &str, total: &str, from: &str, expected: u64| {
        format!(
            "SELECT * FROM (SELECT count(*) AS n, count_if({wrong}) AS wrong, \
             sum({total}) AS total FROM {from}) \
             WHERE n = {PRODUCT} AND wrong = 0 AND total = {expected}"
        )
    };
    let sorted = |order: &str| {
        let rows = format!(
            "(SELECT k, lag(k) OVER (ORDER BY {order}) AS before, \
             row_number() OVER (ORDER BY {order}) AS place FROM {PAIRS})"
        );
        count("k < before", "place", &rows, places)
    };
    vec![
        ("sort-by-a-column", sorted("k")),
        ("sort-by-an-expression", sorted("x || y")),
        ("sort-by-two-columns", sorted("x, y")),
        (
            "aggregate",
            count(
                "c <> 1",
                "length(m)",
                &format!("(SELECT k, count(*) AS c, max(x) AS m FROM {PAIRS} GROUP BY k)"),
                PRODUCT * 36,
            ),
        ),
        (
            "window",
            count(
                "y < before",
                "place",
                &format!(
                    "(SELECT y, lag(y) OVER (PARTITION BY x ORDER BY y) AS before, \
                     row_number() OVER (PARTITION BY x ORDER BY y) AS place FROM {PAIRS})"
                ),
                EVENTS * (EVENTS * (EVENTS + 1) / 2),
            ),
        ),
        (
            "join",
            count(
                "l.y <> r.y",
                "length(l.k)",
                &format!("{PAIRS} AS l JOIN {PAIRS} AS r ON l.k = r.k"),
                PRODUCT * 72,
            ),
        ),
    ]
}

/// Events with different ids, in no order.
fn write_landing(landing: &Path) {
    let mut lines = String::new();
    for number in 0..EVENTS {
        let mixed = number * 2_654_435_761 % (1 << 32);
        let _ = writeln!(
            lines,
            "{{\"event_id\":\"{mixed:08x}-e29b-41d4-a716-{number:012x}\"}}"
        );
    }
    data::write_file(&landing.join("user_events/a.json"), &lines);
}

#[test]
fn operators_that_need_several_times_their_memory_spill() {
    let _turn = wait::exclusive_turn();
    let mut cluster = Cluster::builder().executors(0).start();
    cluster.add_executor_with(&ExecutorOptions {
        memory: Some(MEMORY.to_owned()),
        ..ExecutorOptions::default()
    });
    cluster.wait_for_executors(1);
    let metrics = cluster.executors[0].process.announced_value("http");
    let spilled = || executor_metric(&metrics, "sluice_executor_spilled_bytes_total ").unwrap();
    let landing = cluster.path("landing");
    write_landing(&landing);
    for (id, query) in queries() {
        let (gold, before) = (cluster.path(id), spilled());
        spawn_query(&cluster, id, &query, &landing, &gold)
            .wait()
            .expect_code(0);
        assert_eq!(gold::row_counts(&gold)["result"], 1, "{id} is wrong");
        assert!(spilled() > before, "{id} has not spilled");
    }
    let log = cluster.executors[0].process.read_log();
    assert!(!log.contains("replaces itself"), "{log}");
}

#[test]
fn a_local_run_spills_too_and_stays_below_its_limit() {
    let _turn = wait::exclusive_turn();
    let folder = tempfile::tempdir().unwrap();
    let landing = folder.path().join("landing");
    write_landing(&landing);
    let run = |id: &str, query: &str| {
        let job = folder.path().join(format!("{id}.sql"));
        write_job(&job, query);
        let gold = folder.path().join(id);
        let mut args = ["--master", "local[1]", "--memory", MEMORY]
            .map(str::to_owned)
            .to_vec();
        args.extend(submit::job_args(&job, &landing, &gold));
        (submit::run_submit(args), gold)
    };
    for (id, query) in queries() {
        let (output, gold) = run(id, &query);
        output.expect_code(0);
        assert_eq!(gold::row_counts(&gold)["result"], 1, "{id} is wrong");
    }
    // What spills nothing fails, and says why, before the system ends the process.
    let (output, _) = run(
        "large-arrays",
        "SELECT max(cardinality(array_repeat(event_id, 100000000 + length(event_id)))) AS n \
         FROM events",
    );
    output.expect_code(1).expect_stderr(&[
        "write result",
        "ran out of memory",
        "this process holds",
        "--memory",
    ]);
}
