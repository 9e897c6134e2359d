//! Standard output and standard error, replaceable in tests. Secrets are redacted
//! from all output. A closed pipe is not an error: the exit code still says how
//! the program ended.

use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};

use crate::secrets::Secrets;

type SharedStream = Arc<Mutex<Box<dyn Write + Send>>>;

/// The two output streams of a program. Clones write to the same streams.
#[derive(Clone)]
pub struct Console {
    out: SharedStream,
    err: SharedStream,
    err_is_terminal: bool,
    color: bool,
    secrets: Secrets,
}

impl std::fmt::Debug for Console {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Console").finish_non_exhaustive()
    }
}

impl Console {
    /// The streams of this process.
    pub fn standard() -> Self {
        Self::new(io::stdout(), io::stderr(), io::stderr().is_terminal())
    }

    /// Any two streams; `err_is_terminal` allows a live display on the second.
    pub fn new(
        out: impl Write + Send + 'static,
        err: impl Write + Send + 'static,
        err_is_terminal: bool,
    ) -> Self {
        Self {
            out: Arc::new(Mutex::new(Box::new(out))),
            err: Arc::new(Mutex::new(Box::new(err))),
            err_is_terminal,
            color: false,
            secrets: Secrets::from_environment(),
        }
    }

    /// Redacts these secrets too.
    #[must_use]
    pub fn with_secrets(mut self, secrets: &Secrets) -> Self {
        self.secrets = self.secrets.merged_with(secrets);
        self
    }

    /// Turns colour on or off, for standard error only.
    #[must_use]
    pub fn with_color(mut self, color: bool) -> Self {
        self.color = color;
        self
    }

    /// Whether standard error may have a live display.
    pub const fn err_is_terminal(&self) -> bool {
        self.err_is_terminal
    }

    /// Whether standard error may have colours.
    pub const fn color(&self) -> bool {
        self.color
    }

    /// Writes a line, or several, to standard output.
    pub fn print_out(&self, text: &str) {
        self.write_text(&self.out, text);
    }

    /// Writes a line, or several, to standard error.
    pub fn print_err(&self, text: &str) {
        self.write_text(&self.err, text);
    }

    /// Writes `error: …` to standard error, and below it what to do.
    pub fn print_error(&self, message: &str, next_step: &str) {
        let word = match self.color {
            true => "\u{1b}[1;31merror\u{1b}[0m",
            false => "error",
        };
        self.print_err(&format!("{word}: {message}"));
        if !next_step.is_empty() {
            self.print_err(&format!("  {next_step}"));
        }
    }

    fn write_text(&self, stream: &SharedStream, text: &str) {
        let text = self.secrets.redact(text);
        let text = text.strip_suffix('\n').unwrap_or(&text);
        let mut stream = stream.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = writeln!(stream, "{text}").and_then(|()| stream.flush());
    }
}
