//! The exit codes that no other test covers. 1 is in `executors_lost`, 2 in
//! `invalid`, 3 in `modes`, 5 and 6 in `cancel`, 7 in `scheduler_lost`, 9 in
//! `storage`.

use std::fs::File;
use std::process::{Command, Stdio};

use crate::process::{self, KillOnDrop, Signal};
use crate::sandbox::Cluster;
use crate::{loopback, submit, wait};

#[test]
fn an_unreachable_master_is_4_and_the_message_says_how_to_start_one() {
    let free = loopback::unused_address();
    let folder = tempfile::tempdir().unwrap();
    let job = submit::example_args(folder.path(), &folder.path().join("gold"));
    let master = format!("sluice://{free}");
    let actions: [&[&str]; 4] = [
        &["--list"],
        &["--status", "x"],
        &["--kill", "x"],
        &["--logs", "x"],
    ];
    for action in actions {
        submit::run_submit(["--master", &master].iter().chain(action))
            .expect_code(4)
            .expect_stderr(&["scheduler --bind"]);
    }
    let args = [
        "--master".to_owned(),
        master,
        "--output".to_owned(),
        "json".to_owned(),
    ];
    let output = submit::run_submit(args.iter().chain(&job))
        .expect_code(4)
        .expect_stderr(&["scheduler --bind", &free.to_string()]);
    assert_eq!(output.json_document()["error"]["kind"], "unavailable");
    submit::run_submit(
        args.iter()
            .map(String::as_str)
            .chain(["--plan"])
            .chain(job.iter().map(String::as_str)),
    )
    .expect_code(4);
}

#[test]
fn an_unknown_job_is_8_and_questions_are_0() {
    let cluster = Cluster::builder().executors(0).start();
    for action in ["--status", "--kill", "--logs"] {
        cluster
            .run_submit(&[action, "nobody"])
            .expect_code(8)
            .expect_stderr(&["nobody", "--list"]);
    }
    let document = cluster
        .run_submit(&["--status", "nobody", "--output", "json"])
        .expect_code(8)
        .json_document();
    assert_eq!(document["error"]["kind"], "not_found");
    let list = cluster.run_submit(&["--list"]).expect_code(0);
    assert!(list.stdout.contains("no jobs yet"), "{list}");
    submit::run_submit(["--version"]).expect_code(0);
    let help = submit::run_submit(["--help"]).expect_code(0);
    assert!(help.stdout.contains("Exit codes"), "{help}");
    // The first of several masters that answers is used.
    let free = loopback::unused_address();
    let masters = cluster
        .master()
        .replace("sluice://", &format!("sluice://{free},"));
    submit::run_submit(["--master", masters.as_str(), "--list"]).expect_code(0);
}

#[test]
fn a_list_that_is_repeated_ends_with_0_at_a_signal() {
    let cluster = Cluster::builder().executors(0).start();
    let master = cluster.master();
    let path = cluster.path("lists");
    for signal in [Signal::Interrupt, Signal::Terminate] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_submit-job"));
        command
            .args(["--master", &master, "--list", "--watch", "0.2"])
            .stdin(Stdio::null())
            .stdout(File::create(&path).unwrap());
        submit::clear_environment(&mut command);
        let mut child = KillOnDrop(command.spawn().unwrap());
        wait::wait_until("two lists are printed", wait::DEADLINE, || {
            let text = std::fs::read_to_string(&path).unwrap();
            (text.matches("no jobs yet").count() >= 2).then_some(())
        });
        process::send_signal(&child.0, signal);
        let status = process::wait_for_end(&mut child.0, "submit-job ends", wait::DEADLINE);
        assert_eq!(status.code(), Some(0), "after {signal:?}");
    }
}
