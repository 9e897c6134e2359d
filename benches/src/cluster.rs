//! Starts a scheduler and executors as processes on this machine.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::Value;

use crate::memory;

const START_TIMEOUT: Duration = Duration::from_secs(30);

/// A running cluster; dropping it ends its processes.
#[derive(Debug)]
pub struct Cluster {
    processes: Vec<Process>,
    grpc: String,
    http: String,
}

#[derive(Debug)]
struct Process {
    name: String,
    child: Child,
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Cluster {
    /// Starts a scheduler and `executors` executors with one core and `memory`
    /// each, from the binaries in `binaries`, with their state and logs in
    /// `folder`. Waits until all executors are registered.
    ///
    /// # Errors
    /// When a binary is missing, ends at once or is not ready within 30 seconds.
    pub fn start(
        binaries: &Path,
        folder: &Path,
        executors: usize,
        memory: &str,
    ) -> anyhow::Result<Self> {
        let mut scheduler = binary_command(binaries, "scheduler")?;
        scheduler.args(["--bind", "127.0.0.1:0", "--http", "127.0.0.1:0"]);
        scheduler.arg("--state-dir").arg(folder.join("state"));
        let (process, line) = start_process("scheduler", scheduler, folder)?;
        let mut cluster = Self {
            processes: vec![process],
            grpc: line_field(&line, "grpc")?,
            http: line_field(&line, "http")?,
        };
        for number in 1..=executors {
            let mut executor = binary_command(binaries, "executor")?;
            executor.args([
                "--scheduler",
                &cluster.grpc,
                "--vcores",
                "1",
                "--memory",
                memory,
            ]);
            executor.args(["--bind", "127.0.0.1:0"]);
            executor
                .arg("--work-dir")
                .arg(folder.join(format!("work-{number}")));
            let (process, _) = start_process(&format!("executor-{number}"), executor, folder)?;
            cluster.processes.push(process);
        }
        cluster.wait_for_executors(executors)?;
        Ok(cluster)
    }

    fn wait_for_executors(&self, executors: usize) -> anyhow::Result<()> {
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            let ready = http_get(&self.http, "/readyz").is_ok_and(|(status, _)| status == 200);
            let registered = http_get(&self.http, "/api/v1/executors")
                .ok()
                .and_then(|(_, body)| serde_json::from_str(&body).ok())
                .map_or(0, |body| executor_count(&body));
            if ready && registered >= executors {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("{registered} of {executors} executors registered in {START_TIMEOUT:?}");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The address for submitting jobs: `sluice://127.0.0.1:PORT`.
    pub fn master(&self) -> String {
        format!("sluice://{}", self.grpc)
    }

    /// Resets [`Self::peak_memory`].
    pub fn reset_peak_memory(&self) {
        for process in &self.processes {
            memory::reset_peak(process.child.id());
        }
    }

    /// The peak memory of each process in bytes, with the name of the process.
    pub fn peak_memory(&self) -> Vec<(String, u64)> {
        self.processes
            .iter()
            .map(|process| {
                (
                    process.name.clone(),
                    memory::peak_bytes(process.child.id()).unwrap_or_default(),
                )
            })
            .collect()
    }
}

/// The number of executors in the scheduler's response: a list, or an object that
/// holds one.
fn executor_count(body: &Value) -> usize {
    let list = body
        .as_array()
        .or_else(|| body.get("executors").and_then(Value::as_array));
    list.map_or(0, Vec::len)
}

/// The command that starts a binary.
///
/// # Errors
/// When the binary is not built.
pub fn binary_command(binaries: &Path, name: &str) -> anyhow::Result<Command> {
    let path: PathBuf = binaries.join(name);
    if !path.is_file() {
        bail!(
            "there is no {}; build it with: cargo build --release --bins",
            path.display()
        );
    }
    Ok(Command::new(path))
}

/// Starts a process and waits for the line with the address on which it listens.
fn start_process(
    name: &str,
    mut command: Command,
    folder: &Path,
) -> anyhow::Result<(Process, String)> {
    let log_path = folder.join(format!("{name}.log"));
    let log = std::fs::File::create(&log_path)
        .with_context(|| format!("cannot write {}", log_path.display()))?;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .with_context(|| format!("cannot start {name}"))?;
    let stdout = child.stdout.take().context("the process has no output")?;
    let process = Process {
        name: name.to_owned(),
        child,
    };
    match first_listening(stdout).recv_timeout(START_TIMEOUT) {
        Ok(line) => Ok((process, line)),
        Err(_) => {
            let log = std::fs::read_to_string(&log_path).unwrap_or_default();
            bail!(
                "{name} did not print where it listens; its log ends with:\n{}",
                last_lines(&log)
            )
        }
    }
}

/// Sends the line with the process's address. Keeps reading after that, so that the
/// process never blocks on a full pipe.
fn first_listening(stdout: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if line.contains(" listening ") {
                let _ = sender.send(line);
            }
        }
    });
    receiver
}

fn last_lines(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

/// The value of `name=` in a line like `scheduler listening grpc=… http=…`.
fn line_field(line: &str, name: &str) -> anyhow::Result<String> {
    line.split_whitespace()
        .find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
        .map(str::to_owned)
        .with_context(|| format!("the scheduler's line has no {name}: {line}"))
}

/// The status and body of a GET request.
fn http_get(address: &str, path: &str) -> anyhow::Result<(u16, String)> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .context("an answer without a head")?;
    let status = head
        .split(' ')
        .nth(1)
        .context("an answer without a status")?
        .parse()?;
    // Without a length the body comes in chunks. Each chunk's size is on a separate
    // line, and JSON contains no CRLF, so every second line is content.
    let body = if head
        .to_ascii_lowercase()
        .contains("transfer-encoding: chunked")
    {
        body.split("\r\n").skip(1).step_by(2).collect()
    } else {
        body.to_owned()
    };
    Ok((status, body))
}
