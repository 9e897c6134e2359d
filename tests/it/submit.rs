//! Runs submit-job as a user would.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;

use crate::process::{self, Killed, Signal};

/// How long a job in a test may take.
const LIMIT: Duration = Duration::from_secs(240);

/// The output of submit-job and its exit code (-1 after a signal).
#[derive(Debug)]
pub struct Output {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Output {
    /// Fails unless the exit code is `code`.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "exit code\n{self}");
        self
    }

    /// Fails unless standard error contains all of `parts`.
    #[track_caller]
    pub fn says(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(self.stderr.contains(part), "stderr lacks `{part}`\n{self}");
        }
        self
    }

    /// The JSON document on standard output.
    #[track_caller]
    pub fn json(&self) -> Value {
        let document: Value = serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("not one document: {error}\n{self}"));
        assert_eq!(document["exit_code"], self.code, "{self}");
        document
    }
}

impl std::fmt::Display for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "-- ended with {}, stdout:\n{}\n-- stderr:\n{}",
            self.code, self.stdout, self.stderr
        )
    }
}

/// submit-job, or another program, while it runs.
#[derive(Debug)]
pub struct Running {
    child: Killed,
    stdout: JoinHandle<String>,
    stderr: JoinHandle<String>,
}

impl Running {
    pub fn signal(&self, what: Signal) {
        process::signal(&self.child.0, what);
    }

    pub fn wait(mut self) -> Output {
        let status = process::end(&mut self.child.0, "submit-job ends", LIMIT);
        Output {
            code: status.code().unwrap_or(-1),
            stdout: self.stdout.join().unwrap(),
            stderr: self.stderr.join().unwrap(),
        }
    }
}

pub fn spawn<A: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = A>) -> Running {
    spawn_program(env!("CARGO_BIN_EXE_submit-job"), args)
}

/// Runs submit-job and waits for its end.
pub fn run<A: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = A>) -> Output {
    spawn(args).wait()
}

/// Starts a program that ends by itself.
pub fn spawn_program<A: AsRef<std::ffi::OsStr>>(
    program: &str,
    args: impl IntoIterator<Item = A>,
) -> Running {
    let mut command = Command::new(program);
    command
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    clean(&mut command);
    let mut child = command.spawn().unwrap();
    let stdout = collect(child.stdout.take().unwrap());
    let stderr = collect(child.stderr.take().unwrap());
    Running {
        child: Killed(child),
        stdout,
        stderr,
    }
}

/// Removes the `SLUICE_` variables of the test process from a command's
/// environment.
pub fn clean(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("SLUICE_") {
            command.env_remove(name);
        }
    }
}

fn collect(mut from: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = from.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// The example job of the README.
pub fn example_job() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("jobs/landing_to_gold.sql")
}

/// A job that writes one table at once and would need hours for the other, so
/// that it still runs when a test disturbs it.
pub fn endless_job() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/jobs/endless.sql")
}

/// Arguments that run the example job.
pub fn example(landing: &Path, gold: &Path) -> Vec<String> {
    job(&example_job(), landing, gold)
}

/// Arguments that run a job with the parameters `landing` and `gold`.
pub fn job(file: &Path, landing: &Path, gold: &Path) -> Vec<String> {
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    vec![
        text(file),
        "--landing".to_owned(),
        text(landing),
        "--gold".to_owned(),
        text(gold),
    ]
}
