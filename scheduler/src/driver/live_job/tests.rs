//! States, events and the log of a job.

use sluice_proto::v1::{ErrorKind, JobError};

use super::*;
use crate::driver::JobTrace;
use crate::driver::log_reader::read_log_lines;

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

#[tokio::test]
async fn the_log_is_read_back_as_it_was_written() {
    let dir = tempfile::tempdir().unwrap();
    let logs = JobLogs::start(dir.path()).unwrap();
    let live = LiveJob::new(
        job("a", JobState::Accepted),
        Some(logs.clone()),
        JobTrace::none(),
    );
    live.write_log(LogLevel::Warn, "driver", "two\nlines");
    logs.flush().await;
    live.write_log(LogLevel::Info, "driver", "");
    logs.flush().await;
    let lines = read_log_lines(dir.path(), "a").unwrap();
    let seen: Vec<_> = lines
        .iter()
        .map(|line| (line.level(), line.message.as_str()))
        .collect();
    assert_eq!(seen, [(LogLevel::Warn, "two\nlines"), (LogLevel::Info, "")]);
    assert!(read_log_lines(dir.path(), "missing").unwrap().is_empty());
    logs.remove_log("a");
    logs.flush().await;
    assert!(read_log_lines(dir.path(), "a").unwrap().is_empty());
}

#[tokio::test]
async fn a_log_is_not_open_between_its_lines() {
    let dir = tempfile::tempdir().unwrap();
    let logs = JobLogs::start(dir.path()).unwrap();
    let folder = dir.path().join("logs");
    let jobs: Vec<_> = (0..100)
        .map(|n| {
            LiveJob::new(
                job(&format!("j{n}"), JobState::Accepted),
                Some(logs.clone()),
                JobTrace::none(),
            )
        })
        .collect();
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
    for live in &jobs {
        live.write_log(LogLevel::Info, "driver", "a line");
    }
    logs.flush().await;
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 100);
    let open = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
    let open = open.filter_map(|entry| std::fs::read_link(entry.path()).ok());
    assert_eq!(open.filter(|path| path.starts_with(&folder)).count(), 0);
}

#[test]
fn a_resumed_job_sends_its_events_to_watchers_of_the_earlier_process() {
    let live = LiveJob::resume(job("a", JobState::Committing), None);
    assert_eq!(live.state(), JobState::Committing);
    let seen_before = 4_711;
    let end = live.record_in_state(JobState::Succeeded, None);
    assert!(
        !live.has_ended(),
        "the end is not reported before it is recorded"
    );
    live.publish_end(end);
    let states: Vec<_> = live
        .events_after(seen_before)
        .iter()
        .filter_map(|event| match &event.event {
            Some(Event::StateChange(change)) => Some(change.state()),
            _ => None,
        })
        .collect();
    assert_eq!(states, [JobState::Committing, JobState::Succeeded]);
    assert!(live.has_ended());
}

#[test]
fn watchers_see_every_change_and_the_last_of_many_progress_reports() {
    let live = LiveJob::new(job("a", JobState::Accepted), None, JobTrace::none());
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
    live.publish_end(live.record());
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
    let live = LiveJob::new(job("a", JobState::Accepted), None, JobTrace::none());
    live.request_stop(JobError::new(ErrorKind::TimedOut, "first"));
    live.request_stop(JobError::new(ErrorKind::Killed, "second"));
    assert_eq!(live.stop_reason().unwrap().message, "first");
    assert!(live.cancel_token().is_cancelled());
}
