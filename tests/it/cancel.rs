//! Jobs that are stopped before they finish.

use std::path::Path;

use crate::data::Landing;
use crate::process::Signal;
use crate::sandbox::Cluster;
use crate::{gold, submit, wait};

#[test]
fn a_job_that_is_ended_leaves_nothing_running_and_gold_as_it_was() {
    let _turn = wait::exclusive_turn();
    let cluster = Cluster::start();
    let (small, large) = (cluster.path("small"), cluster.path("large"));
    Landing::SMALL.write(&small);
    Landing::LARGE.write(&large);
    let gold = cluster.path("gold");
    cluster.run_example(&small, &gold).expect_code(0);
    let before = gold::files_below(&gold);
    let assert_gold_unchanged = |job: &str, state: &str| {
        assert_eq!(cluster.find_job(job).unwrap()["state"], state);
        cluster.wait_idle();
        // A task that was being dispatched when its job was cancelled may end a
        // little later; its files are removed, too.
        wait::wait_until("files of the job are removed", wait::DEADLINE, || {
            (gold::files_below(&gold) == before).then_some(())
        });
    };

    // --kill from another process, while files are being written.
    let running = cluster.spawn_endless("killed", &large, &gold);
    wait_for_files(&gold, before.len());
    let answer = cluster.run_submit(&["--kill", "killed"]).expect_code(0);
    assert!(answer.stdout.contains("has ended: KILLED"), "{answer}");
    running.wait().expect_code(5).expect_stderr(&["was killed"]);
    assert_gold_unchanged("killed", "KILLED");
    let again = cluster.run_submit(&["--kill", "killed"]).expect_code(0);
    assert!(
        again.stdout.contains("had already ended: KILLED"),
        "{again}"
    );

    // Ctrl-C and SIGTERM to submit-job.
    for (name, signal, expected) in [
        ("ctrl-c", Signal::Interrupt, "SIGINT"),
        ("term", Signal::Terminate, "SIGTERM"),
    ] {
        let running = cluster.spawn_endless(name, &large, &gold);
        cluster.wait_for_tasks(name);
        running.signal(signal);
        let output = running.wait().expect_code(5);
        assert!(
            output.stderr.contains(expected) || output.stderr.contains("Ctrl-C"),
            "{output}"
        );
        assert_gold_unchanged(name, "KILLED");
    }

    // A time limit, enforced by the scheduler. A submit-job that waits for the end
    // would cancel the job itself if the scheduler were late.
    let endless = submit::job_args(&submit::endless_job_path(), &large, &gold);
    let submit_late = |id: &str, mode: &str| {
        let options = [
            "--submission-id",
            id,
            "--timeout",
            "700ms",
            "--deploy-mode",
            mode,
        ];
        let mut args = options.map(str::to_owned).to_vec();
        args.extend_from_slice(&endless);
        cluster.run_submit(&args)
    };
    submit_late("late", "cluster").expect_code(0);
    cluster.wait_for_end("late");
    assert_gold_unchanged("late", "TIMED_OUT");
    submit_late("late-and-watched", "client")
        .expect_code(6)
        .expect_stderr(&["time limit"]);
    let state = cluster.wait_for_end("late-and-watched")["state"].clone();
    assert_gold_unchanged("late-and-watched", state.as_str().unwrap());

    // The cluster still works.
    cluster.run_example(&small, &gold).expect_code(0);
    gold::wait_for_cleanup(&gold);
    gold::assert_complete(&gold, 1);
}

#[test]
fn ctrl_c_and_time_limits_end_local_runs_too() {
    let _turn = wait::exclusive_turn();
    let folder = tempfile::tempdir().unwrap();
    let (landing, gold) = (folder.path().join("landing"), folder.path().join("gold"));
    Landing::LARGE.write(&landing);
    let local = |more: &[&str]| {
        let options = ["--master", "local[2]"]
            .iter()
            .chain(more)
            .map(|arg| (*arg).to_owned());
        let job = submit::job_args(&submit::endless_job_path(), &landing, &gold);
        submit::spawn_submit(options.chain(job))
    };
    let running = local(&[]);
    wait_for_files(&gold, 0);
    running.signal(Signal::Interrupt);
    running.wait().expect_code(5);
    assert_eq!(
        gold::files_below(&gold).len(),
        0,
        "{:?}",
        gold::files_below(&gold)
    );
    local(&["--timeout", "500ms"]).wait().expect_code(6);
    assert_eq!(
        gold::files_below(&gold).len(),
        0,
        "{:?}",
        gold::files_below(&gold)
    );
}

/// Waits until there are more files than `known`.
fn wait_for_files(gold: &Path, known: usize) {
    wait::wait_until("files are written to gold", wait::DEADLINE, || {
        (gold::files_below(gold).len() > known).then_some(())
    });
}
