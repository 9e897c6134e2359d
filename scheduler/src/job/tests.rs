//! Records, states and events of jobs.

use sluice_proto::v1::{Job, JobState, LogLevel, Progress, job_event::Event};

use super::*;

fn job(id: &str, state: JobState) -> Job {
    Job {
        job_id: id.to_owned(),
        submission_id: id.to_owned(),
        state: state.into(),
        ..Job::default()
    }
}

const STATES: [JobState; 9] = [
    JobState::Accepted,
    JobState::Planned,
    JobState::Running,
    JobState::Committing,
    JobState::Succeeded,
    JobState::Failed,
    JobState::Killed,
    JobState::Interrupted,
    JobState::TimedOut,
];

#[test]
fn no_state_follows_an_end() {
    for from in STATES.into_iter().filter(|state| is_final_state(*state)) {
        for to in STATES {
            assert!(!can_transition(from, to), "{from:?} → {to:?}");
        }
    }
}

#[test]
fn every_state_but_an_end_can_fail_and_only_committing_succeeds() {
    for from in STATES.into_iter().filter(|state| !is_final_state(*state)) {
        assert!(can_transition(from, JobState::Failed));
        assert!(can_transition(from, JobState::Killed));
        assert_eq!(
            can_transition(from, JobState::Succeeded),
            from == JobState::Committing
        );
    }
}

#[test]
fn ids_sort_by_time_and_are_plain_names() {
    let at = |seconds| chrono::DateTime::from_timestamp(seconds, 0).unwrap();
    let (first, second) = (
        new_job_id(at(1_000_000_000), u32::MAX),
        new_job_id(at(1_000_000_001), 0),
    );
    assert!(first < second, "{first} {second}");
    assert!(
        first
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-')
    );
}

#[test]
fn submission_ids_are_checked() {
    for good in ["a", "dag.task:2026-01-01T00:00:00+00:00", &"x".repeat(128)] {
        assert!(is_valid_submission_id(good), "{good}");
    }
    for bad in ["", "-a", "a b", "../etc", "a/b", "ä", &"x".repeat(129)] {
        assert!(!is_valid_submission_id(bad), "{bad}");
    }
}

#[tokio::test]
async fn records_survive_and_a_torn_write_is_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let (store, past) = JobStore::open(dir.path()).unwrap();
    assert!(past.is_empty());
    let answers: Vec<_> = [JobState::Accepted, JobState::Running, JobState::Succeeded]
        .into_iter()
        .map(|state| store.save_record(job("a", state)))
        .collect();
    for answer in answers {
        answer.await.unwrap().unwrap();
    }
    std::fs::write(dir.path().join("jobs/b.tmp"), b"half").unwrap();
    std::fs::write(dir.path().join("jobs/c.pb"), b"\xff\xff\xff").unwrap();
    drop(store);
    let (_, past) = JobStore::open(dir.path()).unwrap();
    assert_eq!(past, [job("a", JobState::Succeeded)]);
    assert!(!dir.path().join("jobs/b.tmp").exists());
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
    live.request_stop(job_error(
        sluice_proto::v1::ErrorKind::TimedOut,
        "first",
        "",
    ));
    live.request_stop(job_error(sluice_proto::v1::ErrorKind::Killed, "second", ""));
    assert_eq!(live.stop_reason().unwrap().message, "first");
    assert!(live.cancel_token().is_cancelled());
}
