//! Standard output and standard error, replaceable in tests. Secrets are redacted
//! from all output. A closed pipe is not an error: the exit code still says how
//! the program ended.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};

use crate::format::{REPLACEMENT, is_control};
use crate::secrets::Secrets;

/// Moves to the first position of a terminal and clears all that follows.
const CLEAR_SCREEN: &str = "\u{1b}[H\u{1b}[2J";

type SharedStream = Arc<Mutex<Box<dyn Write + Send>>>;

/// The two output streams of a program. Clones write to the same streams.
#[derive(Clone)]
pub struct Console {
    out: SharedStream,
    err: SharedStream,
    out_is_terminal: bool,
    err_is_terminal: bool,
    color: bool,
    out_color: bool,
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
            .with_out_terminal(io::stdout().is_terminal())
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
            out_is_terminal: false,
            err_is_terminal,
            color: false,
            out_color: false,
            secrets: Secrets::from_environment(),
        }
    }

    /// Redacts these secrets too.
    #[must_use]
    pub fn with_secrets(mut self, secrets: &Secrets) -> Self {
        self.secrets = self.secrets.merged_with(secrets);
        self
    }

    /// Whether standard output is a terminal; not unless this says so.
    #[must_use]
    pub fn with_out_terminal(mut self, out_is_terminal: bool) -> Self {
        self.out_is_terminal = out_is_terminal;
        self
    }

    /// Turns colour on or off, for standard error only.
    #[must_use]
    pub fn with_color(mut self, color: bool) -> Self {
        self.color = color;
        self
    }

    /// Turns colour on or off, for standard output only.
    #[must_use]
    pub fn with_out_color(mut self, color: bool) -> Self {
        self.out_color = color;
        self
    }

    /// Whether standard output can be drawn again in place.
    pub const fn out_is_terminal(&self) -> bool {
        self.out_is_terminal
    }

    /// Whether standard error may have a live display.
    pub const fn err_is_terminal(&self) -> bool {
        self.err_is_terminal
    }

    /// Whether standard error may have colours.
    pub const fn color(&self) -> bool {
        self.color
    }

    /// Whether standard output may have colours.
    pub const fn out_color(&self) -> bool {
        self.out_color
    }

    /// Writes a line, or several, to standard output.
    pub fn print_out(&self, text: &str) {
        let _ = self.write_text(&self.out, "", text, false);
    }

    /// Writes a line, or several, to standard output, with the colours in the text
    /// where standard output may have colours. What others wrote must have been
    /// through [`replace_controls`] before it became a part of the text.
    ///
    /// # Errors
    /// When it cannot be written. A program that writes until it is stopped must end
    /// then: no one reads a closed pipe.
    pub fn write_out(&self, text: &str) -> io::Result<()> {
        self.write_text(&self.out, "", text, self.out_color)
    }

    /// Clears the terminal of standard output, and writes like [`Self::write_out`].
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn redraw_out(&self, text: &str) -> io::Result<()> {
        self.write_text(&self.out, CLEAR_SCREEN, text, self.out_color)
    }

    /// The text without secrets, for what is drawn in another way.
    pub fn redact_secrets<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.secrets.redact(text)
    }

    /// Writes a line, or several, to standard error.
    pub fn print_err(&self, text: &str) {
        let _ = self.write_text(&self.err, "", text, self.color);
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

    /// `head` is written as it is.
    fn write_text(
        &self,
        stream: &SharedStream,
        head: &str,
        text: &str,
        color: bool,
    ) -> io::Result<()> {
        let text = without_controls(text, color);
        let text = self.secrets.redact(&text);
        let text = text.strip_suffix('\n').unwrap_or(&text);
        let mut stream = stream.lock().unwrap_or_else(PoisonError::into_inner);
        writeln!(stream, "{head}{text}")?;
        stream.flush()
    }
}

/// The size of a terminal, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TerminalSize {
    pub lines: usize,
    pub columns: usize,
}

/// The size of the terminal of standard output, where the system knows it.
pub fn terminal_size() -> Option<TerminalSize> {
    let mut size = libc::winsize {
        ws_row: 0,
        ws_col: 0,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    // SAFETY: this request writes one `winsize`, which lives through the call.
    let result = unsafe { libc::ioctl(libc::STDOUT_FILENO, libc::TIOCGWINSZ, &raw mut size) };
    (result == 0 && size.ws_row > 0 && size.ws_col > 0).then(|| TerminalSize {
        lines: usize::from(size.ws_row),
        columns: usize::from(size.ws_col),
    })
}

/// The text with [`REPLACEMENT`] for each character that a terminal would obey, also
/// of colours. Lines stay lines.
pub fn replace_controls(text: &str) -> Cow<'_, str> {
    without_controls(text, false)
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

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A pipe that no one reads.
    struct ClosedPipe;

    impl Write for ClosedPipe {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn standard_output_has_colours_only_where_it_may() {
        for (color, text) in [
            (false, "\u{fffd}[31ma\u{fffd}[0m\n\u{1b}[H\u{1b}[2Jb\n"),
            (true, "\u{1b}[31ma\u{1b}[0m\n\u{1b}[H\u{1b}[2Jb\n"),
        ] {
            let out = Sink::default();
            let console = Console::new(out.clone(), Sink::default(), false).with_out_color(color);
            console.write_out("\u{1b}[31ma\u{1b}[0m").unwrap();
            console.redraw_out("b\n").unwrap();
            let written = out.0.lock().unwrap().clone();
            assert_eq!(String::from_utf8(written).unwrap(), text);
        }
    }

    #[test]
    fn a_closed_pipe_is_noticed_by_those_who_ask() {
        let console = Console::new(ClosedPipe, Sink::default(), false);
        console.print_out("lost");
        assert!(console.write_out("lost").is_err());
        assert!(console.redraw_out("lost").is_err());
    }

    #[test]
    fn controls_of_others_are_replaced() {
        assert_eq!(
            replace_controls("a\u{1b}[31mb\u{2066}\tc\nd"),
            "a\u{fffd}[31mb\u{fffd}\tc\nd"
        );
    }

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
