//! Runs produce-events in this process, with output streams and signals that the
//! test controls.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::Value;
use sluice_service::signals::StopSignal;

use crate::run::{ProduceLimits, ProduceProgram};
use sluice_service::console::Console;

/// The exit code and the output of a run.
#[derive(Debug)]
pub(super) struct RunOutput {
    pub(super) code: u8,
    pub(super) out: String,
    pub(super) err: String,
}

impl RunOutput {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Long enough for a machine under load.
const PATIENT: ProduceLimits = ProduceLimits {
    connect_timeout: Duration::from_secs(60),
    shutdown_grace: Duration::from_secs(60),
};

/// For tests in which no broker or acknowledgement will come. A busy machine may need
/// seconds to connect, or to see that it cannot.
pub(super) const IMPATIENT: ProduceLimits = ProduceLimits {
    connect_timeout: Duration::from_secs(10),
    shutdown_grace: Duration::from_millis(100),
};

/// Runs with these arguments until the end.
pub(super) fn run(args: &[&str]) -> RunOutput {
    run_until(args, &StopSignal::new())
}

/// Runs with these arguments until the end, or until `stop` is cancelled.
pub(super) fn run_until(args: &[&str], stop: &StopSignal) -> RunOutput {
    run_with(args, stop, PATIENT, &SharedText::default())
}

/// As [`run`], but with short limits.
pub(super) fn run_impatiently(args: &[&str]) -> RunOutput {
    run_with(args, &StopSignal::new(), IMPATIENT, &SharedText::default())
}

/// Runs with these limits; `err` can be read while the program runs.
pub(super) fn run_with(
    args: &[&str],
    stop: &StopSignal,
    limits: ProduceLimits,
    err: &SharedText,
) -> RunOutput {
    let out = SharedText::default();
    let stop = stop.clone();
    let program = ProduceProgram {
        console: Console::new(out.clone(), err.clone(), false),
        limits,
        stop: || Ok(stop),
    };
    let code = program.run_with_args(std::iter::once(&"produce-events").chain(args));
    RunOutput {
        code,
        out: out.read(),
        err: err.read(),
    }
}

#[derive(Debug, Clone, Default)]
pub(super) struct SharedText(Arc<Mutex<Vec<u8>>>);

impl SharedText {
    pub(super) fn read(&self) -> String {
        String::from_utf8(self.0.lock().clone()).unwrap()
    }
}

impl Write for SharedText {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
