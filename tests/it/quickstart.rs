//! The first command of the README.

use crate::submit;
use crate::{gold, wait};

#[test]
fn quickstart_makes_data_runs_the_job_and_prints_the_tables() {
    let _turn = wait::heavy();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let run = || {
        let args = [
            "--user-events",
            "4000",
            "--transactions",
            "1000",
            "--data",
            data.to_str().unwrap(),
        ];
        submit::spawn_program(env!("CARGO_BIN_EXE_quickstart"), args)
            .wait()
            .expect(0)
    };
    let output = run();
    for part in gold::EXAMPLE.iter().copied().chain([
        "Kafka is librdkafka's mock broker",
        "user_events: ",
        "net_revenue",
        "submit-job --plan",
    ]) {
        assert!(output.stdout.contains(part), "{part} is not in\n{output}");
    }
    gold::sound(&data.join("gold"), 0);
    gold::equals_oracle(&data.join("landing"), &data.join("gold"));
    // Once more on the same data.
    let again = run();
    assert!(again.stdout.contains("already"), "{again}");
    gold::sound(&data.join("gold"), 1);
}
