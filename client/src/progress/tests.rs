use std::time::Duration;

use sluice_proto::v1::{DatasetPhase, DatasetProgress, JobState, LogLevel, LogLine, Progress};

use super::plain::PlainDisplay;
use super::{live, text};

fn at(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn progress() -> Progress {
    let dataset = |name: &str, phase: DatasetPhase, done, total, rows| DatasetProgress {
        name: name.to_owned(),
        phase: phase.into(),
        tasks_done: done,
        tasks_total: total,
        rows,
    };
    Progress {
        datasets_done: 1,
        datasets_total: 3,
        stages_done: 2,
        stages_total: 5,
        tasks_done: 3,
        tasks_running: 2,
        tasks_total: 8,
        rows_read: 1_000_000,
        bytes_read: 3 << 20,
        rows_written: 12_345,
        bytes_written: 1 << 20,
        elapsed_ms: 4200,
        datasets: vec![
            dataset("transactions", DatasetPhase::Writing, 1, 4, 12_000),
            dataset("daily", DatasetPhase::Committed, 2, 2, 345),
            dataset("ranked", DatasetPhase::Pending, 0, 0, 0),
        ],
        executors: 2,
        vcores: 2,
    }
}

#[test]
fn live_lines_show_the_job_and_each_dataset() {
    let lines = live::progress_lines(JobState::Running, &progress(), at(4200), Some("executor"));
    assert_eq!(
        lines.join("\n"),
        "running: datasets 1/3, stages 2/5, tasks 3/8 (2 running), \
         read 1,000,000 rows (3.0 MiB), written 12,345 rows (1.0 MiB), 4.20 s\n  \
         transactions writing   [#####---------------] 1/4 12,000 rows\n  \
         daily        committed 345 rows\n  \
         ranked       pending"
    );
}

#[test]
fn live_lines_stay_few_and_report_missing_executors() {
    let mut many = progress();
    many.datasets = (0..30)
        .map(|number| DatasetProgress {
            name: format!("d{number}"),
            ..DatasetProgress::default()
        })
        .collect();
    many.executors = 0;
    many.tasks_running = 0;
    let hint = Some("executor --scheduler h:1");
    let lines = live::progress_lines(JobState::Planned, &many, at(2000), hint);
    assert_eq!(lines.len(), 19);
    assert_eq!(lines[18], "  and 14 more");
    assert_eq!(
        lines[1],
        "  waiting for executors: start one with `executor --scheduler h:1`"
    );
    let local = live::progress_lines(JobState::Planned, &many, at(2000), None);
    assert_eq!(local.len(), 18, "a local run waits for no executors");
}

#[test]
fn plain_lines_come_with_changes_and_as_signs_of_life() {
    let mut plain = PlainDisplay::new(Some("executor".to_owned()));
    assert_eq!(plain.state_lines(JobState::Running, at(10)), ["running"]);
    let mut now = progress();
    now.datasets_done = 0;
    let state = JobState::Running;
    assert!(plain.progress_lines(state, &now, at(100)).is_empty());
    now.datasets_done = 1;
    assert_eq!(plain.progress_lines(state, &now, at(200)).len(), 1);
    assert!(plain.progress_lines(state, &now, at(4_000)).is_empty());
    let line = plain.progress_lines(state, &now, at(5_200));
    assert!(line[0].starts_with("running: datasets 1/3"), "{line:?}");
    assert!(plain.progress_lines(state, &now, at(9_000)).is_empty());
    assert!(plain.state_lines(JobState::Succeeded, at(9_500)).is_empty());
}

#[test]
fn plain_lines_report_missing_executors_once_and_their_arrival() {
    let mut plain = PlainDisplay::new(Some("executor".to_owned()));
    let state = JobState::Planned;
    let mut now = Progress::default();
    assert!(
        plain.progress_lines(state, &now, at(500)).is_empty(),
        "too soon"
    );
    let waiting = plain.progress_lines(state, &now, at(1_000));
    assert_eq!(
        waiting,
        ["waiting for executors: start one with `executor`"]
    );
    assert!(plain.progress_lines(state, &now, at(2_000)).is_empty());
    now.executors = 1;
    now.vcores = 2;
    let come = plain.progress_lines(state, &now, at(2_500));
    assert_eq!(come, ["1 executor with 2 cores registered"]);
    let mut local = PlainDisplay::new(None);
    assert!(
        local
            .progress_lines(state, &Progress::default(), at(2_000))
            .is_empty()
    );
}

#[test]
fn log_lines_name_level_and_target() {
    let line = LogLine {
        at_ms: 1,
        level: LogLevel::Warn.into(),
        target: "driver".into(),
        message: "executor e1 lost".into(),
    };
    assert_eq!(text::log_line(&line), "WARN  driver: executor e1 lost");
}
