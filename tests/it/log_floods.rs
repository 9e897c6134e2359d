//! What is logged while another process cannot be reached: one line when that begins
//! and one when it ends, however often it is tried.

use std::fs::File;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::registrations::{VERSION, register_executor};
use crate::sandbox::Cluster;
use crate::{loopback, submit, wait};

fn count_lines(log: &str, text: &str) -> usize {
    log.lines().filter(|line| line.contains(text)).count()
}

/// Accepts connections and closes them at once.
struct ClosingServer {
    address: String,
    accepted: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl ClosingServer {
    fn start(address: &str) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        listener.set_nonblocking(true).unwrap();
        let (accepted, stop) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
        let (count, is_stopped) = (Arc::clone(&accepted), Arc::clone(&stop));
        let address = listener.local_addr().unwrap().to_string();
        let thread = std::thread::spawn(move || {
            while !is_stopped.load(Ordering::SeqCst) {
                match listener.accept() {
                    Ok(_) => drop(count.fetch_add(1, Ordering::SeqCst)),
                    Err(_) => std::thread::sleep(std::time::Duration::from_millis(5)),
                }
            }
        });
        Self {
            address,
            accepted,
            stop,
            thread: Some(thread),
        }
    }

    fn wait_for_connections(&self, count: usize) {
        wait::wait_until(&format!("{count} connections"), wait::DEADLINE, || {
            (self.accepted.load(Ordering::SeqCst) >= count).then_some(())
        });
    }
}

impl Drop for ClosingServer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Killed when dropped.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn spawn_executor(scheduler: &str, folder: &Path, log: &Path) -> Killed {
    let mut command = Command::new(env!("CARGO_BIN_EXE_executor"));
    submit::clear_environment(&mut command);
    let child = command
        .args(["--scheduler", scheduler, "--vcores", "1", "--work-dir"])
        .arg(folder.join("work"))
        .stdout(Stdio::null())
        .stderr(File::create(log).unwrap())
        .spawn()
        .unwrap();
    Killed(child)
}

#[test]
fn an_unreachable_executor_is_one_line_in_the_schedulers_log() {
    let cluster = Cluster::builder().executors(0).start();
    let address = loopback::unused_address();
    let register = |times| register_executor(&cluster, address, Some(VERSION), times);
    register(100).unwrap_err();
    let unreachable = "an executor is unreachable";
    let log = cluster.scheduler.read_log();
    assert_eq!(count_lines(&log, unreachable), 1, "{log}");
    assert!(
        log.lines().count() < 20,
        "another line is repeated, too\n{log}"
    );
    // It is reachable now, and refused for another reason: it is no executor.
    let listener = TcpListener::bind(address).unwrap();
    register(1).unwrap_err();
    drop(listener);
    let log = cluster.scheduler.read_log();
    assert_eq!(
        count_lines(&log, "the executor is reachable (100 times"),
        1,
        "{log}"
    );
    assert_eq!(count_lines(&log, unreachable), 1, "{log}");
}

#[test]
fn a_scheduler_that_does_not_answer_is_one_line_in_an_executors_log() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let server = ClosingServer::start("127.0.0.1:0");
    let _executor = spawn_executor(&server.address, folder.path(), &log);
    server.wait_for_connections(20);
    let log = std::fs::read_to_string(&log).unwrap();
    assert_eq!(count_lines(&log, "waiting for the scheduler"), 1, "{log}");
    assert!(log.lines().count() < 10, "{log}");
}

#[test]
fn a_lost_scheduler_is_one_line_in_an_executors_log_and_one_when_it_is_back() {
    let mut cluster = Cluster::builder().executors(1).start();
    cluster.kill_scheduler();
    let server = ClosingServer::start(cluster.grpc_address());
    server.wait_for_connections(8);
    drop(server);
    let lost = "the scheduler does not accept heartbeats";
    let log = cluster.executors[0].process.read_log();
    assert_eq!(count_lines(&log, lost), 1, "{log}");
    cluster.restart_scheduler();
    cluster.wait_for_executors(1);
    let back = "the scheduler accepts heartbeats again (";
    wait::wait_until("the executor logs that it is back", wait::DEADLINE, || {
        let log = cluster.executors[0].process.read_log();
        (count_lines(&log, back) == 1).then_some(())
    });
    let log = cluster.executors[0].process.read_log();
    assert_eq!(count_lines(&log, lost), 1, "{log}");
}
