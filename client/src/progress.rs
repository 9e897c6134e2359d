//! A job's progress on standard error: live lines on a terminal, otherwise plain
//! lines when something has changed. Drawing never delays the job's end.

mod live;
mod plain;
mod text;

use std::time::Instant;

use sluice_proto::v1::job_event::Event;
use sluice_proto::v1::{Job, JobEvent, JobState, LogLevel};

use live::Live;
use plain::Plain;
use sluice_service::console::Console;
pub(crate) use text::log_line;

/// Shows the progress of a running job.
pub(crate) struct Progress {
    console: Console,
    style: Style,
    verbose: bool,
    begun: Instant,
    state: JobState,
}

enum Style {
    Silent,
    Plain(Plain),
    Live(Box<Live>),
}

impl Progress {
    /// `executor_hint` is the command that starts an executor; none for a local
    /// run, which needs no executors.
    pub(crate) fn new(
        console: Console,
        wanted: bool,
        verbose: bool,
        executor_hint: Option<String>,
    ) -> Self {
        let style = if !wanted {
            Style::Silent
        } else if console.err_is_terminal() {
            Style::Live(Box::new(Live::new(executor_hint)))
        } else {
            Style::Plain(Plain::new(executor_hint))
        };
        Self {
            console,
            style,
            verbose,
            begun: Instant::now(),
            state: JobState::Accepted,
        }
    }

    /// Prints the job's id, so that the user can query the job while it runs.
    pub(crate) fn accepted(&self, job: &Job) {
        if matches!(self.style, Style::Plain(_)) || self.verbose {
            self.note(&format!("job {} ({}) accepted", job.job_id, job.name));
        }
    }

    pub(crate) fn event(&mut self, event: &JobEvent) {
        match &event.event {
            Some(Event::Log(line)) => {
                let serious = matches!(line.level(), LogLevel::Error | LogLevel::Warn);
                if serious || self.verbose {
                    self.note(&text::log_line(line));
                }
            }
            Some(Event::StateChange(change)) => {
                self.state = change.state();
                let lines = match &mut self.style {
                    Style::Silent => Vec::new(),
                    Style::Plain(plain) => plain.state(self.state, self.begun.elapsed()),
                    Style::Live(live) => {
                        live.state(self.state, self.begun.elapsed());
                        Vec::new()
                    }
                };
                self.lines(&lines);
            }
            Some(Event::Progress(progress)) => {
                let lines = match &mut self.style {
                    Style::Silent => Vec::new(),
                    Style::Plain(plain) => {
                        plain.progress(self.state, progress, self.begun.elapsed())
                    }
                    Style::Live(live) => {
                        live.progress(progress.clone(), self.begun.elapsed());
                        Vec::new()
                    }
                };
                self.lines(&lines);
            }
            Some(Event::Finished(_)) | None => {}
        }
    }

    /// Prints a line in addition to the progress, in every style.
    pub(crate) fn note(&self, text: &str) {
        match &self.style {
            Style::Live(live) => live.suspended(|| self.console.err(text)),
            Style::Plain(_) | Style::Silent => self.console.err(text),
        }
    }

    /// Whether [`Self::tick`] has an effect.
    pub(crate) const fn is_live(&self) -> bool {
        matches!(self.style, Style::Live(_))
    }

    /// Updates the clock of a live display.
    pub(crate) fn tick(&mut self) {
        if let Style::Live(live) = &mut self.style {
            live.draw(self.begun.elapsed());
        }
    }

    /// Removes the live lines.
    pub(crate) fn clear(&mut self) {
        if let Style::Live(live) = &mut self.style {
            live.clear();
        }
    }

    fn lines(&self, lines: &[String]) {
        for line in lines {
            self.console.err(line);
        }
    }
}

#[cfg(test)]
mod tests;
