//! Runs submit-job as its binary does, and captures its streams.

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use backon::ExponentialBuilder;
use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures::{StreamExt, stream};
use serde_json::Value;
use tempfile::TempDir;

use super::fake::{Fake, Service};
use crate::follower::Interrupts;
use crate::invocation::Environment;
use crate::limits::ClientLimits;
use crate::program::Program;
use crate::watch::RetryPolicy;
use sluice_service::console::Console;

/// A valid job that needs one parameter.
pub(super) const JOB: &str = "DECLARE VARIABLE landing STRING;\n\
    CREATE EXTERNAL TABLE events (a STRING) STORED AS JSON LOCATION '${landing}/events';\n\
    CREATE OR REFRESH MATERIALIZED VIEW copy AS SELECT a FROM events;\n";

#[derive(Clone, Default)]
pub(super) struct Sink(Arc<Mutex<Vec<u8>>>);

impl Sink {
    pub(super) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// How a run ended.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) code: u8,
    pub(super) out: String,
    pub(super) err: String,
}

impl Ran {
    /// Standard output, which must be one JSON document.
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// A prepared run of submit-job.
pub(super) struct World {
    folder: TempDir,
    pub(super) out: Sink,
    pub(super) err: Sink,
    /// Whether standard output is a terminal.
    pub(super) out_is_terminal: bool,
    pub(super) environment: Environment,
    pub(super) limits: ClientLimits,
    local: Arc<Fake>,
    signals: Option<UnboundedReceiver<&'static str>>,
}

impl World {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("copy.sql"), JOB).unwrap();
        Self {
            folder,
            out: Sink::default(),
            err: Sink::default(),
            out_is_terminal: false,
            environment: Environment {
                user: "ann".into(),
                ..Environment::default()
            },
            limits: ClientLimits {
                retry_policy: RetryPolicy {
                    give_up_after: Duration::from_millis(600),
                    pauses: ExponentialBuilder::new()
                        .with_min_delay(Duration::from_millis(10))
                        .with_max_delay(Duration::from_millis(100))
                        .without_max_times(),
                },
                timeout_grace: Duration::from_millis(100),
                // Long, so that a slow machine does not cut a job's end short. Tests in
                // which the end never comes make it short.
                cancel_grace: Duration::from_secs(120),
                ..ClientLimits::default()
            },
            local: Arc::default(),
            signals: None,
        }
    }

    /// The backend of `--master local`.
    pub(super) fn local(mut self, fake: &Arc<Fake>) -> Self {
        self.local = Arc::clone(fake);
        self
    }

    /// Signals that a test sends.
    pub(super) fn signals(&mut self) -> UnboundedSender<&'static str> {
        let (send, receive) = unbounded();
        self.signals = Some(receive);
        send
    }

    /// Writes a file next to the job file.
    pub(super) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Runs; `JOB` in the line stands for the valid job's path.
    pub(super) fn run(self, line: &str) -> Ran {
        let job = self.folder.path().join("copy.sql");
        let words: Vec<String> = line
            .split_whitespace()
            .map(|word| match word {
                "JOB" => job.display().to_string(),
                word => word.to_owned(),
            })
            .collect();
        self.run_words(words)
    }

    /// Runs with these arguments, which may have blanks.
    pub(super) fn run_words(self, words: impl IntoIterator<Item = String>) -> Ran {
        let args: Vec<OsString> = std::iter::once("submit-job".to_owned())
            .chain(words)
            .map(OsString::from)
            .collect();
        let signals = self.signals;
        let fake = self.local;
        let local = crate::LocalBackend::new(move |options| {
            let fake = Arc::clone(&fake);
            async move {
                assert!(options.cores > 0);
                Ok(Arc::new(Service(fake)))
            }
        });
        let program = Program {
            environment: self.environment,
            console: Console::new(self.out.clone(), self.err.clone(), false)
                .with_out_terminal(self.out_is_terminal),
            limits: self.limits,
            interrupts: move || -> std::io::Result<Interrupts> {
                Ok(match signals {
                    // A dropped sender sends no signals; it must not end the stream.
                    Some(signals) => signals.chain(stream::pending()).boxed(),
                    None => stream::pending().boxed(),
                })
            },
            local,
        };
        let code = program.run(args);
        Ran {
            code,
            out: self.out.text(),
            err: self.err.text(),
        }
    }
}

/// Only keeps a test from hanging forever.
const WAIT_LIMIT: Duration = Duration::from_secs(120);

/// Waits until the condition holds.
pub(super) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < WAIT_LIMIT, "timed out waiting: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
