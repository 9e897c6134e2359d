//! Clients that say nothing, too many of them, and a scheduler that hangs.

use std::io::Read;
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use crate::job_files::JobFiles;
use crate::process::{Process, Signal};
use crate::sandbox::Cluster;
use crate::{http, submit, wait};

/// Starts a scheduler that may have `descriptors` files and connections open.
fn start_scheduler(folder: &Path, descriptors: usize) -> Process {
    let mut command = Command::new("sh");
    submit::clear_environment(&mut command);
    command
        .current_dir(folder)
        .arg("-c")
        .arg(format!("ulimit -n {descriptors} && exec \"$0\" \"$@\""))
        .arg(env!("CARGO_BIN_EXE_scheduler"))
        .args(["--bind", "127.0.0.1:0", "--http", "127.0.0.1:0"]);
    Process::start(command, &folder.join("scheduler.log"))
}

#[test]
fn a_scheduler_without_descriptors_says_so_and_recovers() {
    const DESCRIPTORS: usize = 128;
    let folder = tempfile::tempdir().unwrap();
    let scheduler = start_scheduler(folder.path(), DESCRIPTORS);
    let grpc = scheduler.announced_value("grpc");
    let address = scheduler.announced_value("http");
    assert_eq!(http::get_text(&address, "/healthz").unwrap().0, 200);

    let connections: Vec<TcpStream> = (0..DESCRIPTORS)
        .map(|_| TcpStream::connect(&grpc).unwrap())
        .collect();
    let says = |words: &str| {
        wait::wait_until(words, wait::DEADLINE, || {
            scheduler.log_tail().contains(words).then_some(())
        });
    };
    says("connections cannot be accepted, retrying");
    drop(connections);
    says("connections are accepted again");
    wait::wait_until("the scheduler answers", wait::DEADLINE, || {
        (http::get_text(&address, "/healthz")?.0 == 200).then_some(())
    });
    // It paused, and did not report every attempt.
    let log = scheduler.log_tail();
    assert!(log.matches("cannot be accepted").count() <= 8, "{log}");
}

#[test]
fn a_client_that_says_nothing_is_disconnected() {
    let cluster = Cluster::builder().executors(0).start();
    let address = cluster.master().replace("sluice://", "");
    let mut silent = TcpStream::connect(address).unwrap();
    silent.set_read_timeout(Some(wait::DEADLINE)).unwrap();
    let mut answer = Vec::new();
    silent.read_to_end(&mut answer).unwrap();
    assert_eq!(cluster.get_page("/healthz").0, 200);
}

#[test]
fn the_second_master_is_asked_when_the_first_hangs() {
    let hanging = Cluster::builder().executors(0).start();
    let cluster = Cluster::builder().executors(1).start();
    hanging.scheduler.signal(Signal::Stop);
    let master = format!(
        "{},{}",
        hanging.master(),
        cluster.master().replace("sluice://", "")
    );
    let files = JobFiles::new();
    let job = files.write_job(
        "CREATE OR REFRESH MATERIALIZED VIEW t AS SELECT user, sum(n) AS n FROM events GROUP BY user;\n",
    );
    let output = files.submit_job(&master, &job, &["--submission-id", "moved"]);
    hanging.scheduler.signal(Signal::Continue);
    output.expect_code(0);
    assert_eq!(cluster.find_job("moved").unwrap()["state"], "SUCCEEDED");
}

#[test]
fn a_hangup_ends_programs_like_sigterm() {
    let mut cluster = Cluster::builder().executors(1).start();
    let mut executor = cluster.executors.remove(0);
    executor.process.signal(Signal::Hangup);
    assert_eq!(executor.process.wait_for_end().code(), Some(0));
    cluster.scheduler.signal(Signal::Hangup);
    assert_eq!(cluster.scheduler.wait_for_end().code(), Some(0));
}

#[test]
fn an_unknown_page_is_an_error() {
    let cluster = Cluster::builder().executors(0).start();
    let (status, body) = cluster.get_page("/api/v1/jobs?page_token=job-nowhere");
    assert_eq!(status, 400, "{body}");
    assert!(body.contains("no page begins at `job-nowhere`"), "{body}");
}
