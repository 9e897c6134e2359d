//! Standard output and standard error, replaceable in tests. Secrets are redacted
//! from all output. A closed pipe is not an error: the exit code still says how
//! the program ended.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};

use crate::format::{REPLACEMENT, is_control};
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
        self.write_text(&self.out, text, false);
    }

    /// Writes a line, or several, to standard error.
    pub fn print_err(&self, text: &str) {
        self.write_text(&self.err, text, self.color);
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

    fn write_text(&self, stream: &SharedStream, text: &str, color: bool) {
        let text = without_controls(text, color);
        let text = self.secrets.redact(&text);
        let text = text.strip_suffix('\n').unwrap_or(&text);
        let mut stream = stream.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = writeln!(stream, "{text}").and_then(|()| stream.flush());
    }
}

/// The text without characters that a terminal would obey: data, names and logs may
/// hold any. Colours are kept where there may be colours.
fn without_controls(text: &str, color: bool) -> Cow<'_, str> {
    let is_kept = |c: char| matches!(c, '\n' | '\t') || !is_control(c);
    if text.chars().all(is_kept) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let length = match color {
            true => color_length(rest).unwrap_or(0),
            false => 0,
        };
        if let Some(sequence) = rest.get(..length).filter(|sequence| !sequence.is_empty()) {
            safe.push_str(sequence);
            rest = &rest[length..];
            continue;
        }
        safe.push(if is_kept(c) { c } else { REPLACEMENT });
        rest = &rest[c.len_utf8()..];
    }
    Cow::Owned(safe)
}

/// The length of the sequence at the beginning of `text` that sets a colour: `ESC [`,
/// numbers, `m`.
fn color_length(text: &str) -> Option<usize> {
    let numbers = text.strip_prefix("\u{1b}[")?;
    let end = numbers.find(|c: char| !c.is_ascii_digit() && c != ';')?;
    numbers[end..].starts_with('m').then_some(2 + end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_colours_of_our_own_reach_a_terminal() {
        let text = "\u{1b}[1;31merror\u{1b}[0m: \u{1b}[2Jx\ty\u{7}\r\n";
        assert_eq!(
            without_controls(text, true),
            "\u{1b}[1;31merror\u{1b}[0m: \u{fffd}[2Jx\ty\u{fffd}\u{fffd}\n"
        );
        assert_eq!(without_controls("a\u{1b}[0mb", false), "a\u{fffd}[0mb");
        assert!(matches!(
            without_controls("plain ä\n", false),
            Cow::Borrowed(_)
        ));
    }
}
