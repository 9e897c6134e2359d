//! Progress as lines that are updated in place, on a terminal.

use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use sluice_proto::v1::{JobState, Progress};

use super::{plain, text};

/// A job that ends sooner shows only its result.
const FIRST_DRAW: Duration = Duration::from_millis(150);
const DRAWS_PER_SECOND: u8 = 10;
/// More lines than a small terminal has would flicker.
const MAX_DATASETS: usize = 16;

pub(super) struct LiveDisplay {
    executor_hint: Option<String>,
    state: JobState,
    progress: Progress,
    lines: MultiProgress,
    bars: Vec<ProgressBar>,
}

impl LiveDisplay {
    pub(super) fn new(executor_hint: Option<String>) -> Self {
        let target = ProgressDrawTarget::stderr_with_hz(DRAWS_PER_SECOND);
        Self {
            executor_hint,
            state: JobState::Accepted,
            progress: Progress::default(),
            lines: MultiProgress::with_draw_target(target),
            bars: Vec::new(),
        }
    }

    pub(super) fn set_state(&mut self, state: JobState, elapsed: Duration) {
        self.state = state;
        self.draw_lines(elapsed);
    }

    pub(super) fn set_progress(&mut self, progress: Progress, elapsed: Duration) {
        self.progress = progress;
        self.draw_lines(elapsed);
    }

    pub(super) fn draw_lines(&mut self, elapsed: Duration) {
        if elapsed < FIRST_DRAW {
            return;
        }
        let hint = self.executor_hint.as_deref();
        let wanted = progress_lines(self.state, &self.progress, elapsed, hint);
        while self.bars.len() < wanted.len() {
            // The template is constant and valid, so the default is never used.
            let style = ProgressStyle::with_template("{wide_msg}")
                .unwrap_or_else(|_| ProgressStyle::default_spinner());
            let bar = ProgressBar::new_spinner().with_style(style);
            self.bars.push(self.lines.add(bar));
        }
        while self.bars.len() > wanted.len() {
            if let Some(bar) = self.bars.pop() {
                bar.finish_and_clear();
                self.lines.remove(&bar);
            }
        }
        for (bar, line) in self.bars.iter().zip(wanted) {
            bar.set_message(line);
        }
    }

    pub(super) fn suspend_while(&self, write: impl FnOnce()) {
        self.lines.suspend(write);
    }

    pub(super) fn clear_lines(&mut self) {
        for bar in self.bars.drain(..) {
            bar.finish_and_clear();
        }
        let _ = self.lines.clear();
    }
}

pub(super) fn progress_lines(
    state: JobState,
    progress: &Progress,
    elapsed: Duration,
    executor_hint: Option<&str>,
) -> Vec<String> {
    let mut lines = vec![text::summary_line(state, progress, elapsed)];
    if let Some(hint) = executor_hint
        && plain::is_waiting_for_executors(progress, elapsed)
    {
        lines.push(format!("  {}", plain::waiting_line(hint)));
    }
    let shown = &progress.datasets[..progress.datasets.len().min(MAX_DATASETS)];
    let width = shown
        .iter()
        .map(|dataset| dataset.name.chars().count())
        .max()
        .unwrap_or(0);
    lines.extend(
        shown
            .iter()
            .map(|dataset| text::dataset_line(dataset, width)),
    );
    let hidden = progress.datasets.len() - shown.len();
    if hidden > 0 {
        lines.push(format!("  and {hidden} more"));
    }
    lines
}
