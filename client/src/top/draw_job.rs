//! Makes a screen of one job, or of its log.

use std::borrow::Cow;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;
use sluice_proto::v1::LogLine;
use sluice_service::console::replace_controls;
use sluice_service::format::format_time;

use super::draw::{BOLD, color_style};
use super::state::{DrawnText, JobView, LogView};
use crate::color::{TextColor, level_color};
use crate::progress::{dataset_line, log_line};
use crate::report::status_lines;
use crate::table::{datasets_table, inputs_table};

/// Draws one job as `--status` prints it, with the progress of its datasets.
pub(super) fn draw_job(
    frame: &mut Frame,
    area: Rect,
    view: &JobView,
    color: bool,
    now_ms: i64,
) -> DrawnText {
    let lines = job_lines(view, now_ms);
    let drawn = DrawnText {
        visible_lines: usize::from(area.height),
        all_lines: lines.len(),
    };
    let first = view.lines_above.min(drawn.last_screen());
    let visible = lines.into_iter().skip(first).take(drawn.visible_lines);
    let removed = color_style(view.is_removed.then_some(TextColor::Yellow), color);
    let text: Vec<Line> = visible.map(|line| Line::styled(line, removed)).collect();
    frame.render_widget(Paragraph::new(text), area);
    drawn
}

fn job_lines(view: &JobView, now_ms: i64) -> Vec<String> {
    let job = &view.job;
    let mut text = Vec::new();
    if view.is_removed {
        text.push("this job is not on record any longer".to_owned());
    }
    text.extend(status_lines(job, now_ms));
    if let Some(progress) = &job.progress
        && !job.state().is_final()
    {
        let width = progress.datasets.iter().map(|dataset| dataset.name.len());
        let width = width.max().unwrap_or_default();
        text.push(String::new());
        text.extend((progress.datasets.iter()).map(|dataset| dataset_line(dataset, width)));
    } else if !job.datasets.is_empty() {
        text.push(datasets_table(&job.datasets, job.reason.is_some()));
    }
    if !job.inputs.is_empty() {
        text.push(inputs_table(&job.inputs));
    }
    let lines = text.iter().flat_map(|part| match part.as_str() {
        "" => vec![String::new()],
        part => part
            .lines()
            .map(|line| replace_controls(line).into_owned())
            .collect(),
    });
    lines.collect()
}

/// Draws the log of one job.
pub(super) fn draw_log(frame: &mut Frame, area: Rect, view: &LogView, color: bool) -> DrawnText {
    let [head, body] = Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(area);
    let drawn = DrawnText {
        visible_lines: usize::from(body.height),
        all_lines: view.lines.len(),
    };
    let first = view.first_line(drawn.visible_lines);
    frame.render_widget(log_head(view, first, drawn), head);
    let visible = view.lines.iter().skip(first).take(drawn.visible_lines);
    let text: Vec<Line> = visible.map(|line| format_log_line(line, color)).collect();
    let text = Paragraph::new(text).scroll((0, view.columns_left));
    frame.render_widget(text, body);
    drawn
}

fn log_head(view: &LogView, first: usize, drawn: DrawnText) -> Line<'_> {
    let shown = (drawn.all_lines - first).min(drawn.visible_lines);
    let place = match drawn.all_lines {
        0 => String::new(),
        all => format!(", lines {} to {} of {all}", first + 1, first + shown),
    };
    let state: Cow<'_, str> = match &view.end {
        None => "growing".into(),
        Some(reason) if reason.is_empty() => "complete".into(),
        Some(reason) => format!("ended: {reason}").into(),
    };
    Line::from_iter([
        Span::styled(format!("log of {}", view.name), BOLD),
        Span::raw(format!("{place}, {state}")),
    ])
}

/// As `--logs` prints it.
fn format_log_line(line: &LogLine, color: bool) -> Line<'static> {
    let text = replace_controls(&log_line(line)).into_owned();
    let level = line.level().name();
    let rest = text.strip_prefix(level).unwrap_or(&text).to_owned();
    Line::from_iter([
        Span::styled(
            format!("{} ", format_time(line.at_ms)),
            color_style(Some(TextColor::Dim), color),
        ),
        Span::styled(level, color_style(level_color(line.level()), color)),
        Span::raw(rest),
    ])
}
