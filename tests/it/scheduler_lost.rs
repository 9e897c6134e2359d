//! A scheduler that dies or stops: its history, its running jobs, and its
//! executors after a restart.

use crate::data::Landing;
use crate::process::Signal;
use crate::sandbox::Cluster;
use crate::{gold, wait};

#[test]
fn a_killed_scheduler_comes_back_with_its_history_and_its_executors() {
    let _turn = wait::heavy();
    let mut cluster = Cluster::start();
    let (small, large) = (cluster.path("small"), cluster.path("large"));
    Landing::SMALL.write(&small);
    Landing::LARGE.write(&large);
    let gold = cluster.path("gold");
    cluster
        .spawn_example("before", &small, &gold)
        .wait()
        .expect(0);
    let before = (gold::tables(&gold), cluster.job("before").unwrap());

    let attached = cluster.spawn_endless("during", &large, &gold);
    cluster.wait_for_tasks("during");
    let last_words = cluster.submit(&["--logs", "during"]).expect(0).stdout;
    cluster.restart_scheduler();
    // The client that stayed attached reports what happened to the job.
    attached.wait().expect(7).says(&[
        "the scheduler stopped while the job ran",
        "submit the job again",
    ]);
    let during = cluster.job("during").unwrap();
    assert_eq!(
        (&during["state"], &during["error"]["kind"]),
        (&"INTERRUPTED".into(), &"interrupted".into()),
        "{during}"
    );
    assert_eq!(gold::tables(&gold), before.0, "gold is as it was");
    // The history is unchanged, too.
    assert_eq!(
        cluster.job("before").unwrap()["datasets"],
        before.1["datasets"]
    );
    let list = cluster
        .submit(&["--list", "--output", "json"])
        .expect(0)
        .json();
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
    let log = cluster.submit(&["--logs", "during"]).expect(0).stdout;
    assert!(
        log.starts_with(&last_words),
        "the log should continue from\n{last_words}\nbut is\n{log}"
    );

    // Executors register again by themselves, and the job can be resubmitted.
    cluster.wait_for_executors(2);
    cluster.wait_idle();
    wait::until("files of the interrupted job are removed", wait::SOON, || {
        gold::strays(&gold).is_empty().then_some(())
    });
    cluster
        .spawn_example("after", &large, &gold)
        .wait()
        .expect(0);
    for (name, table) in gold::tables(&gold) {
        assert_eq!(table.version, 1, "{name}");
    }
    gold::equals_oracle(&large, &gold);
}

#[test]
fn a_scheduler_that_is_told_to_stop_drains_and_records_what_it_had_to_end() {
    let _turn = wait::heavy();
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
        leaving.process.ended().success(),
        "{}",
        leaving.process.log()
    );
    running.wait().expect(0);
    gold::sound(&gold, 0);
    gold::equals_oracle(&small, &gold);
    cluster.wait_for_executors(1);

    // A job that takes longer than the drain.
    let before = gold::files(&gold);
    let attached = cluster.spawn_endless("cut", &large, &gold);
    cluster.wait_for_tasks("cut");
    cluster.scheduler.signal(Signal::Terminate);
    assert!(
        cluster.scheduler.ended().success(),
        "{}",
        cluster.scheduler.log()
    );
    cluster.restart_scheduler();
    attached.wait().expect(7);
    assert_eq!(cluster.job("cut").unwrap()["state"], "INTERRUPTED");
    assert_eq!(
        gold::files(&gold),
        before,
        "gold is as it was, without strays"
    );
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
    wait::until("the job waits for some time", wait::SOON, || {
        let waited = cluster.job("waiting")?["progress"]["elapsed_ms"].as_u64()?;
        (waited > 2_000).then_some(())
    });
    assert_eq!(cluster.job("waiting").unwrap()["state"], "PLANNED");
    cluster.kill_scheduler();
    let output = attached.wait().expect(4);
    output.says(&["executor --scheduler", "retrying", "--status"]);
}
