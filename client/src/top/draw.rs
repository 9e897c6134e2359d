//! Makes a screen of the state of a live view.

use std::time::Duration;

use ratatui::Frame;
use ratatui::layout::{Alignment, Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Cell, Clear, Paragraph, Row, Table, TableState};
use sluice_proto::v1::{Executor, ExecutorState, Job};
use sluice_service::format::{format_bytes, format_count, format_duration, format_time};

use super::draw_job::{draw_job, draw_log};
use super::state::{DrawnText, KillQuestion, Screen, TopState};
use crate::color::{TextColor, state_color};
use crate::progress::progress_bar;

/// Of a terminal on which a user can see what happens.
const SMALLEST: (u16, u16) = (40, 8);
/// The part of a screen that the list of executors has at most.
const EXECUTORS_SHARE: u16 = 3;

/// Draws the state; the clock is `now_ms`, since the Unix epoch.
pub(crate) fn draw_top(frame: &mut Frame, state: &TopState, now_ms: i64) -> DrawnText {
    let area = frame.area();
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        let text = format!("at least {} × {} are needed", SMALLEST.0, SMALLEST.1);
        frame.render_widget(Paragraph::new(text), area);
        return DrawnText::default();
    }
    let [head, note, body, foot] = Layout::vertical([
        Constraint::Length(2),
        Constraint::Length(1),
        Constraint::Min(1),
        Constraint::Length(1),
    ])
    .areas(area);
    draw_head(frame, head, state, now_ms);
    frame.render_widget(note_line(state), note);
    let drawn = match &state.screen {
        Screen::Cluster => draw_cluster(frame, body, state, now_ms),
        Screen::Job(view) => draw_job(frame, body, view, state.color, now_ms),
        Screen::Log(view) => draw_log(frame, body, view, state.color),
    };
    frame.render_widget(keys_line(&state.screen), foot);
    if let Some(question) = &state.question {
        draw_question(frame, area, question);
    }
    drawn
}

/// A style in this colour, where there are colours.
pub(super) fn color_style(color: Option<TextColor>, allowed: bool) -> Style {
    match color.filter(|_| allowed) {
        Some(TextColor::Red) => Style::new().fg(Color::Red),
        Some(TextColor::Yellow) => Style::new().fg(Color::Yellow),
        Some(TextColor::Green) => Style::new().fg(Color::Green),
        Some(TextColor::Dim) => Style::new().add_modifier(Modifier::DIM),
        None => Style::new(),
    }
}

pub(super) const BOLD: Style = Style::new().add_modifier(Modifier::BOLD);

fn draw_head(frame: &mut Frame, area: Rect, state: &TopState, now_ms: i64) {
    let [first, second] = Layout::vertical([Constraint::Length(1); 2]).areas(area);
    let cluster = &state.cluster;
    let up_ms = u64::try_from(now_ms.saturating_sub(cluster.started_ms)).unwrap_or_default();
    let up = format_duration(Duration::from_millis(up_ms));
    let time = format!("{} UTC", format_time(now_ms));
    let [left, right] =
        Layout::horizontal([Constraint::Min(0), Constraint::Length(24)]).areas(first);
    let about = format!(" version {}, up {up}", cluster.version);
    let about = Line::from(vec![Span::styled(&*state.master, BOLD), Span::raw(about)]);
    frame.render_widget(about, left);
    frame.render_widget(Line::raw(time).alignment(Alignment::Right), right);
    frame.render_widget(Line::raw(capacity_text(state)), second);
}

/// Such as `2 executors, 3 of 4 vcores busy, 1.2 GiB; 1 job has not ended`.
fn capacity_text(state: &TopState) -> String {
    let executors = &state.cluster.executors;
    let vcores: u32 = executors.iter().map(|executor| executor.vcores).sum();
    let busy: u32 = executors.iter().map(busy_vcores).sum();
    let memory: u64 = (executors.iter())
        .map(|executor| executor.resident_memory_bytes)
        .sum();
    let jobs = &state.cluster.jobs;
    let active = jobs.iter().filter(|job| !job.state().is_final()).count() as u64;
    let active = match active {
        0 => "no job runs".to_owned(),
        1 => "1 job has not ended".to_owned(),
        several => format!("{} have not ended", format_count(several, "job")),
    };
    if executors.is_empty() {
        return format!("no executors: jobs wait; {active}");
    }
    format!(
        "{}, {busy} of {} busy, {}; {active}",
        format_count(executors.len() as u64, "executor"),
        format_count(vcores.into(), "vcore"),
        format_bytes(memory),
    )
}

fn busy_vcores(executor: &Executor) -> u32 {
    executor.vcores.saturating_sub(executor.vcores_free)
}

/// What needs attention: a lost scheduler first.
fn note_line(state: &TopState) -> Line<'_> {
    match (&state.lost, &state.note) {
        (Some(lost), _) => Line::styled(
            format!("retrying: {lost}"),
            color_style(Some(TextColor::Red), state.color),
        ),
        (None, Some(note)) => Line::styled(
            note.as_str(),
            color_style(Some(TextColor::Yellow), state.color),
        ),
        (None, None) => Line::default(),
    }
}

fn keys_line(screen: &Screen) -> Line<'static> {
    let keys: &[(&str, &str)] = match screen {
        Screen::Cluster => &[
            ("q", "quit"),
            ("↑↓", "select"),
            ("Enter", "details"),
            ("l", "log"),
            ("k", "kill"),
        ],
        Screen::Job(_) => &[
            ("q", "quit"),
            ("↑↓", "scroll"),
            ("Esc", "back"),
            ("l", "log"),
            ("k", "kill"),
        ],
        Screen::Log(_) => &[
            ("q", "quit"),
            ("↑↓←→", "scroll"),
            ("End", "follow"),
            ("Esc", "back"),
            ("k", "kill"),
        ],
    };
    let spans = keys
        .iter()
        .flat_map(|(key, what)| [Span::styled(*key, BOLD), Span::raw(format!(" {what}   "))]);
    Line::from_iter(spans)
}

fn draw_question(frame: &mut Frame, area: Rect, question: &KillQuestion) {
    let lines = [
        Line::raw(format!("Kill {}?", question.name)),
        Line::raw(question.job_id.clone()),
        Line::from_iter([
            Span::styled("y", BOLD),
            Span::raw(" kill   any other key: no"),
        ]),
    ];
    let longest = lines.iter().map(Line::width).max().unwrap_or_default();
    let width = u16::try_from(longest + 4)
        .unwrap_or(area.width)
        .min(area.width);
    let height = 5;
    let place = Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + (area.height - height) / 2,
        width,
        height,
    };
    frame.render_widget(Clear, place);
    let text = Paragraph::new(lines.to_vec()).alignment(Alignment::Center);
    frame.render_widget(text.block(Block::bordered()), place);
}

fn draw_cluster(frame: &mut Frame, area: Rect, state: &TopState, now_ms: i64) -> DrawnText {
    let executors = &state.cluster.executors;
    // Their names, and an empty line.
    let most = usize::from(area.height / EXECUTORS_SHARE).max(3) - 2;
    let shown = executors.len().min(most);
    let height = match shown {
        0 => 0,
        shown => u16::try_from(shown + 2).unwrap_or(area.height),
    };
    let [executors_area, jobs_area] =
        Layout::vertical([Constraint::Length(height), Constraint::Min(1)]).areas(area);
    if shown > 0 {
        draw_executors(frame, executors_area, executors, most, state.color);
    }
    draw_jobs(frame, jobs_area, state, now_ms);
    DrawnText {
        visible_lines: usize::from(jobs_area.height.saturating_sub(1)),
        all_lines: state.cluster.jobs.len(),
    }
}

fn draw_executors(frame: &mut Frame, area: Rect, executors: &[Executor], most: usize, color: bool) {
    let more = executors.len() > most;
    let listed = match more {
        true => most.saturating_sub(1),
        false => executors.len(),
    };
    let mut rows: Vec<Row> = executors[..listed]
        .iter()
        .map(|executor| executor_row(executor, color))
        .collect();
    if more {
        let rest = (executors.len() - listed) as u64;
        rows.push(Row::new([format!("and {rest} more")]));
    }
    let widths = [
        Constraint::Min(16),
        Constraint::Length(8),
        Constraint::Length(10),
        Constraint::Length(7),
        Constraint::Length(11),
        Constraint::Length(9),
    ];
    let names = [
        "executor",
        "  vcores",
        "    memory",
        "  tasks",
        "state",
        "heartbeat",
    ];
    let table = Table::new(rows, widths).header(Row::new(names).style(BOLD));
    frame.render_widget(table, area);
}

fn executor_row(executor: &Executor, color: bool) -> Row<'static> {
    let state = executor.state();
    let state_color = match state {
        ExecutorState::Quarantined => Some(TextColor::Red),
        ExecutorState::Draining => Some(TextColor::Yellow),
        ExecutorState::Active | ExecutorState::Unspecified => None,
    };
    let memory = match executor.resident_memory_bytes {
        0 => "-".to_owned(),
        bytes => format_bytes(bytes),
    };
    let vcores = format!("{}/{}", busy_vcores(executor), executor.vcores);
    Row::new([
        Cell::new(executor.address.clone()),
        Cell::new(format!("{vcores:>8}")),
        Cell::new(format!("{memory:>10}")),
        Cell::new(format!("{:>7}", executor.tasks_given)),
        Cell::new(state.name()).style(color_style(state_color, color)),
        Cell::new(format!("{:>7.1} s", executor.last_heartbeat_seconds)),
    ])
}

fn draw_jobs(frame: &mut Frame, area: Rect, state: &TopState, now_ms: i64) {
    let jobs = &state.cluster.jobs;
    if jobs.is_empty() {
        frame.render_widget(Line::raw("no jobs yet"), area);
        return;
    }
    let rows = jobs.iter().map(|job| job_row(job, state.color, now_ms));
    let widths = [
        Constraint::Min(12),
        Constraint::Length(11),
        Constraint::Length(17),
        Constraint::Length(11),
        Constraint::Length(11),
        Constraint::Length(8),
    ];
    let names = [
        "job",
        "state",
        "progress",
        "       time",
        "submitted",
        "user",
    ];
    let table = Table::new(rows, widths)
        .header(Row::new(names).style(BOLD))
        .row_highlight_style(Style::new().add_modifier(Modifier::REVERSED));
    let mut selection = TableState::default().with_selected(state.selected_index());
    frame.render_stateful_widget(table, area, &mut selection);
}

fn job_row(job: &Job, color: bool, now_ms: i64) -> Row<'static> {
    let time = format_duration(Duration::from_millis(job.duration_ms(now_ms)));
    // Month, day, hour and minute.
    let submitted = format_time(job.submitted_ms);
    let submitted = submitted.get(5..16).unwrap_or(&submitted).to_owned();
    Row::new([
        Cell::new(job.name.clone()),
        Cell::new(job.state().name()).style(color_style(state_color(job.state()), color)),
        Cell::new(progress_text(job)),
        Cell::new(format!("{time:>11}")),
        Cell::new(submitted),
        Cell::new(job.user.clone()),
    ])
}

/// How far a job is, or what it came to.
fn progress_text(job: &Job) -> String {
    if job.state().is_final() {
        return match &job.reason {
            Some(reason) => reason.kind().name().replace('_', " "),
            None => {
                let rows = job.datasets.iter().map(|dataset| dataset.rows).sum();
                format_count(rows, "row")
            }
        };
    }
    match &job.progress {
        Some(progress) if progress.tasks_total > 0 => {
            let (done, total) = (progress.tasks_done, progress.tasks_total);
            let bar = progress_bar(done, total, 8);
            let percent = u64::from(done.min(total)) * 100 / u64::from(total);
            format!("{bar} {percent:>3} %")
        }
        Some(progress) if progress.executors == 0 => "waits".to_owned(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests;
