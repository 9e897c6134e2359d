//! States, events and the log of a job.

use sluice_proto::v1::{ErrorKind, JobError};

use super::*;

fn job(id: &str, state: JobState) -> Job {
    Job {
        job_id: id.to_owned(),
        submission_id: id.to_owned(),
        state: state.into(),
        ..Job::default()
    }
}

#[test]
fn no_state_follows_an_end() {
    for from in JobState::ALL.into_iter().filter(|state| state.is_final()) {
        for to in JobState::ALL {
            assert!(!can_transition(from, to), "{from:?} → {to:?}");
        }
    }
}

#[test]
fn every_state_but_an_end_can_fail_and_only_committing_succeeds() {
    for from in JobState::ALL.into_iter().filter(|state| !state.is_final()) {
        assert!(can_transition(from, JobState::Failed));
        assert!(can_transition(from, JobState::Killed));
        assert_eq!(
            can_transition(from, JobState::Succeeded),
            from == JobState::Committing
        );
    }
}

#[test]
fn the_log_is_read_back_as_it_was_written() {
    let dir = tempfile::tempdir().unwrap();
    let live = LiveJob::new(
        job("a", JobState::Accepted),
        LogFile::create(dir.path(), "a").ok(),
    );
    live.write_log(LogLevel::Warn, "driver", "two\nlines");
    live.write_log(LogLevel::Info, "driver", "");
    let lines = LogFile::read_lines(dir.path(), "a").unwrap();
    let seen: Vec<_> = lines
        .iter()
        .map(|line| (line.level(), line.message.as_str()))
        .collect();
    assert_eq!(seen, [(LogLevel::Warn, "two\nlines"), (LogLevel::Info, "")]);
    assert!(
        LogFile::read_lines(dir.path(), "missing")
            .unwrap()
            .is_empty()
    );
}

#[test]
fn watchers_see_every_change_and_the_last_of_many_progress_reports() {
    let live = LiveJob::new(job("a", JobState::Accepted), None);
    for tasks in 1..=100 {
        live.publish_progress(Progress {
            tasks_done: tasks,
            ..Progress::default()
        });
    }
    live.advance_state(JobState::Planned, None);
    // Not a transition that the state machine allows.
    live.advance_state(JobState::Succeeded, None);
    assert_eq!(live.state(), JobState::Planned);
    live.publish_finished();
    let events = live.events_after(0);
    let progress: Vec<_> = events
        .iter()
        .filter_map(|event| match &event.event {
            Some(Event::Progress(progress)) => Some(progress.tasks_done),
            _ => None,
        })
        .collect();
    assert_eq!(progress, [100]);
    assert!(
        events
            .windows(2)
            .all(|pair| pair[0].sequence < pair[1].sequence)
    );
    assert!(matches!(
        events.last().unwrap().event,
        Some(Event::Finished(_))
    ));
    let after = events[0].sequence;
    assert_eq!(live.events_after(after).len(), events.len() - 1);
}

#[test]
fn the_first_reason_to_stop_stays() {
    let live = LiveJob::new(job("a", JobState::Accepted), None);
    live.request_stop(JobError::new(ErrorKind::TimedOut, "first"));
    live.request_stop(JobError::new(ErrorKind::Killed, "second"));
    assert_eq!(live.stop_reason().unwrap().message, "first");
    assert!(live.cancel_token().is_cancelled());
}
