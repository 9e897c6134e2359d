//! A scheduler that dies or stops: its history, its running jobs, and its
//! executors after a restart.

use crate::data::{self, Landing};
use crate::process::Signal;
use crate::sandbox::Cluster;
use crate::{gold, submit, wait};

#[test]
fn a_killed_scheduler_comes_back_with_its_history_and_its_executors() {
    let _turn = wait::exclusive_turn();
    let mut cluster = Cluster::start();
    let (small, large) = (cluster.path("small"), cluster.path("large"));
    Landing::SMALL.write(&small);
    Landing::LARGE.write(&large);
    let gold = cluster.path("gold");
    cluster
        .spawn_example("before", &small, &gold)
        .wait()
        .expect_code(0);
    let before = (
        gold::read_tables(&gold),
        cluster.find_job("before").unwrap(),
    );

    // A submission with a secret is not kept on disk, so its job cannot run again.
    let job = cluster.path("endless.sql");
    let text = std::fs::read_to_string(submit::endless_job_path()).unwrap();
    let variable = "\nDECLARE VARIABLE access_token STRING;\n";
    data::write_file(&job, &(text + variable));
    let mut args = submit::job_args(&job, &large, &gold);
    args.extend(["--access-token".to_owned(), "s3cret".to_owned()]);
    let attached = cluster.spawn_job("during", &args);
    cluster.wait_for_tasks("during");
    let last_words = cluster
        .run_submit(&["--logs", "during"])
        .expect_code(0)
        .stdout;
    cluster.restart_scheduler();
    // The client that stayed attached reports what happened to the job.
    attached.wait().expect_code(7).expect_stderr(&[
        "the scheduler stopped while the job ran",
        "submit the job again",
    ]);
    let during = cluster.find_job("during").unwrap();
    assert_eq!(
        (&during["state"], &during["error"]["kind"]),
        (&"INTERRUPTED".into(), &"interrupted".into()),
        "{during}"
    );
    assert_eq!(gold::read_tables(&gold), before.0, "gold is as it was");
    // The history is unchanged, too.
    assert_eq!(
        cluster.find_job("before").unwrap()["datasets"],
        before.1["datasets"]
    );
    let list = cluster
        .run_submit(&["--list", "--output", "json"])
        .expect_code(0)
        .json_document();
    let states: Vec<_> = list["jobs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|job| (&job["submission_id"], &job["state"]))
        .collect();
    assert_eq!(
        states,
        [
            (&"during".into(), &"INTERRUPTED".into()),
            (&"before".into(), &"SUCCEEDED".into())
        ]
    );
    let log = cluster
        .run_submit(&["--logs", "during"])
        .expect_code(0)
        .stdout;
    assert!(
        log.starts_with(&last_words),
        "the log should continue from\n{last_words}\nbut is\n{log}"
    );

    // Executors register again by themselves, and the job can be resubmitted.
    cluster.wait_for_executors(2);
    cluster.wait_idle();
    wait::wait_until(
        "files of the interrupted job are removed",
        wait::DEADLINE,
        || gold::unnamed_files(&gold).is_empty().then_some(()),
    );
    cluster
        .spawn_example("after", &large, &gold)
        .wait()
        .expect_code(0);
    for (name, table) in gold::read_tables(&gold) {
        assert_eq!(table.version, 1, "{name}");
    }
    gold::assert_equals_oracle(&large, &gold);
}

#[test]
fn a_job_runs_again_when_its_scheduler_was_killed_but_not_for_ever() {
    let _turn = wait::exclusive_turn();
    let mut cluster = Cluster::start();
    let large = cluster.path("large");
    Landing::LARGE.write(&large);
    let gold = cluster.path("gold");
    let attached = cluster.spawn_example("again", &large, &gold);
    cluster.wait_for_tasks("again");
    cluster.restart_scheduler();
    // The client stayed attached, and sees the job that it had submitted succeed.
    attached.wait().expect_code(0);
    let job = cluster.find_job("again").unwrap();
    assert_eq!(
        (&job["state"], &job["restarts"]),
        (&"SUCCEEDED".into(), &1.into())
    );
    gold::assert_complete(&gold, 0);
    gold::assert_equals_oracle(&large, &gold);
    let log = cluster
        .run_submit(&["--logs", "again"])
        .expect_code(0)
        .stdout;
    assert!(
        log.contains("it runs again (1 of at most 3 times)"),
        "{log}"
    );
    // Nothing of the submission is left.
    let kept = gold::files_below(&cluster.path("state")).into_keys();
    let kept: Vec<_> = kept
        .filter(|path| path.extension() == Some("request".as_ref()))
        .collect();
    assert_eq!(kept, [] as [std::path::PathBuf; 0]);

    let attached = cluster.spawn_endless("endless", &large, &gold);
    for run in 0..=3 {
        cluster.wait_for_tasks("endless");
        assert_eq!(cluster.find_job("endless").unwrap()["restarts"], run);
        cluster.restart_scheduler();
    }
    attached
        .wait()
        .expect_code(7)
        .expect_stderr(&["submit the job again"]);
    gold::wait_for_cleanup(&gold);
    gold::assert_complete(&gold, 0);
}

#[test]
fn a_scheduler_that_is_asked_to_stop_drains_and_records_what_it_interrupted() {
    let _turn = wait::exclusive_turn();
    let mut cluster = Cluster::start();
    let (small, large) = (cluster.path("small"), cluster.path("large"));
    Landing::SMALL.write(&small);
    Landing::LARGE.write(&large);
    let gold = cluster.path("gold");
    // SIGTERM to an executor that runs tasks: they finish or run elsewhere. The
    // executor is stopped with SIGSTOP first, so that it cannot finish them early.
    let mut leaving = cluster.executors.remove(0);
    leaving.process.signal(Signal::Stop);
    let running = cluster.spawn_example("drained", &small, &gold);
    cluster.wait_for_tasks("drained");
    leaving.process.signal(Signal::Terminate);
    leaving.process.signal(Signal::Continue);
    assert!(
        leaving.process.wait_for_end().success(),
        "{}",
        leaving.process.log_tail()
    );
    running.wait().expect_code(0);
    gold::assert_complete(&gold, 0);
    gold::assert_equals_oracle(&small, &gold);
    cluster.wait_for_executors(1);

    // A job that takes longer than the drain.
    let before = gold::files_below(&gold);
    let attached = cluster.spawn_endless("cut", &large, &gold);
    cluster.wait_for_tasks("cut");
    cluster.scheduler.signal(Signal::Terminate);
    assert!(
        cluster.scheduler.wait_for_end().success(),
        "{}",
        cluster.scheduler.log_tail()
    );
    cluster.restart_scheduler();
    attached.wait().expect_code(7);
    assert_eq!(cluster.find_job("cut").unwrap()["state"], "INTERRUPTED");
    // Tasks that end after their scheduler leave files, which are removed soon.
    wait::wait_until("gold is as it was, without strays", wait::DEADLINE, || {
        (gold::files_below(&gold) == before).then_some(())
    });
}

#[test]
fn a_scheduler_that_does_not_come_back_is_unreachable() {
    let mut cluster = Cluster::builder().executors(0).start();
    let landing = cluster.path("landing");
    Landing {
        user_events: 100,
        transactions: 50,
        ..Landing::SMALL
    }
    .write(&landing);
    // Without executors the job waits, and submit-job reports that.
    let attached = cluster.spawn_example("waiting", &landing, &cluster.path("gold"));
    attached.wait_for_stderr("executor --scheduler");
    cluster.wait_for_state("waiting", "PLANNED");
    cluster.kill_scheduler();
    let output = attached.wait().expect_code(4);
    output.expect_stderr(&["executor --scheduler", "retrying", "--status"]);
}
