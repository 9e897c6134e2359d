//! Several jobs at the same time.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::data::{self, Landing};
use crate::sandbox::Cluster;
use crate::{gold, submit, wait};

#[test]
fn jobs_side_by_side_do_not_touch_each_other() {
    let _turn = wait::exclusive_turn();
    let cluster = Cluster::start();
    let landing = cluster.path("landing");
    Landing::SMALL.write(&landing);

    let (one, other) = (cluster.path("one"), cluster.path("other"));
    let jobs = [
        cluster.spawn_example("one", &landing, &one),
        cluster.spawn_example("other", &landing, &other),
    ];
    for job in jobs {
        job.wait().expect_code(0);
    }
    for gold in [&one, &other] {
        gold::assert_complete(gold, 0);
        gold::assert_equals_oracle(&landing, gold);
    }

    // Into the same folder: each job replaces the tables as a whole, so readers
    // see the job that commits last.
    let shared = cluster.path("shared");
    let jobs = [
        cluster.spawn_example("first", &landing, &shared),
        cluster.spawn_example("second", &landing, &shared),
    ];
    for job in jobs {
        job.wait().expect_code(0);
    }
    gold::assert_complete(&shared, 1);
    gold::assert_equals_oracle(&landing, &shared);
    assert_eq!(gold::row_counts(&shared), gold::row_counts(&one));
}

#[test]
fn a_submission_id_is_one_job() {
    let cluster = Cluster::start();
    let landing = cluster.path("landing");
    Landing {
        user_events: 500,
        transactions: 200,
        ..Landing::SMALL
    }
    .write(&landing);
    let gold = cluster.path("gold");
    // Twice at the same time, and once more afterwards.
    let jobs = [
        cluster.spawn_example("run-7", &landing, &gold),
        cluster.spawn_example("run-7", &landing, &gold),
    ];
    let mut known = 0;
    for job in jobs {
        let output = job.wait().expect_code(0);
        known += usize::from(output.stderr.contains("already exists as job"));
    }
    assert_eq!(
        known, 1,
        "exactly one of the two reports that the job is known"
    );
    cluster
        .spawn_example("run-7", &landing, &gold)
        .wait()
        .expect_code(0)
        .expect_stderr(&["already exists as job"]);
    let list = cluster
        .run_submit(&["--list", "--output", "json"])
        .expect_code(0)
        .json_document();
    assert_eq!(list["jobs"].as_array().unwrap().len(), 1, "{list}");
    gold::assert_complete(&gold, 0);
}

/// Six tables that each say which job wrote them.
const SIX_TABLES: &str = "
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE events (n INT) STORED AS JSON LOCATION '${landing}';
CREATE OR REFRESH MATERIALIZED VIEW a AS SELECT n FROM events;
CREATE OR REFRESH MATERIALIZED VIEW b AS SELECT n FROM events;
CREATE OR REFRESH MATERIALIZED VIEW c AS SELECT n FROM events;
CREATE OR REFRESH MATERIALIZED VIEW d AS SELECT n FROM events;
CREATE OR REFRESH MATERIALIZED VIEW e AS SELECT n FROM events;
CREATE OR REFRESH MATERIALIZED VIEW f AS SELECT n FROM events;
";

const ONE_TABLE: &str = "
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE events (n INT) STORED AS JSON LOCATION '${landing}';
CREATE OR REFRESH MATERIALIZED VIEW a AS SELECT n FROM events;
";

/// Writes a job and its input of three lines, and gives the arguments that run it.
fn write_job(cluster: &Cluster, text: &str, gold: &Path) -> Vec<String> {
    let (job, landing) = (cluster.path("job.sql"), cluster.path("numbers"));
    data::write_file(&job, text);
    data::write_file(
        &landing.join("a.json"),
        "{\"n\": 1}\n{\"n\": 2}\n{\"n\": 3}\n",
    );
    submit::job_args(&job, &landing, gold)
}

#[test]
fn tables_of_jobs_at_once_are_all_of_one_job() {
    const ROUNDS: u64 = 10;
    const JOBS: u64 = 8;
    let _turn = wait::exclusive_turn();
    let cluster = Cluster::start();
    let gold = cluster.path("gold");
    let args = write_job(&cluster, SIX_TABLES, &gold);
    for round in 1..=ROUNDS {
        let jobs: Vec<_> = (0..JOBS)
            .map(|n| cluster.spawn_job(&format!("r{round}-{n}"), &args))
            .collect();
        for job in jobs {
            job.wait().expect_code(0);
        }
        let tables = gold::read_tables(&gold);
        assert_eq!(tables.len(), 6);
        for (name, table) in &tables {
            assert_eq!(table.version, round * JOBS - 1, "{name}");
        }
        // A file's name is `part-<job id>-…`, and an id has one hyphen.
        let writers: BTreeSet<String> = tables
            .values()
            .flat_map(|table| &table.active)
            .map(|file| file.split('-').take(3).collect::<Vec<_>>().join("-"))
            .collect();
        assert_eq!(writers.len(), 1, "round {round}: {writers:?}");
    }
}

#[test]
fn no_job_fails_because_many_commit_to_one_table_and_each_counts_its_lines() {
    const JOBS: u64 = 200;
    let _turn = wait::exclusive_turn();
    let cluster = Cluster::builder()
        .scheduler_option("--max-concurrent-jobs", "64")
        .start();
    let gold = cluster.path("gold");
    let args = write_job(&cluster, ONE_TABLE, &gold);
    let mut submit = vec!["--deploy-mode".to_owned(), "cluster".to_owned()];
    submit.extend(args);
    for _ in 0..JOBS / 8 {
        let batch: Vec<_> = (0..8).map(|_| cluster.spawn_submit(&submit)).collect();
        for submitted in batch {
            submitted.wait().expect_code(0);
        }
    }
    let jobs = wait::wait_until("all jobs end", 3 * wait::DEADLINE, || {
        let list = cluster.try_api("/api/v1/jobs?limit=1000")?;
        let jobs = list["jobs"].as_array()?.clone();
        let has_ended = |job: &Value| job["ended_ms"].as_i64().is_some_and(|ms| ms > 0);
        jobs.iter().all(has_ended).then_some(jobs)
    });
    assert_eq!(jobs.len() as u64, JOBS);
    let mut versions = BTreeSet::new();
    for summary in &jobs {
        let job = cluster
            .find_job(summary["job_id"].as_str().unwrap())
            .unwrap();
        assert_eq!(job["state"], "SUCCEEDED", "{job}");
        assert_eq!(job["inputs"][0]["lines"], 3, "{job}");
        assert_eq!(job["datasets"][0]["rows"], 3, "{job}");
        versions.insert(job["datasets"][0]["version"].as_u64().unwrap());
    }
    assert_eq!(versions, (0..JOBS).collect(), "each job made one version");
    assert_eq!(gold::read_tables(&gold)["a"].version, JOBS - 1);
}

#[test]
fn a_submission_id_of_another_job_is_refused() {
    let mut cluster = Cluster::builder().executors(1).start();
    let gold = cluster.path("gold");
    let args = write_job(&cluster, ONE_TABLE, &gold);
    cluster.spawn_job("run-1", &args).wait().expect_code(0);
    let other_gold = write_job(&cluster, ONE_TABLE, &cluster.path("other"));
    for _ in 0..2 {
        cluster
            .spawn_job("run-1", &other_gold)
            .wait()
            .expect_code(2)
            .expect_stderr(&["'run-1'", "submitted at", "differs in the parameter `gold`"]);
        cluster.restart_scheduler();
    }
    assert!(!cluster.path("other").exists());
    let other_text = write_job(&cluster, SIX_TABLES, &gold);
    cluster
        .spawn_job("run-1", &other_text)
        .wait()
        .expect_code(2)
        .expect_stderr(&["differs in the text of the job file"]);
    let same = write_job(&cluster, ONE_TABLE, &gold);
    cluster
        .spawn_job("run-1", &same)
        .wait()
        .expect_code(0)
        .expect_stderr(&["already exists as job"]);
    assert_eq!(gold::read_tables(&gold)["a"].version, 0);
}
