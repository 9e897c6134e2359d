//! Progress on standard error: on a terminal a line that changes in place,
//! otherwise a plain line every few seconds.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use sluice_service::console::Console;
use sluice_service::format::{format_count, group_thousands};

/// How often the live line is drawn.
const DRAW_EVERY: Duration = Duration::from_millis(100);
/// How often a plain line is written.
const LINE_EVERY: Duration = Duration::from_secs(5);
/// The rate shown is the average over this time.
const RATE_WINDOW: Duration = Duration::from_secs(5);

/// What a progress line shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProgressState {
    pub(crate) acknowledged: u64,
    pub(crate) failed: u64,
    /// Sent, neither acknowledged nor failed yet.
    pub(crate) in_flight: u64,
    /// How many events there will be, when that is known.
    pub(crate) total: Option<u64>,
}

/// Shows the progress of a run while it lasts.
pub(crate) struct ProgressDisplay {
    console: Console,
    style: DisplayStyle,
    rate: RateWindow,
    /// When the state was last updated.
    last_update: Instant,
    /// When a plain line was last written.
    last_line: Instant,
}

enum DisplayStyle {
    Silent,
    Plain,
    Live(ProgressBar),
}

impl ProgressDisplay {
    pub(crate) fn new(console: Console, wanted: bool, now: Instant) -> Self {
        let style = if !wanted {
            DisplayStyle::Silent
        } else if console.err_is_terminal() {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            // The template is a constant and valid; the default would do as well.
            let style = ProgressStyle::with_template("{wide_msg}")
                .unwrap_or_else(|_| ProgressStyle::default_spinner());
            DisplayStyle::Live(bar.with_style(style))
        } else {
            DisplayStyle::Plain
        };
        Self {
            console,
            style,
            rate: RateWindow::default(),
            last_update: now,
            last_line: now,
        }
    }

    /// Whether [`Self::show_state`] would show anything.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.last_update) >= DRAW_EVERY
    }

    /// Shows the state if an update is due.
    pub(crate) fn show_state(&mut self, state: ProgressState, now: Instant) {
        if !self.is_due(now) {
            return;
        }
        self.last_update = now;
        self.rate.add_sample(now, state.acknowledged);
        match &self.style {
            DisplayStyle::Silent => {}
            DisplayStyle::Live(bar) => bar.set_message(format_line(state, self.rate.per_second())),
            DisplayStyle::Plain => {
                if now.saturating_duration_since(self.last_line) >= LINE_EVERY {
                    self.last_line = now;
                    self.console
                        .print_err(&format_line(state, self.rate.per_second()));
                }
            }
        }
    }

    /// Prints a line in addition to the progress, in every style.
    pub(crate) fn print_note(&self, text: &str) {
        match &self.style {
            DisplayStyle::Live(bar) => bar.suspend(|| self.console.print_err(text)),
            DisplayStyle::Plain | DisplayStyle::Silent => self.console.print_err(text),
        }
    }

    /// Removes the live line.
    pub(crate) fn clear_line(&self) {
        if let DisplayStyle::Live(bar) = &self.style {
            bar.finish_and_clear();
        }
    }
}

fn format_line(state: ProgressState, rate: Option<u64>) -> String {
    let ProgressState {
        acknowledged,
        failed,
        in_flight: waiting,
        total,
    } = state;
    let mut line = match total {
        Some(total) => format!(
            "{} of {} acknowledged",
            group_thousands(acknowledged),
            format_count(total, "event")
        ),
        None => format!("{} acknowledged", format_count(acknowledged, "event")),
    };
    if let Some(rate) = rate {
        line.push_str(&format!(", {}/s", group_thousands(rate)));
    }
    if waiting > 0 {
        line.push_str(&format!(", {} in flight", group_thousands(waiting)));
    }
    if failed > 0 {
        line.push_str(&format!(", {} failed", group_thousands(failed)));
    }
    line
}

/// Events per second over [`RATE_WINDOW`].
#[derive(Debug, Default)]
struct RateWindow {
    samples: VecDeque<(Instant, u64)>,
}

impl RateWindow {
    fn add_sample(&mut self, now: Instant, events: u64) {
        self.samples.push_back((now, events));
        let old = |at: Instant| now.saturating_duration_since(at) > RATE_WINDOW;
        // The newest sample that is too old is the start of the window.
        while self.samples.get(1).is_some_and(|(at, _)| old(*at)) {
            self.samples.pop_front();
        }
    }

    fn per_second(&self) -> Option<u64> {
        let ((begun, before), (now, after)) = (self.samples.front()?, self.samples.back()?);
        let seconds = now.saturating_duration_since(*begun).as_secs_f64();
        (seconds > 0.0).then(|| ((after - before) as f64 / seconds).round() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_what_there_is_to_say() {
        let state = ProgressState {
            acknowledged: 12_000,
            failed: 0,
            in_flight: 0,
            total: Some(50_000),
        };
        assert_eq!(
            format_line(state, None),
            "12,000 of 50,000 events acknowledged"
        );
        let state = ProgressState {
            in_flight: 340,
            failed: 2,
            total: None,
            ..state
        };
        assert_eq!(
            format_line(state, Some(1_500)),
            "12,000 events acknowledged, 1,500/s, 340 in flight, 2 failed"
        );
    }

    #[test]
    fn the_rate_is_that_of_the_last_seconds() {
        let begun = Instant::now();
        let mut rate = RateWindow::default();
        assert_eq!(rate.per_second(), None);
        // 1,000 a second for ten seconds, then 10 a second.
        for second in 0..=10 {
            rate.add_sample(begun + Duration::from_secs(second), second * 1_000);
        }
        assert_eq!(rate.per_second(), Some(1_000));
        for second in 1..=10 {
            rate.add_sample(
                begun + Duration::from_secs(10 + second),
                10_000 + second * 10,
            );
        }
        assert_eq!(rate.per_second(), Some(10));
    }
}
