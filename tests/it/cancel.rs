//! Jobs that are stopped before they finish.

use std::path::Path;

use crate::data::Landing;
use crate::process::Signal;
use crate::sandbox::Cluster;
use crate::{gold, submit, wait};

#[test]
fn a_job_that_is_ended_leaves_nothing_running_and_gold_as_it_was() {
    let _turn = wait::heavy();
    let cluster = Cluster::start();
    let (small, large) = (cluster.path("small"), cluster.path("large"));
    Landing::SMALL.write(&small);
    Landing::LARGE.write(&large);
    let gold = cluster.path("gold");
    cluster.example(&small, &gold).expect(0);
    let before = gold::files(&gold);
    let untouched = |job: &str, state: &str| {
        assert_eq!(cluster.job(job).unwrap()["state"], state);
        cluster.wait_idle();
        // A task that was being dispatched when its job was cancelled may end a
        // little later; its files are removed, too.
        wait::until("files of the job are removed", wait::SOON, || {
            (gold::files(&gold) == before).then_some(())
        });
    };

    // --kill from another process, while files are being written.
    let running = cluster.spawn_endless("killed", &large, &gold);
    wait_for_files(&gold, before.len());
    let answer = cluster.submit(&["--kill", "killed"]).expect(0);
    assert!(answer.stdout.contains("has ended: KILLED"), "{answer}");
    running.wait().expect(5).says(&["was killed"]);
    untouched("killed", "KILLED");
    let again = cluster.submit(&["--kill", "killed"]).expect(0);
    assert!(
        again.stdout.contains("had already ended: KILLED"),
        "{again}"
    );

    // Ctrl-C and SIGTERM to submit-job.
    for (name, signal, told) in [
        ("ctrl-c", Signal::Interrupt, "SIGINT"),
        ("term", Signal::Terminate, "SIGTERM"),
    ] {
        let running = cluster.spawn_endless(name, &large, &gold);
        cluster.wait_for_tasks(name);
        running.signal(signal);
        let output = running.wait().expect(5);
        assert!(
            output.stderr.contains(told) || output.stderr.contains("Ctrl-C"),
            "{output}"
        );
        untouched(name, "KILLED");
    }

    // A time limit, enforced by the scheduler.
    let mut args = vec![
        "--submission-id".to_owned(),
        "late".to_owned(),
        "--timeout".to_owned(),
        "700ms".to_owned(),
    ];
    args.extend(submit::job(&submit::endless_job(), &large, &gold));
    cluster.submit(&args).expect(6).says(&["time limit"]);
    untouched("late", "TIMED_OUT");

    // The cluster still works.
    cluster.example(&small, &gold).expect(0);
    gold::settles(&gold);
    gold::sound(&gold, 1);
}

#[test]
fn ctrl_c_and_time_limits_end_local_runs_too() {
    let _turn = wait::heavy();
    let folder = tempfile::tempdir().unwrap();
    let (landing, gold) = (folder.path().join("landing"), folder.path().join("gold"));
    Landing::LARGE.write(&landing);
    let local = |more: &[&str]| {
        let options = ["--master", "local[2]"]
            .iter()
            .chain(more)
            .map(|arg| (*arg).to_owned());
        let job = submit::job(&submit::endless_job(), &landing, &gold);
        submit::spawn(options.chain(job))
    };
    let running = local(&[]);
    wait_for_files(&gold, 0);
    running.signal(Signal::Interrupt);
    running.wait().expect(5);
    assert_eq!(gold::files(&gold).len(), 0, "{:?}", gold::files(&gold));
    local(&["--timeout", "500ms"]).wait().expect(6);
    assert_eq!(gold::files(&gold).len(), 0, "{:?}", gold::files(&gold));
}

/// Waits until there are more files than `known`.
fn wait_for_files(gold: &Path, known: usize) {
    wait::until("files are written to gold", wait::SOON, || {
        (gold::files(gold).len() > known).then_some(())
    });
}
