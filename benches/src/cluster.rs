//! One scheduler and some executors as processes of this machine.

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

/// A running cluster; its processes end with it.
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
    /// Starts a scheduler and `executors` executors of one core and `memory`
    /// each, from the binaries in `binaries`, with their state and logs in
    /// `folder`, and waits until all are registered.
    ///
    /// # Errors
    /// A binary that is missing, ends at once or does not get ready in 30 seconds.
    pub fn start(
        binaries: &Path,
        folder: &Path,
        executors: usize,
        memory: &str,
    ) -> anyhow::Result<Self> {
        let mut scheduler = command(binaries, "scheduler")?;
        scheduler.args(["--bind", "127.0.0.1:0", "--http", "127.0.0.1:0"]);
        scheduler.arg("--state-dir").arg(folder.join("state"));
        let (process, line) = start("scheduler", scheduler, folder)?;
        let mut cluster = Self {
            processes: vec![process],
            grpc: field(&line, "grpc")?,
            http: field(&line, "http")?,
        };
        for number in 1..=executors {
            let mut executor = command(binaries, "executor")?;
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
            let (process, _) = start(&format!("executor-{number}"), executor, folder)?;
            cluster.processes.push(process);
        }
        cluster.wait_for(executors)?;
        Ok(cluster)
    }

    fn wait_for(&self, executors: usize) -> anyhow::Result<()> {
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            let ready = get(&self.http, "/readyz").is_ok_and(|(status, _)| status == 200);
            let registered = get(&self.http, "/api/v1/executors")
                .ok()
                .and_then(|(_, body)| serde_json::from_str(&body).ok())
                .map_or(0, |body| count(&body));
            if ready && registered >= executors {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("{registered} of {executors} executors registered in {START_TIMEOUT:?}");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Where jobs are submitted: `sluice://127.0.0.1:PORT`.
    pub fn master(&self) -> String {
        format!("sluice://{}", self.grpc)
    }

    /// Lets [`Self::peak_memory`] begin again.
    pub fn reset_peak_memory(&self) {
        for process in &self.processes {
            memory::reset_peak(process.child.id());
        }
    }

    /// The most memory that each process held, by name, in bytes.
    pub fn peak_memory(&self) -> Vec<(String, u64)> {
        self.processes
            .iter()
            .map(|process| {
                (
                    process.name.clone(),
                    memory::peak(process.child.id()).unwrap_or_default(),
                )
            })
            .collect()
    }
}

/// Executors in the scheduler's answer: a list, or an object that holds one.
fn count(body: &Value) -> usize {
    let list = body
        .as_array()
        .or_else(|| body.get("executors").and_then(Value::as_array));
    list.map_or(0, Vec::len)
}

/// The binary's command.
///
/// # Errors
/// It was not built.
pub fn command(binaries: &Path, name: &str) -> anyhow::Result<Command> {
    let path: PathBuf = binaries.join(name);
    if !path.is_file() {
        bail!(
            "there is no {}; build it with: cargo build --release --bins",
            path.display()
        );
    }
    Ok(Command::new(path))
}

/// Starts a process and waits for the line in which it says where it listens.
fn start(name: &str, mut command: Command, folder: &Path) -> anyhow::Result<(Process, String)> {
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
                "{name} did not say where it listens; its log ends with:\n{}",
                tail(&log)
            )
        }
    }
}

/// Sends the first line that tells an address, then reads on, so that the
/// process never waits for a reader.
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

fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

/// The value of `name=` in a line like `scheduler listening grpc=… http=…`.
fn field(line: &str, name: &str) -> anyhow::Result<String> {
    line.split_whitespace()
        .find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
        .map(str::to_owned)
        .with_context(|| format!("the scheduler's line has no {name}: {line}"))
}

/// Status and body of a GET.
fn get(address: &str, path: &str) -> anyhow::Result<(u16, String)> {
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
    // Without a length the body may come in chunks; their sizes stand on lines
    // of their own, which no JSON value does.
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
