use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier};
use sluice_proto::v1::{
    DatasetPhase, DatasetProgress, ErrorKind, JobError, JobState, LogLevel, LogLine, Progress,
};

use super::super::snapshot::ClusterSnapshot;
use super::super::state::TopCommand;
use super::*;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

const NOW_MS: i64 = 1_795_417_649_000;

fn executor(number: u32, state: ExecutorState) -> Executor {
    Executor {
        id: format!("e{number}"),
        address: format!("10.0.0.{number}:5{number:04}"),
        state: state.into(),
        vcores: 2,
        vcores_free: number % 2,
        tasks_given: 1_234,
        resident_memory_bytes: 3 << 29,
        last_heartbeat_seconds: 0.25,
        ..Executor::default()
    }
}

fn job(name: &str, state: JobState) -> Job {
    let mut job = Job {
        job_id: format!("id-of-{name}"),
        name: name.to_owned(),
        user: "ann".to_owned(),
        submitted_ms: NOW_MS - 65_000,
        ended_ms: if state.is_final() { NOW_MS } else { 0 },
        ..Job::default()
    };
    job.set_state(state);
    job
}

fn running() -> Job {
    let mut dataset = DatasetProgress {
        name: "daily".to_owned(),
        tasks_done: 3,
        tasks_total: 4,
        rows: 5_000,
        ..DatasetProgress::default()
    };
    dataset.set_phase(DatasetPhase::Writing);
    Job {
        progress: Some(Progress {
            tasks_done: 3,
            tasks_total: 4,
            datasets: vec![dataset],
            executors: 2,
            ..Progress::default()
        }),
        ..job("nightly", JobState::Running)
    }
}

fn failed() -> Job {
    Job {
        reason: Some(
            JobError::new(ErrorKind::DataQuality, "a line is malformed").with_next_step("fix it"),
        ),
        ..job("hourly", JobState::Failed)
    }
}

fn cluster() -> ClusterSnapshot {
    ClusterSnapshot {
        version: "1.2.3".to_owned(),
        started_ms: NOW_MS - 3_600_000,
        executors: vec![
            executor(1, ExecutorState::Active),
            executor(2, ExecutorState::Quarantined),
        ],
        jobs: vec![running(), failed(), job("weekly", JobState::Succeeded)],
        open_job: None,
    }
}

fn state() -> TopState {
    TopState::new("sluice://h:1", true, cluster())
}

fn draw_at(state: &mut TopState, width: u16, height: u16) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    let mut drawn = DrawnText::default();
    terminal
        .draw(|frame| drawn = draw_top(frame, state, NOW_MS))
        .unwrap();
    state.drawn = drawn;
    terminal.backend().buffer().clone()
}

fn lines_of(buffer: &Buffer) -> Vec<String> {
    let width = usize::from(buffer.area.width);
    let rows = buffer.content.chunks(width);
    rows.map(|row| {
        let line: String = row.iter().map(|cell| cell.symbol()).collect();
        line.trim_end().to_owned()
    })
    .collect()
}

fn screen(state: &mut TopState) -> Vec<String> {
    lines_of(&draw_at(state, 80, 24))
}

/// The style of the first cell of a text on the screen.
fn style_of(buffer: &Buffer, text: &str) -> Style {
    let lines = lines_of(buffer);
    let (y, line) = (0..)
        .zip(&lines)
        .find(|(_, line)| line.contains(text))
        .unwrap();
    let x = line[..line.find(text).unwrap()].chars().count();
    buffer[(u16::try_from(x).unwrap(), y)].style()
}

fn press(state: &mut TopState, codes: &[KeyCode]) -> Option<TopCommand> {
    let mut command = None;
    for code in codes {
        draw_at(state, 80, 24);
        command = state.handle_key(KeyEvent::new(*code, KeyModifiers::NONE));
    }
    command
}

fn log_line(number: usize, level: LogLevel) -> LogLine {
    LogLine {
        at_ms: NOW_MS,
        level: level.into(),
        target: "driver".to_owned(),
        message: format!("line {number}"),
    }
}

#[test]
fn a_cluster_fits_the_smallest_usual_terminal() {
    let mut state = state();
    let lines = screen(&mut state);
    assert!(
        lines[0].starts_with("sluice://h:1 version 1.2.3, up 1 h 00 min"),
        "{lines:#?}"
    );
    assert!(lines[0].ends_with("2026-11-23 07:07:29 UTC"), "{lines:#?}");
    assert_eq!(
        lines[1], "2 executors, 3 of 4 vcores busy, 3.0 GiB; 1 job has not ended",
        "{lines:#?}"
    );
    let words =
        |line: &String| -> Vec<String> { line.split_whitespace().map(str::to_owned).collect() };
    assert_eq!(
        words(&lines[4]),
        [
            "10.0.0.1:50001",
            "1/2",
            "1.5",
            "GiB",
            "1234",
            "active",
            "0.2",
            "s"
        ]
    );
    assert_eq!(words(&lines[5])[5], "quarantined");
    assert_eq!(
        words(&lines[7]),
        ["job", "state", "progress", "time", "submitted", "user"]
    );
    assert_eq!(
        words(&lines[8]),
        [
            "nightly",
            "RUNNING",
            "[######--]",
            "75",
            "%",
            "1",
            "min",
            "05",
            "s",
            "11-23",
            "07:06",
            "ann"
        ]
    );
    assert_eq!(
        words(&lines[9])[..4],
        ["hourly", "FAILED", "data", "quality"]
    );
    assert_eq!(words(&lines[10])[..4], ["weekly", "SUCCEEDED", "0", "rows"]);
    assert_eq!(
        lines[23].trim_end(),
        "q quit   ↑↓ select   Enter details   l log   k kill"
    );
}

#[test]
fn colours_are_only_where_they_may_be() {
    for color in [true, false] {
        let mut state = TopState::new("sluice://h:1", color, cluster());
        let buffer = draw_at(&mut state, 80, 24);
        let found = |text: &str| style_of(&buffer, text).fg.filter(|fg| *fg != Color::Reset);
        assert_eq!(found("FAILED"), color.then_some(Color::Red));
        assert_eq!(found("SUCCEEDED"), color.then_some(Color::Green));
        assert_eq!(found("quarantined"), color.then_some(Color::Red));
        // What is selected shows in any case.
        let selected = style_of(&buffer, "nightly").add_modifier;
        assert!(selected.contains(Modifier::REVERSED));
    }
}

#[test]
fn every_size_is_drawn() {
    let mut state = state();
    state.cluster.executors = (1..40)
        .map(|number| executor(number, ExecutorState::Active))
        .collect();
    let views: [&[KeyCode]; 4] = [
        &[],
        &[KeyCode::Enter],
        &[KeyCode::Char('k')],
        &[KeyCode::Esc, KeyCode::Char('l')],
    ];
    for keys in views {
        press(&mut state, keys);
        for (width, height) in [
            (1, 1),
            (40, 8),
            (41, 9),
            (80, 24),
            (200, 60),
            (300, 3),
            (20, 80),
        ] {
            draw_at(&mut state, width, height);
        }
    }
    assert_eq!(
        lines_of(&draw_at(&mut state, 39, 8))[0],
        "at least 40 × 8 are needed"
    );
    let mut state = self::state();
    state.cluster.executors = (1..40)
        .map(|number| executor(number, ExecutorState::Active))
        .collect();
    let lines = screen(&mut state);
    assert!(lines.iter().any(|line| line == "and 36 more"), "{lines:#?}");
    assert!(
        lines.iter().any(|line| line.contains("nightly")),
        "{lines:#?}"
    );
}

#[test]
fn a_cluster_without_anything_says_so() {
    let mut state = TopState::new("sluice://h:1", true, ClusterSnapshot::default());
    let lines = screen(&mut state);
    assert_eq!(lines[1], "no executors: jobs wait; no job runs");
    assert_eq!(lines[3], "no jobs yet");
    for code in [
        KeyCode::Enter,
        KeyCode::Char('k'),
        KeyCode::Char('l'),
        KeyCode::Down,
    ] {
        assert_eq!(press(&mut state, &[code]), None, "{code:?}");
        assert_eq!(state.screen, Screen::Cluster);
    }
}

#[test]
fn a_lost_scheduler_shows_until_it_answers() {
    let mut state = state();
    state.lost = Some("no scheduler can be reached at h:1".to_owned());
    let buffer = draw_at(&mut state, 80, 24);
    let lines = lines_of(&buffer);
    assert_eq!(lines[2], "retrying: no scheduler can be reached at h:1");
    assert_eq!(style_of(&buffer, "retrying").fg, Some(Color::Red));
    // What was known stays.
    assert!(lines[8].starts_with("nightly"), "{lines:#?}");
    state.set_snapshot(cluster());
    assert_eq!(screen(&mut state)[2], "");
}

#[test]
fn the_selection_stays_on_its_job() {
    let mut state = state();
    press(&mut state, &[KeyCode::Down]);
    assert_eq!(state.selected.as_deref(), Some("id-of-hourly"));
    let mut newer = cluster();
    newer.jobs.insert(0, job("new", JobState::Accepted));
    state.set_snapshot(newer);
    assert_eq!(state.selected_index(), Some(2));
    press(&mut state, &[KeyCode::End, KeyCode::Down]);
    assert_eq!(state.selected.as_deref(), Some("id-of-weekly"));
    press(&mut state, &[KeyCode::Home, KeyCode::Up]);
    assert_eq!(state.selected.as_deref(), Some("id-of-new"));
    // Its record was removed: the first one is selected.
    state.set_snapshot(cluster());
    assert_eq!(state.selected_index(), Some(0));
}

#[test]
fn a_selection_below_the_screen_is_scrolled_to() {
    let mut state = state();
    state.cluster.jobs = (0..60)
        .map(|number| job(&format!("job{number:02}"), JobState::Succeeded))
        .collect();
    state.selected = Some("id-of-job00".to_owned());
    press(&mut state, &[KeyCode::PageDown, KeyCode::PageDown]);
    let shown = state.drawn.visible_lines;
    let selected = format!("job{:02}", 2 * shown);
    let lines = screen(&mut state);
    assert!(
        lines.iter().any(|line| line.starts_with(&selected)),
        "{lines:#?}"
    );
}

#[test]
fn a_kill_is_asked_for_twice() {
    let mut state = state();
    assert_eq!(press(&mut state, &[KeyCode::Char('k')]), None);
    let lines = screen(&mut state);
    assert!(
        lines.iter().any(|line| line.contains("Kill nightly?")),
        "{lines:#?}"
    );
    assert!(
        lines.iter().any(|line| line.contains("id-of-nightly")),
        "{lines:#?}"
    );
    // Any other key closes the question, and does nothing else.
    assert_eq!(press(&mut state, &[KeyCode::Char('q')]), None);
    assert_eq!(state.question, None);
    let command = press(&mut state, &[KeyCode::Char('k'), KeyCode::Char('y')]);
    assert_eq!(command, Some(TopCommand::Kill("id-of-nightly".to_owned())));
    assert_eq!(screen(&mut state)[2], "killing nightly");
    state.on_kill_answered(&running());
    assert_eq!(screen(&mut state)[2], "nightly was asked to end");
    // There is nothing to kill of one that has ended.
    assert_eq!(
        press(&mut state, &[KeyCode::Down, KeyCode::Char('k')]),
        None
    );
    assert_eq!(state.question, None);
    assert_eq!(screen(&mut state)[2], "hourly has already ended: FAILED");
}

#[test]
fn a_job_is_shown_in_detail() {
    let mut state = state();
    let command = press(&mut state, &[KeyCode::Enter]);
    assert_eq!(
        command,
        Some(TopCommand::ShowJob("id-of-nightly".to_owned()))
    );
    assert_eq!(state.open_job_id().as_deref(), Some("id-of-nightly"));
    let text = screen(&mut state).join("\n");
    for part in [
        "id-of-nightly",
        "RUNNING",
        "tasks 3/4",
        "daily",
        "5,000 rows",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    // It ends, and is shown as it is then, although the list has it no longer.
    let mut later = cluster();
    later.jobs.clear();
    later.open_job = Some(Job {
        job_id: "id-of-nightly".to_owned(),
        ..failed()
    });
    state.set_snapshot(later);
    let text = screen(&mut state).join("\n");
    assert!(text.contains("data_quality: a line is malformed"), "{text}");
    state.set_snapshot(ClusterSnapshot::default());
    let text = screen(&mut state).join("\n");
    assert!(
        text.contains("this job is not on record any longer"),
        "{text}"
    );
    press(&mut state, &[KeyCode::Esc]);
    assert_eq!(state.screen, Screen::Cluster);
}

#[test]
fn a_long_detail_is_scrolled_to_its_end_and_no_further() {
    let mut state = state();
    state.cluster.jobs[0].params = (0..60)
        .map(|number| (format!("p{number:02}"), "x".to_owned()))
        .collect();
    press(&mut state, &[KeyCode::Enter, KeyCode::End, KeyCode::Down]);
    assert!(screen(&mut state).join("\n").contains("daily"));
    press(&mut state, &[KeyCode::Up]);
    let Screen::Job(view) = &state.screen else {
        panic!("{:?}", state.screen);
    };
    assert_eq!(view.lines_above + 1, state.drawn.last_screen());
}

#[test]
fn a_log_is_followed_until_it_is_scrolled() {
    let mut state = state();
    let command = press(&mut state, &[KeyCode::Char('l')]);
    assert_eq!(
        command,
        Some(TopCommand::OpenLog("id-of-nightly".to_owned()))
    );
    for number in 0..100 {
        state.push_log_line(log_line(number, LogLevel::Info));
    }
    let lines = screen(&mut state);
    assert_eq!(lines[3], "log of nightly, lines 82 to 100 of 100, growing");
    assert_eq!(lines[22], "2026-11-23 07:07:29 INFO  driver: line 99");
    press(&mut state, &[KeyCode::PageUp]);
    state.push_log_line(log_line(100, LogLevel::Error));
    assert!(screen(&mut state)[22].ends_with("line 80"));
    press(&mut state, &[KeyCode::End]);
    let buffer = draw_at(&mut state, 80, 24);
    assert!(lines_of(&buffer)[22].ends_with("ERROR driver: line 100"));
    assert_eq!(style_of(&buffer, "ERROR").fg, Some(Color::Red));
    press(&mut state, &[KeyCode::Home, KeyCode::Right]);
    assert_eq!(screen(&mut state)[4], "INFO  driver: line 0");
    state.end_log(None);
    assert!(screen(&mut state)[3].ends_with(", complete"));
    state.end_log(Some("the connection broke"));
    assert!(screen(&mut state)[3].ends_with(", ended: the connection broke"));
    assert_eq!(
        press(&mut state, &[KeyCode::Esc]),
        Some(TopCommand::CloseLog)
    );
}

#[test]
fn a_log_keeps_its_newest_lines() {
    let mut state = state();
    press(&mut state, &[KeyCode::Char('l')]);
    for number in 0..10_005 {
        state.push_log_line(log_line(number, LogLevel::Info));
    }
    let Screen::Log(view) = &state.screen else {
        panic!("{:?}", state.screen);
    };
    assert_eq!(view.lines.len(), 10_000);
    assert_eq!(view.lines[0].message, "line 5");
}

#[test]
fn every_view_is_left_with_q_or_a_signal_key() {
    for keys in [&[][..], &[KeyCode::Enter], &[KeyCode::Char('l')]] {
        let mut state = state();
        press(&mut state, keys);
        assert_eq!(
            press(&mut state, &[KeyCode::Char('q')]),
            Some(TopCommand::Quit)
        );
        let signal = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        assert_eq!(state.handle_key(signal), Some(TopCommand::Quit));
    }
}
