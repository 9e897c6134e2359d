//! Schedulers that die while a job commits: the next one finishes what is recorded,
//! and the record says what has happened.

use std::path::Path;

use crate::bucket::Bucket;
use crate::data::Landing;
use crate::sandbox::Cluster;
use crate::{gold, submit, wait};

const LANDING: Landing = Landing {
    user_events: 500,
    transactions: 200,
    ..Landing::SMALL
};

/// Points at which the scheduler ends as in a power cut, after the intent to commit
/// is on disk: at once, between the commits of six tables, and before the end of the
/// job is recorded.
const AFTER_THE_INTENT: [&str; 5] = [
    "commit.recorded",
    "commit.made",
    "commit.made@3",
    "commit.made@6",
    "commit.all_made",
];

#[test]
fn commits_that_a_killed_scheduler_did_not_make_are_made_by_the_next() {
    let _turn = wait::exclusive_turn();
    let mut cluster = Cluster::builder().executors(1).start();
    let landing = cluster.path("landing");
    LANDING.write(&landing);
    let gold = cluster.path("gold");
    cluster.run_example(&landing, &gold).expect_code(0);
    for (version, point) in (1..).zip(AFTER_THE_INTENT) {
        cluster.restart_scheduler_with(&[("SLUICE_CRASH_POINT", point)]);
        cluster.wait_for_executors(1);
        let id = point.replace('@', "-");
        let attached = cluster.spawn_example(&id, &landing, &gold);
        cluster.scheduler.wait_for_end();
        cluster.restart_scheduler();
        // The client that stayed attached learns of the end, too.
        attached.wait().expect_code(0);
        assert_success(&cluster, &id, version);
        gold::wait_for_cleanup(&gold);
        gold::assert_complete(&gold, version);
        gold::assert_equals_oracle(&landing, &gold);
        assert_no_intents(&cluster);
        // Another restart changes nothing.
        cluster.restart_scheduler();
        assert_success(&cluster, &id, version);
        gold::assert_complete(&gold, version);
    }
    cluster.wait_for_executors(1);
    cluster.run_example(&landing, &gold).expect_code(0);
    gold::assert_complete(&gold, 1 + AFTER_THE_INTENT.len() as u64);
}

#[test]
fn without_a_recorded_intent_a_killed_scheduler_has_changed_nothing() {
    let _turn = wait::exclusive_turn();
    let mut cluster = Cluster::builder().executors(1).start();
    let landing = cluster.path("landing");
    LANDING.write(&landing);
    let gold = cluster.path("gold");
    cluster.run_example(&landing, &gold).expect_code(0);
    let before = gold::read_tables(&gold);
    cluster.restart_scheduler_with(&[("SLUICE_CRASH_POINT", "commit.prepared")]);
    cluster.wait_for_executors(1);
    let attached = cluster.spawn_example("prepared", &landing, &gold);
    cluster.scheduler.wait_for_end();
    assert_eq!(gold::read_tables(&gold), before);
    cluster.restart_scheduler();
    // The job runs again, and commits each table once.
    attached.wait().expect_code(0);
    assert_eq!(cluster.find_job("prepared").unwrap()["state"], "SUCCEEDED");
    gold::wait_for_cleanup(&gold);
    gold::assert_complete(&gold, 1);
}

/// Files that the record names were deleted before the restart: that table is not
/// committed, and the record says so.
#[test]
fn commits_whose_files_are_missing_are_not_made() {
    let _turn = wait::exclusive_turn();
    let mut cluster = Cluster::builder().executors(1).start();
    let landing = cluster.path("landing");
    LANDING.write(&landing);
    let gold = cluster.path("gold");
    cluster.restart_scheduler_with(&[("SLUICE_CRASH_POINT", "commit.recorded")]);
    cluster.wait_for_executors(1);
    let attached = cluster.spawn_example("robbed", &landing, &gold);
    cluster.scheduler.wait_for_end();
    let table = gold.join("daily_revenue");
    for path in gold::files_below(&table).into_keys() {
        std::fs::remove_file(table.join(path)).unwrap();
    }
    cluster.restart_scheduler();
    attached.wait().expect_code(1).expect_stderr(&[
        "cannot commit daily_revenue",
        "it is missing",
        "user_events",
    ]);
    let job = cluster.find_job("robbed").unwrap();
    assert_eq!(job["state"], "FAILED", "{job}");
    for dataset in job["datasets"].as_array().unwrap() {
        let wanted = match dataset["name"].as_str().unwrap() {
            "daily_revenue" => "FAILED",
            _ => "COMMITTED",
        };
        assert_eq!(dataset["phase"], wanted, "{dataset}");
    }
    assert!(!gold::read_tables(&gold).contains_key("daily_revenue"));
}

#[test]
fn commits_to_a_bucket_are_finished_after_a_restart() {
    let Some(bucket) = Bucket::create("sluice-commits") else {
        return;
    };
    let _turn = wait::exclusive_turn();
    let builder = Cluster::builder().executors(1);
    let mut cluster = builder.environment(bucket.environment()).start();
    let landing = cluster.path("landing");
    LANDING.write(&landing);
    bucket.upload(&landing, "landing");
    let job = [
        submit::example_job_path().to_str().unwrap().to_owned(),
        "--landing".to_owned(),
        bucket.url("landing"),
        "--gold".to_owned(),
        bucket.url("gold"),
    ];
    for (version, point) in (0..).zip(["commit.recorded", "commit.made@2", "commit.all_made"]) {
        cluster.restart_scheduler_with(&[("SLUICE_CRASH_POINT", point)]);
        cluster.wait_for_executors(1);
        let id = point.replace('@', "-");
        let attached = cluster.spawn_job(&id, &job);
        cluster.scheduler.wait_for_end();
        cluster.restart_scheduler();
        attached.wait().expect_code(0);
        assert_success(&cluster, &id, version);
        let gold = cluster.path(&format!("gold-{version}"));
        bucket.download("gold", &gold);
        gold::assert_complete(&gold, version);
    }
}

/// The record of a job says that every table has this version.
#[track_caller]
fn assert_success(cluster: &Cluster, id: &str, version: u64) {
    let job = cluster.wait_for_end(id);
    assert_eq!(job["state"], "SUCCEEDED", "{job}");
    let datasets = job["datasets"].as_array().unwrap();
    assert_eq!(datasets.len(), 6, "{job}");
    for dataset in datasets {
        assert_eq!(dataset["phase"], "COMMITTED", "{dataset}");
        assert_eq!(dataset["version"], version, "{dataset}");
        assert!(dataset["files"].as_u64().unwrap() > 0, "{dataset}");
    }
}

#[track_caller]
fn assert_no_intents(cluster: &Cluster) {
    let is_intent = |path: &Path| path.extension().is_some_and(|ending| ending == "intent");
    let records = cluster.path("state").join("jobs");
    wait::wait_until("intents are removed", wait::DEADLINE, || {
        let files = gold::files_below(&records);
        (!files.keys().any(|path| is_intent(path))).then_some(())
    });
}
