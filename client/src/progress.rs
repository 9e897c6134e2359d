//! A job's progress on standard error: live lines on a terminal, otherwise plain
//! lines when something has changed. Drawing never delays the job's end.

mod live;
mod plain;
mod text;

use std::time::Instant;

use sluice_proto::v1::job_event::Event;
use sluice_proto::v1::{Job, JobEvent, JobState, LogLevel};

use live::LiveDisplay;
use plain::PlainDisplay;
use sluice_service::console::Console;
pub(crate) use text::{dataset_line, log_line, progress_bar};

/// Shows the progress of a running job.
pub(crate) struct ProgressDisplay {
    console: Console,
    style: DisplayStyle,
    verbose: bool,
    started_at: Instant,
    state: JobState,
}

enum DisplayStyle {
    Silent,
    Plain(PlainDisplay),
    Live(Box<LiveDisplay>),
}

impl ProgressDisplay {
    /// `executor_hint` is the command that starts an executor; none for a local
    /// run, which needs no executors.
    pub(crate) fn new(
        console: Console,
        wanted: bool,
        verbose: bool,
        executor_hint: Option<String>,
    ) -> Self {
        let style = if !wanted {
            DisplayStyle::Silent
        } else if console.err_is_terminal() {
            DisplayStyle::Live(Box::new(LiveDisplay::new(executor_hint)))
        } else {
            DisplayStyle::Plain(PlainDisplay::new(executor_hint))
        };
        Self {
            console,
            style,
            verbose,
            started_at: Instant::now(),
            state: JobState::Accepted,
        }
    }

    /// Prints the job's id, so that the user can query the job while it runs.
    pub(crate) fn show_accepted(&self, job: &Job) {
        if matches!(self.style, DisplayStyle::Plain(_)) || self.verbose {
            self.print_note(&format!("job {} ({}) accepted", job.job_id, job.name));
        }
    }

    pub(crate) fn show_event(&mut self, event: &JobEvent) {
        match &event.event {
            Some(Event::Log(line)) => {
                let serious = matches!(line.level(), LogLevel::Error | LogLevel::Warn);
                if serious || self.verbose {
                    self.print_note(&text::log_line(line));
                }
            }
            Some(Event::StateChange(change)) => {
                self.state = change.state();
                let lines = match &mut self.style {
                    DisplayStyle::Silent => Vec::new(),
                    DisplayStyle::Plain(plain) => {
                        plain.state_lines(self.state, self.started_at.elapsed())
                    }
                    DisplayStyle::Live(live) => {
                        live.set_state(self.state, self.started_at.elapsed());
                        Vec::new()
                    }
                };
                self.print_lines(&lines);
            }
            Some(Event::Progress(progress)) => {
                let lines = match &mut self.style {
                    DisplayStyle::Silent => Vec::new(),
                    DisplayStyle::Plain(plain) => {
                        plain.progress_lines(self.state, progress, self.started_at.elapsed())
                    }
                    DisplayStyle::Live(live) => {
                        live.set_progress(progress.clone(), self.started_at.elapsed());
                        Vec::new()
                    }
                };
                self.print_lines(&lines);
            }
            Some(Event::Finished(_)) | None => {}
        }
    }

    /// Prints a line in addition to the progress, in every style.
    pub(crate) fn print_note(&self, text: &str) {
        match &self.style {
            DisplayStyle::Live(live) => live.suspend_while(|| self.console.print_err(text)),
            DisplayStyle::Plain(_) | DisplayStyle::Silent => self.console.print_err(text),
        }
    }

    /// Whether [`Self::redraw_live`] has an effect.
    pub(crate) const fn is_live(&self) -> bool {
        matches!(self.style, DisplayStyle::Live(_))
    }

    /// Updates the clock of a live display.
    pub(crate) fn redraw_live(&mut self) {
        if let DisplayStyle::Live(live) = &mut self.style {
            live.draw_lines(self.started_at.elapsed());
        }
    }

    /// Removes the live lines.
    pub(crate) fn clear_live(&mut self) {
        if let DisplayStyle::Live(live) = &mut self.style {
            live.clear_lines();
        }
    }

    fn print_lines(&self, lines: &[String]) {
        for line in lines {
            self.console.print_err(line);
        }
    }
}

#[cfg(test)]
mod tests;
