//! Standard output and standard error, replaceable in tests. A reader that
//! went away is no reason to fail: the exit code is still true.

use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};

use crate::cli::ColorWhen;

type Shared = Arc<Mutex<Box<dyn Write + Send>>>;

/// Where text goes. Clones write to the same places.
#[derive(Clone)]
pub(crate) struct Console {
    out: Shared,
    err: Shared,
    err_is_terminal: bool,
    color: bool,
}

impl Console {
    /// The process' own streams.
    pub(crate) fn standard() -> Self {
        Self::new(io::stdout(), io::stderr(), io::stderr().is_terminal())
    }

    /// Any two streams; `err_is_terminal` allows a live display on the second.
    pub(crate) fn new(
        out: impl Write + Send + 'static,
        err: impl Write + Send + 'static,
        err_is_terminal: bool,
    ) -> Self {
        Self {
            out: Arc::new(Mutex::new(Box::new(out))),
            err: Arc::new(Mutex::new(Box::new(err))),
            err_is_terminal,
            color: false,
        }
    }

    /// Decides on colour, which goes to standard error only.
    pub(crate) fn colored(mut self, when: ColorWhen) -> Self {
        self.color = match when {
            ColorWhen::Always => true,
            ColorWhen::Never => false,
            ColorWhen::Auto => self.err_is_terminal,
        };
        self
    }

    pub(crate) const fn err_is_terminal(&self) -> bool {
        self.err_is_terminal
    }

    pub(crate) const fn color(&self) -> bool {
        self.color
    }

    /// Writes a line, or several, to standard output.
    pub(crate) fn out(&self, text: &str) {
        line(&self.out, text);
    }

    /// Writes a line, or several, to standard error.
    pub(crate) fn err(&self, text: &str) {
        line(&self.err, text);
    }

    /// `error: …` and below it what to do.
    pub(crate) fn error(&self, message: &str, next_step: &str) {
        let word = if self.color {
            "\u{1b}[1;31merror\u{1b}[0m"
        } else {
            "error"
        };
        self.err(&format!("{word}: {message}"));
        if !next_step.is_empty() {
            self.err(&format!("  {next_step}"));
        }
    }
}

fn line(stream: &Shared, text: &str) {
    let mut stream = stream.lock().unwrap_or_else(PoisonError::into_inner);
    let text = text.strip_suffix('\n').unwrap_or(text);
    let _ = writeln!(stream, "{text}").and_then(|()| stream.flush());
}
