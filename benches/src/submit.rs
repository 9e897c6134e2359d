//! Runs `submit-job` and measures it from its start to its exit.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::Value;

use crate::{cluster, memory};

/// How often the memory of a running process is sampled.
const SAMPLE_INTERVAL: Duration = Duration::from_millis(10);

/// One run of `submit-job`.
#[derive(Debug)]
pub struct SubmitRun {
    /// From the start of the process to its exit.
    pub seconds: f64,
    /// In bytes; 0 for runs that ended before the first sample.
    pub peak_memory: u64,
    /// Its standard output.
    pub output: String,
}

impl SubmitRun {
    /// The output as JSON, or its last line when the whole is not JSON.
    ///
    /// # Errors
    /// When neither is JSON.
    pub fn json(&self) -> anyhow::Result<Value> {
        serde_json::from_str(&self.output)
            .or_else(|_| serde_json::from_str(self.output.lines().last().unwrap_or_default()))
            .with_context(|| format!("submit-job did not print JSON: {}", self.output))
    }
}

/// Runs `submit-job` with these arguments.
///
/// # Errors
/// When it cannot be started or does not succeed; the message holds its output.
pub fn run_submit_job<S: AsRef<OsStr>>(
    binaries: &Path,
    arguments: &[S],
) -> anyhow::Result<SubmitRun> {
    let mut command = cluster::binary_command(binaries, "submit-job")?;
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let started = Instant::now();
    let child = command.spawn().context("cannot start submit-job")?;
    let pid = child.id();
    let (ended, watch) = std::sync::mpsc::channel::<()>();
    let sampler = std::thread::spawn(move || {
        let mut peak = 0;
        while watch.recv_timeout(SAMPLE_INTERVAL) == Err(std::sync::mpsc::RecvTimeoutError::Timeout)
        {
            peak = memory::peak_bytes(pid).unwrap_or_default().max(peak);
        }
        peak
    });
    let output = child
        .wait_with_output()
        .context("cannot wait for submit-job")?;
    let seconds = started.elapsed().as_secs_f64();
    drop(ended);
    let peak_memory = sampler.join().unwrap_or_default();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        bail!("submit-job ended with {}:\n{text}{stderr}", output.status);
    }
    Ok(SubmitRun {
        seconds,
        peak_memory,
        output: text,
    })
}
