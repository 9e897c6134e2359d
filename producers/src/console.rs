//! Standard output and standard error, replaceable in tests. Nothing leaves
//! with a secret in it. A reader that went away is no reason to fail: the exit
//! code is still true.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;

use parking_lot::Mutex;
use sluice_process::secrets::Secrets;

type Shared = Arc<Mutex<Box<dyn Write + Send>>>;

/// Where text goes. Clones write to the same places.
#[derive(Clone)]
pub(crate) struct Console {
    out: Shared,
    err: Shared,
    err_is_terminal: bool,
    secrets: Secrets,
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
            secrets: Secrets::from_environment(),
        }
    }

    /// Keeps these secrets too, from now on.
    pub(crate) fn keeping(mut self, secrets: &Secrets) -> Self {
        self.secrets = self.secrets.and(secrets);
        self
    }

    pub(crate) const fn err_is_terminal(&self) -> bool {
        self.err_is_terminal
    }

    /// Writes a line, or several, to standard output.
    pub(crate) fn out(&self, text: &str) {
        self.line(&self.out, text);
    }

    /// Writes a line, or several, to standard error.
    pub(crate) fn err(&self, text: &str) {
        self.line(&self.err, text);
    }

    fn line(&self, stream: &Shared, text: &str) {
        let text = self.secrets.redact(text);
        let text = text.strip_suffix('\n').unwrap_or(&text);
        let mut stream = stream.lock();
        let _ = writeln!(stream, "{text}").and_then(|()| stream.flush());
    }
}
