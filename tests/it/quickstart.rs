//! The first command of the README.

use std::collections::BTreeMap;

use crate::{gold, submit, wait};

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
        "More events arrive",
        "user_events: ",
        "net_revenue",
        "submit-job --plan",
    ]) {
        assert!(output.stdout.contains(part), "{part} is not in\n{output}");
    }
    // The second run has taken the events that landed after the first one.
    let versions = || {
        let tables = gold::read_tables(&data.join("gold")).into_iter();
        tables
            .map(|(name, table)| (name, table.version))
            .collect::<BTreeMap<_, _>>()
    };
    let after_two = versions();
    assert!(
        after_two.values().all(|version| *version == 1),
        "{after_two:?}"
    );
    let lines = |output: &submit::Output| -> Vec<String> {
        let lines = output.stdout.lines();
        lines
            .filter(|line| line.trim_start().starts_with("user_events "))
            .map(str::to_owned)
            .collect()
    };
    let of_runs = lines(&output);
    assert_eq!(of_runs.len(), 2, "{output}");
    let rows = |line: &str| -> u64 {
        let word = line.split_whitespace().nth(1).unwrap();
        word.replace(',', "").parse().unwrap()
    };
    assert!(rows(&of_runs[1]) < rows(&of_runs[0]) / 5, "{of_runs:?}");
    gold::assert_equals_oracle(&data.join("landing"), &data.join("gold"));
    // The program again on the same data, with a file that a killed ingest would leave
    // there, and without one that was taken.
    let topic = data.join("landing/user_events");
    let landed = std::fs::read_dir(&topic)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.is_file())
        .unwrap();
    std::fs::rename(&landed, topic.join("user_events-0-0-77-0123456789ab.json")).unwrap();
    let again = run();
    assert!(again.stdout.contains("already"), "{again}");
    assert_eq!(lines(&again).len(), 1, "{again}");
    assert_eq!(rows(&lines(&again)[0]), 0, "{again}");
    // Nothing is new, for the views neither.
    for (table, version) in versions() {
        assert_eq!(version, 1, "{table}");
    }
}
