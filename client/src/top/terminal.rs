//! The terminal while a live view has it.

use std::io;

use crossterm::event::EventStream;
use ratatui::DefaultTerminal;

use super::draw::draw_top;
use super::state::{DrawnText, TopState};
use crate::job_queries::now_ms;

/// The terminal of this process, in raw mode and with a screen of its own. It is as
/// before when this is dropped, and also when the process panics.
pub(super) struct TerminalSession {
    terminal: DefaultTerminal,
}

/// Takes the terminal; the stream is what its user presses.
pub(super) fn open_terminal() -> io::Result<(TerminalSession, EventStream)> {
    match ratatui::try_init() {
        Ok(terminal) => Ok((TerminalSession { terminal }, EventStream::new())),
        Err(error) => {
            // It may have been taken by half.
            let _ = ratatui::try_restore();
            Err(error)
        }
    }
}

impl TerminalSession {
    /// Draws what the state is now.
    pub(super) fn draw_state(&mut self, state: &TopState) -> io::Result<DrawnText> {
        let mut drawn = DrawnText::default();
        self.terminal
            .draw(|frame| drawn = draw_top(frame, state, now_ms()))?;
        Ok(drawn)
    }
}

impl Drop for TerminalSession {
    fn drop(&mut self) {
        // A terminal that no longer exists needs nothing.
        let _ = self.terminal.show_cursor();
        let _ = ratatui::try_restore();
    }
}
