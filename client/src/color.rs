//! The colours of lists and logs. Whether there are any is decided by
//! `DisplayOptions::allows_color`, and by the console that writes them.

use sluice_proto::v1::{JobState, LogLevel};

/// A colour of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TextColor {
    Red,
    Yellow,
    Green,
    Dim,
}

/// What turns every colour off.
pub(crate) const COLOR_END: &str = "\u{1b}[0m";

impl TextColor {
    /// What turns the colour on.
    pub(crate) const fn start_code(self) -> &'static str {
        match self {
            Self::Red => "\u{1b}[31m",
            Self::Yellow => "\u{1b}[33m",
            Self::Green => "\u{1b}[32m",
            Self::Dim => "\u{1b}[2m",
        }
    }

    /// The text in this colour.
    pub(crate) fn paint_text(self, text: &str) -> String {
        format!("{}{text}{COLOR_END}", self.start_code())
    }
}

/// The colour of a log line's level; `None` for lines that need no attention.
pub(crate) const fn level_color(level: LogLevel) -> Option<TextColor> {
    match level {
        LogLevel::Error => Some(TextColor::Red),
        LogLevel::Warn => Some(TextColor::Yellow),
        LogLevel::Debug => Some(TextColor::Dim),
        LogLevel::Info | LogLevel::Unspecified => None,
    }
}

/// The colour of a job's state; `None` for jobs that have not ended.
pub(crate) const fn state_color(state: JobState) -> Option<TextColor> {
    match state {
        JobState::Succeeded => Some(TextColor::Green),
        JobState::Failed => Some(TextColor::Red),
        JobState::Killed | JobState::Interrupted | JobState::TimedOut => Some(TextColor::Yellow),
        JobState::Unspecified
        | JobState::Accepted
        | JobState::Planned
        | JobState::Running
        | JobState::Committing => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_painted_text_ends_its_colour() {
        assert_eq!(TextColor::Red.paint_text("a"), "\u{1b}[31ma\u{1b}[0m");
        assert_eq!(TextColor::Dim.paint_text(""), "\u{1b}[2m\u{1b}[0m");
    }

    #[test]
    fn only_jobs_that_have_ended_have_a_colour() {
        for state in JobState::ALL {
            assert_eq!(
                state_color(state).is_some(),
                state.is_final(),
                "{}",
                state.name()
            );
        }
    }
}
