//! Clients that say nothing, too many of them or of their jobs, and a scheduler that
//! hangs.

use std::io::Read;
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use crate::job_files::JobFiles;
use crate::process::{Process, Signal};
use crate::sandbox::Cluster;
use crate::{http, submit, wait};

const SMALL_JOB: &str = "CREATE OR REFRESH MATERIALIZED VIEW t AS SELECT user, sum(n) AS n FROM events GROUP BY user;\n";

/// Starts a scheduler that may have `descriptors` files and connections open, and does
/// not wait for running jobs when it is to stop.
fn start_scheduler(folder: &Path, descriptors: usize) -> Process {
    let mut command = Command::new("sh");
    submit::clear_environment(&mut command);
    command
        .current_dir(folder)
        .arg("-c")
        .arg(format!("ulimit -n {descriptors} && exec \"$0\" \"$@\""))
        .arg(env!("CARGO_BIN_EXE_scheduler"))
        .args(["--bind", "127.0.0.1:0", "--http", "127.0.0.1:0"])
        .args(["--max-concurrent-jobs", "1", "--drain-timeout", "0s"]);
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
fn more_jobs_than_descriptors_wait_and_end_with_the_scheduler() {
    const DESCRIPTORS: usize = 96;
    const THREADS: usize = 4;
    const JOBS: usize = 120;
    let folder = tempfile::tempdir().unwrap();
    let mut scheduler = start_scheduler(folder.path(), DESCRIPTORS);
    let master = format!("sluice://{}", scheduler.announced_value("grpc"));
    let files = JobFiles::new();
    let job = files.write_job(SMALL_JOB);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for _ in 0..JOBS / THREADS {
                    let more = ["--deploy-mode", "cluster"];
                    files.submit_job(&master, &job, &more).expect_code(0);
                }
            });
        }
    });
    let log = scheduler.log_tail();
    assert!(!log.contains("cannot be accepted"), "{log}");
    scheduler.signal(Signal::Terminate);
    assert!(
        scheduler.wait_for_end().success(),
        "{}",
        scheduler.log_tail()
    );

    let scheduler = start_scheduler(folder.path(), DESCRIPTORS);
    let address = scheduler.announced_value("http");
    let (_, page) = http::get_text(&address, "/api/v1/jobs?limit=1000").unwrap();
    let page: serde_json::Value = serde_json::from_str(&page).unwrap();
    let jobs = page["jobs"].as_array().unwrap();
    assert_eq!(jobs.len(), JOBS);
    assert!(
        jobs.iter().all(|job| job["state"] == "INTERRUPTED"),
        "{page}"
    );
}

#[test]
fn nothing_is_left_open_of_a_job_that_many_clients_watched() {
    let mut cluster = Cluster::builder().executors(1).start();
    let files = JobFiles::new();
    let job = files.write_job(SMALL_JOB);
    // The first job opens what stays open, such as connections to the executor.
    files
        .submit_job(&cluster.master(), &job, &[])
        .expect_code(0);
    let before = cluster.scheduler.descriptors();
    cluster.kill_executor(0);
    cluster.wait_for_executors(0);
    let more = ["--submission-id", "watched"];
    let watchers: Vec<_> = (0..12)
        .map(|_| files.spawn_job(&cluster.master(), &job, &more))
        .collect();
    for watcher in &watchers {
        watcher.wait_for_stderr("waiting for executors");
    }
    let during = cluster.scheduler.descriptors();
    assert!(during > before, "{before} before, {during} during");
    cluster.add_executor();
    for watcher in watchers {
        watcher.wait().expect_code(0);
    }
    wait::wait_until("all is closed", wait::DEADLINE, || {
        (cluster.scheduler.descriptors() <= before).then_some(())
    });
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
    let job = files.write_job(SMALL_JOB);
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
