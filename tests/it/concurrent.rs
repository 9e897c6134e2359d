//! Several jobs at the same time.

use crate::data::Landing;
use crate::sandbox::Cluster;
use crate::{gold, wait};

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
