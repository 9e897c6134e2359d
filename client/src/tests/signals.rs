//! Ctrl-C and SIGTERM.

use std::sync::Arc;
use std::thread::JoinHandle;

use futures::channel::mpsc::UnboundedSender;
use sluice_proto::v1::{ErrorKind, JobState};

use super::fake::{Fake, Running, Step, failed, finished, state, succeeded};
use super::world::{Ran, Sink, World, wait_until};

struct Started {
    _running: Running,
    signals: UnboundedSender<&'static str>,
    err: Sink,
    ran: JoinHandle<Ran>,
}

fn start(fake: &Arc<Fake>, options: &str) -> Started {
    let running = Running::start(fake);
    let mut world = World::new();
    let signals = world.signals();
    let err = world.err.clone();
    let line = format!("--master {} {options} JOB --landing /l", running.master());
    Started {
        _running: running,
        signals,
        err,
        ran: std::thread::spawn(move || world.run(&line)),
    }
}

impl Started {
    fn until_it_runs(&self) {
        wait_until("the job runs", || self.err.text().contains("running"));
    }
}

#[test]
fn the_first_signal_cancels_and_waits_for_the_end() {
    for (signal, output) in [("Ctrl-C", ""), ("SIGTERM", "--output json")] {
        let fake = Fake::playing(vec![
            state(JobState::Running),
            Step::UntilCancelled,
            finished(failed(JobState::Killed, ErrorKind::Killed)),
        ]);
        let started = start(&fake, output);
        started.until_it_runs();
        started.signals.unbounded_send(signal).unwrap();
        let ran = started.ran.join().unwrap();
        assert_eq!(ran.code, 5, "{ran:?}");
        assert!(
            ran.err.contains(&format!("{signal}: cancelling job job-1")),
            "{ran:?}"
        );
        assert!(ran.err.contains("was killed"), "{ran:?}");
        if !output.is_empty() {
            assert_eq!(ran.json()["job"]["state"], "KILLED");
        }
        let state = fake.state.lock().unwrap();
        assert_eq!(state.cancels.len(), 1);
        assert_eq!(
            state.cancels[0].reason,
            format!("cancelled by {signal} at submit-job")
        );
    }
}

#[test]
fn a_job_that_succeeds_all_the_same_is_0() {
    let fake = Fake::playing(vec![
        state(JobState::Running),
        Step::UntilCancelled,
        finished(succeeded()),
    ]);
    let started = start(&fake, "");
    started.until_it_runs();
    started.signals.unbounded_send("Ctrl-C").unwrap();
    assert_eq!(started.ran.join().unwrap().code, 0);
}

#[test]
fn the_second_signal_leaves_at_once() {
    let fake = Fake::playing(vec![state(JobState::Running), Step::Stall]);
    let started = start(&fake, "");
    started.until_it_runs();
    started.signals.unbounded_send("Ctrl-C").unwrap();
    wait_until("the job is cancelled", || {
        !fake.state.lock().unwrap().cancels.is_empty()
    });
    started.signals.unbounded_send("Ctrl-C").unwrap();
    let ran = started.ran.join().unwrap();
    assert_eq!(ran.code, 5, "{ran:?}");
    assert!(
        ran.err
            .contains("it may still be ending; check with --status job-1"),
        "{ran:?}"
    );
}

#[test]
fn a_signal_during_submission_takes_the_job_back() {
    let fake = Fake::with(|state| state.hang = true);
    let started = start(&fake, "--submission-id mine");
    wait_until("it is submitted", || {
        !fake.state.lock().unwrap().submitted.is_empty()
    });
    started.signals.unbounded_send("SIGTERM").unwrap();
    let ran = started.ran.join().unwrap();
    assert_eq!(ran.code, 5, "{ran:?}");
    assert_eq!(fake.state.lock().unwrap().cancels[0].id, "mine");
}
