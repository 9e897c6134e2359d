//! Starting, signalling and stopping our processes.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crate::wait;

/// How many lines of a log are shown when a test fails.
const LOG_LINES_SHOWN: usize = 60;

#[derive(Debug, Clone, Copy)]
pub enum Signal {
    Interrupt,
    Terminate,
    Hangup,
    Stop,
    Continue,
}

impl Signal {
    fn number(self) -> i32 {
        match self {
            Self::Interrupt => libc::SIGINT,
            Self::Terminate => libc::SIGTERM,
            Self::Hangup => libc::SIGHUP,
            Self::Stop => libc::SIGSTOP,
            Self::Continue => libc::SIGCONT,
        }
    }
}

/// Sends a signal to a child that has not been waited for.
pub fn send_signal(child: &Child, signal: Signal) {
    let pid = i32::try_from(child.id()).unwrap();
    // SAFETY: `kill` takes two numbers and accesses no memory; the child has not
    // been waited for, so the process id still belongs to it.
    let result = unsafe { libc::kill(pid, signal.number()) };
    assert_eq!(result, 0, "cannot send {signal:?} to {pid}");
}

/// A long-running process that prints on stdout where it listens.
#[derive(Debug)]
pub struct Process {
    child: Child,
    log: PathBuf,
    announced_line: String,
}

impl Process {
    /// Starts `command` and waits for its line on stdout. Stderr is appended to
    /// the file `log`.
    pub fn start(mut command: Command, log: &Path) -> Self {
        let stderr = File::options().create(true).append(true).open(log).unwrap();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .unwrap();
        let stdout = child.stdout.take().unwrap();
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            let mut stdout = BufReader::new(stdout);
            let mut line = String::new();
            let _ = stdout.read_line(&mut line);
            let _ = sender.send(line);
            // Keep reading, so that the process never blocks on a full pipe.
            let _ = std::io::copy(&mut stdout, &mut std::io::sink());
        });
        let announced = receiver.recv_timeout(wait::DEADLINE).unwrap_or_default();
        let process = Self {
            child,
            log: log.to_owned(),
            announced_line: announced,
        };
        assert!(
            process.announced_line.contains(" listening "),
            "does not start: {command:?}\n{}",
            process.log_tail()
        );
        process
    }

    /// A value of the announced line, such as `grpc`.
    pub fn announced_value(&self, key: &str) -> String {
        let value = self
            .announced_line
            .split_whitespace()
            .find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
        value
            .unwrap_or_else(|| panic!("no {key} in: {}", self.announced_line))
            .to_owned()
    }

    pub fn signal(&self, what: Signal) {
        send_signal(&self.child, what);
    }

    /// Kills the process and waits for its end.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Waits until the process has ended.
    pub fn wait_for_end(&mut self) -> ExitStatus {
        wait::wait_until("the process ends", wait::DEADLINE, || {
            self.child.try_wait().unwrap()
        })
    }

    /// Waits until a signal has stopped the process.
    pub fn wait_until_stopped(&self) {
        let path = format!("/proc/{}/stat", self.child.id());
        wait::wait_until("the process is stopped", wait::DEADLINE, || {
            let stat = std::fs::read_to_string(&path).ok()?;
            // The state follows the name, which is in parentheses.
            stat.rsplit(')')
                .next()?
                .trim_start()
                .starts_with('T')
                .then_some(())
        });
    }

    /// Whether the process has a file open at or below `folder`.
    pub fn has_open(&self, folder: &Path) -> bool {
        let Ok(entries) = std::fs::read_dir(format!("/proc/{}/fd", self.child.id())) else {
            return false;
        };
        entries
            .flatten()
            .filter_map(|entry| std::fs::read_link(entry.path()).ok())
            .any(|target| target.starts_with(folder))
    }

    /// How many files and connections it has open.
    pub fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).map_or(0, Iterator::count)
    }

    /// Whether the process has not ended.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// The processor time that it has used, in hundredths of a second.
    pub fn cpu_time(&self) -> u64 {
        cpu_time(self.child.id())
    }

    /// The memory that it holds, without the pages of files, in bytes.
    pub fn anonymous_bytes(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).unwrap_or_default();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("RssAnon:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
        kib.and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) * 1024
    }

    /// Its whole log.
    pub fn read_log(&self) -> String {
        let mut bytes = Vec::new();
        let _ = File::open(&self.log).and_then(|mut file| file.read_to_end(&mut bytes));
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Waits until its log contains all of `parts`: what a process logs may follow
    /// what others learn from it.
    pub fn wait_for_log(&self, parts: &[&str]) {
        for part in parts {
            wait::wait_until(&format!("the log has `{part}`"), wait::DEADLINE, || {
                self.read_log().contains(part).then_some(())
            });
        }
    }

    /// The last lines of its log.
    pub fn log_tail(&self) -> String {
        let text = self.read_log();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("---- {}\n{}", self.log.display(), self.log_tail());
        }
        self.kill();
    }
}

/// The processor time of a process, in hundredths of a second.
pub fn cpu_time(process: u32) -> u64 {
    let path = format!("/proc/{process}/stat");
    sum_cpu_times(&std::fs::read_to_string(path).unwrap_or_default(), 11)
}

/// The processor time of all children that have ended, in hundredths of a second.
pub fn cpu_time_of_ended() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    sum_cpu_times(&stat, 13)
}

/// Two fields of a `stat` file, counted after the name, which may hold spaces.
fn sum_cpu_times(stat: &str, first: usize) -> u64 {
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let times = fields.split_whitespace().skip(first).take(2);
    times.filter_map(|time| time.parse::<u64>().ok()).sum()
}

/// A child that is killed on drop.
#[derive(Debug)]
pub struct KillOnDrop(pub Child);

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits until a child has ended, for at most `limit`.
pub fn wait_for_end(child: &mut Child, what: &str, limit: Duration) -> ExitStatus {
    wait::wait_until(what, limit, || child.try_wait().unwrap())
}
