//! Landing and gold in an S3 bucket.

use crate::bucket::{Bucket, SECRET};
use crate::data::Landing;
use crate::sandbox::Cluster;
use crate::{gold, submit, wait};

#[test]
fn landing_and_gold_may_lie_in_a_bucket() {
    let Some(bucket) = Bucket::create("sluice-e2e") else {
        return;
    };
    let _turn = wait::exclusive_turn();
    let cluster = Cluster::builder().environment(bucket.environment()).start();
    let landing = cluster.path("landing");
    Landing::SMALL.write(&landing);
    bucket.upload(&landing, "landing");
    let job = [
        submit::example_job_path().to_str().unwrap().to_owned(),
        "--landing".to_owned(),
        bucket.url("landing"),
        "--gold".to_owned(),
        bucket.url("gold"),
    ];
    // Tables are created, then replaced; executors read staged data of each other.
    for version in [0, 1] {
        let output = cluster.run_submit(&job).expect_code(0);
        assert!(!output.to_string().contains(SECRET), "{output}");
        let gold = cluster.path(&format!("gold-{version}"));
        bucket.download("gold", &gold);
        gold::assert_complete(&gold, version);
        gold::assert_equals_oracle(&landing, &gold);
    }
    let logs = cluster.scheduler.log_tail() + &cluster.executors[0].process.log_tail();
    assert!(!logs.contains(SECRET), "{logs}");

    // A bucket that does not exist is named in the message.
    let mut elsewhere = job;
    elsewhere[2] = "s3://no-such-bucket-of-sluice/landing".to_owned();
    cluster
        .run_submit(&elsewhere)
        .expect_code(9)
        .expect_stderr(&["no-such-bucket-of-sluice"]);
}
