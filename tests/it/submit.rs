//! Runs submit-job as a user would.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;

use crate::process::{self, KillOnDrop, Signal};
use crate::wait;

/// How long a job in a test may take, on a machine that is slow or busy.
const JOB_DEADLINE: Duration = Duration::from_secs(600);

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
    pub fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "exit code\n{self}");
        self
    }

    /// Fails unless standard error contains all of `parts`.
    #[track_caller]
    pub fn expect_stderr(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(self.stderr.contains(part), "stderr lacks `{part}`\n{self}");
        }
        self
    }

    /// The JSON document on standard output.
    #[track_caller]
    pub fn json_document(&self) -> Value {
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
pub struct RunningProgram {
    child: KillOnDrop,
    stdout: PrintedText,
    stderr: PrintedText,
}

impl RunningProgram {
    pub fn signal(&self, what: Signal) {
        process::send_signal(&self.child.0, what);
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.0.try_wait().unwrap().is_some()
    }

    /// Kills it at once; whether it had not ended by itself.
    pub fn kill(mut self) -> bool {
        !self.has_ended()
    }

    pub fn wait(mut self) -> Output {
        let status = process::wait_for_end(&mut self.child.0, "submit-job ends", JOB_DEADLINE);
        Output {
            code: status.code().unwrap_or(-1),
            stdout: self.stdout.into_text(),
            stderr: self.stderr.into_text(),
        }
    }

    /// Waits until it has printed `part` on standard error.
    pub fn wait_for_stderr(&self, part: &str) {
        wait::wait_until(&format!("stderr has `{part}`"), wait::DEADLINE, || {
            self.stderr.text_so_far().contains(part).then_some(())
        });
    }
}

pub fn spawn_submit<A: AsRef<std::ffi::OsStr>>(
    args: impl IntoIterator<Item = A>,
) -> RunningProgram {
    spawn_program(env!("CARGO_BIN_EXE_submit-job"), args)
}

/// Runs submit-job and waits for its end.
pub fn run_submit<A: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = A>) -> Output {
    spawn_submit(args).wait()
}

/// Starts a program that ends by itself.
pub fn spawn_program<A: AsRef<std::ffi::OsStr>>(
    program: &str,
    args: impl IntoIterator<Item = A>,
) -> RunningProgram {
    spawn_program_with(program, args, &[])
}

/// [`spawn_program`] with environment variables.
pub fn spawn_program_with<A: AsRef<std::ffi::OsStr>>(
    program: &str,
    args: impl IntoIterator<Item = A>,
    variables: &[(String, String)],
) -> RunningProgram {
    let mut command = Command::new(program);
    command
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    clear_environment(&mut command);
    command.envs(variables.iter().cloned());
    let mut child = command.spawn().unwrap();
    let stdout = PrintedText::read_in_thread(child.stdout.take().unwrap());
    let stderr = PrintedText::read_in_thread(child.stderr.take().unwrap());
    RunningProgram {
        child: KillOnDrop(child),
        stdout,
        stderr,
    }
}

/// Removes the variables for our programs and for traces from a command's
/// environment.
pub fn clear_environment(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if ["SLUICE_", "OTEL_", "TRACE"]
            .iter()
            .any(|prefix| text.starts_with(prefix))
        {
            command.env_remove(name);
        }
    }
}

/// What a program prints, read on a thread of its own.
#[derive(Debug)]
struct PrintedText {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
}

impl PrintedText {
    fn read_in_thread(from: impl Read + Send + 'static) -> Self {
        let bytes = Arc::<Mutex<Vec<u8>>>::default();
        let read = Arc::clone(&bytes);
        let reader = std::thread::spawn(move || {
            let mut from = BufReader::new(from);
            let mut line = Vec::new();
            while let Ok(1..) = from.read_until(b'\n', &mut line) {
                read.lock().unwrap().append(&mut line);
            }
        });
        Self { bytes, reader }
    }

    fn text_so_far(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock().unwrap()).into_owned()
    }

    /// The whole text, at the end of the program.
    fn into_text(self) -> String {
        self.reader.join().unwrap();
        let bytes = std::mem::take(&mut *self.bytes.lock().unwrap());
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// The example job of the README.
pub fn example_job_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("jobs/landing_to_gold.sql")
}

/// A job that writes one table at once and would need hours for the other, so
/// that it still runs when a test disturbs it.
pub fn endless_job_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/jobs/endless.sql")
}

/// Arguments that run the example job.
pub fn example_args(landing: &Path, gold: &Path) -> Vec<String> {
    job_args(&example_job_path(), landing, gold)
}

/// Arguments that run a job with the parameters `landing` and `gold`.
pub fn job_args(file: &Path, landing: &Path, gold: &Path) -> Vec<String> {
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    vec![
        text(file),
        "--landing".to_owned(),
        text(landing),
        "--gold".to_owned(),
        text(gold),
    ]
}
