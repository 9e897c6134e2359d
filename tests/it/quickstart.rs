//! The first command of the README.

use crate::submit;
use crate::{gold, wait};

#[test]
fn quickstart_makes_data_runs_the_job_and_prints_the_tables() {
    let _turn = wait::exclusive_turn();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let args = || {
        [
            "--user-events",
            "4000",
            "--transactions",
            "1000",
            "--data",
            data.to_str().unwrap(),
        ]
    };
    let run = || {
        submit::spawn_program(env!("CARGO_BIN_EXE_quickstart"), args())
            .wait()
            .expect_code(0)
    };
    let output = run();
    for part in gold::EXAMPLE_TABLES.iter().copied().chain([
        "Kafka is librdkafka's mock broker",
        "user_events: ",
        "net_revenue",
        "submit-job --plan",
    ]) {
        assert!(output.stdout.contains(part), "{part} is not in\n{output}");
    }
    gold::assert_complete(&data.join("gold"), 0);
    gold::assert_equals_oracle(&data.join("landing"), &data.join("gold"));
    // A second run on the same data, with a file that a killed ingest would leave
    // there.
    let topic = data.join("landing/user_events");
    let landed = std::fs::read_dir(&topic)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.is_file())
        .unwrap();
    std::fs::copy(&landed, topic.join("user_events-0-0-77-0123456789ab.json")).unwrap();
    let again = run();
    assert!(again.stdout.contains("already"), "{again}");
    let lines = |output: &crate::submit::Output| {
        let mut lines = output.stdout.lines();
        lines
            .find(|line| line.starts_with(" landed_user_events "))
            .map(str::to_owned)
            .unwrap()
    };
    assert_eq!(lines(&again), lines(&output));
    gold::assert_complete(&data.join("gold"), 1);
    // A third run, without a file that has landed.
    std::fs::remove_file(&landed).unwrap();
    let refused = submit::spawn_program(env!("CARGO_BIN_EXE_quickstart"), args())
        .wait()
        .expect_code(9);
    assert!(refused.stderr.contains("is missing"), "{refused}");
    gold::assert_complete(&data.join("gold"), 1);
}
