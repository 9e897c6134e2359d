//! What operators meet: few descriptors, many idle partitions, long names, signals,
//! brokers that do not answer.

use std::fs::File;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::apache;
use crate::checker::{assert_exact, ledger_entries};
use crate::cluster::Cluster as _;
use crate::mock::mock_broker;
use crate::process::{ingest_command, program_command, run_failing, run_successfully, send_signal};
use crate::records::{produce_mixed, produce_records};
use crate::wait;

/// The longest name that Kafka allows.
const LONGEST_NAME: usize = 249;

/// Some seconds, and what a busy machine adds. What must not be waited for takes ten
/// minutes in these tests.
const SOON: Duration = Duration::from_secs(30);

#[test]
fn more_partitions_than_descriptors_land_in_one_batch() {
    let partitions: u16 = 150;
    let broker = mock_broker();
    let topic = broker.new_topic(i32::from(partitions));
    // More than is collected in memory for a file, for each partition.
    let value = format!("{{\"a\":\"{}\"}}", "x".repeat(150_000));
    let records: Vec<_> = (0..3 * i32::from(partitions))
        .map(|at| (at % i32::from(partitions), Some(value.as_bytes())))
        .collect();
    produce_records(&broker.address(), &topic, records);
    let landing = tempfile::tempdir().unwrap();
    let ingest = ingest_command(&broker.address(), &topic, landing.path(), &[]);
    // Neither limit can be raised.
    let mut limited = Command::new("sh");
    limited
        .args(["-c", "ulimit -n 128 && exec \"$0\" \"$@\""])
        .arg(ingest.get_program())
        .args(ingest.get_args())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    run_successfully(limited);
    assert_eq!(
        assert_exact(&broker.address(), &topic, landing.path()),
        3 * usize::from(partitions)
    );
    assert_eq!(ledger_entries(&landing.path().join(&topic)).len(), 1);
}

#[test]
fn idle_topics_with_many_partitions_take_no_longer_than_asked() {
    let broker = mock_broker();
    let topic = broker.new_topic(300);
    let landing = tempfile::tempdir().unwrap();
    let args = [
        "--bootstrap-servers",
        &broker.address(),
        "--topic",
        &topic,
        "--landing",
        landing.path().to_str().unwrap(),
    ];
    let log = landing.path().join("log");
    let started = Instant::now();
    run_successfully(program_command(&[&args[..], &["--duration", "1"]].concat()));
    let window = started.elapsed();
    assert!(window < SOON, "a window of 1 s took {window:?}");

    // A service ends soon, whichever signal asks for it.
    for signal in [libc::SIGTERM, libc::SIGHUP, libc::SIGINT] {
        let follow = ["--follow", "--duration", "600", "--log-level", "info"];
        let mut service = program_command(&[&args[..], &follow].concat())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let said = || std::fs::read_to_string(&log).unwrap();
        wait::wait_until("the service reads", || said().contains("reading: "));
        let asked = Instant::now();
        send_signal(&service, signal);
        let status = service.wait().unwrap();
        let took = asked.elapsed();
        assert!(status.success(), "signal {signal}: {status}: {}", said());
        assert!(took < SOON, "signal {signal} took {took:?}");
    }
}

#[test]
fn a_run_ends_soon_while_no_broker_answers() {
    let landing = tempfile::tempdir().unwrap();
    let args = [
        "--bootstrap-servers",
        "127.0.0.1:1",
        "--topic",
        "t",
        "--landing",
        landing.path().to_str().unwrap(),
        "--timeout",
        "10m",
    ];
    let log = landing.path().join("log");
    for more in [&["--follow"][..], &["--duration", "600"]] {
        let mut run = program_command(&[&args[..], more].concat())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        wait::wait_until("no broker has answered the run", || {
            let said = std::fs::read_to_string(&log).unwrap();
            said.contains("nothing listens at 127.0.0.1:1")
        });
        let asked = Instant::now();
        send_signal(&run, libc::SIGTERM);
        wait::wait_until("the run ends", || run.try_wait().unwrap().is_some());
        let took = asked.elapsed();
        assert!(took < SOON, "{more:?} took {took:?}");
    }
}

#[test]
fn what_a_broker_confirmed_before_it_fell_silent_is_committed_at_a_stop() {
    let Some(broker) = apache::start_broker() else {
        return;
    };
    let topic = broker.new_topic(3);
    produce_mixed(broker.address(), &topic, 3, 300, "a");
    let landing = tempfile::tempdir().unwrap();
    let log = landing.path().join("log");
    let start = || {
        program_command(&[
            "--bootstrap-servers",
            broker.address(),
            "--topic",
            &topic,
            "--landing",
            landing.path().to_str().unwrap(),
            "--follow",
            "--duration",
            "600",
            "--log-level",
            "debug",
        ])
        .stderr(File::create(&log).unwrap())
        .spawn()
        .unwrap()
    };
    let said = || std::fs::read_to_string(&log).unwrap();
    let stop = |mut run: std::process::Child| {
        let asked = Instant::now();
        send_signal(&run, libc::SIGTERM);
        let status = run.wait().unwrap();
        let took = asked.elapsed();
        assert!(took < SOON, "it took {took:?}: {}", said());
        status.code().unwrap()
    };

    let run = start();
    wait::wait_until("everything is read and confirmed", || {
        said().contains("nothing new to read")
    });
    broker.pause().unwrap();
    assert_eq!(stop(run), 0, "{}", said());
    assert!(
        said().contains("committed without the brokers"),
        "{}",
        said()
    );
    broker.resume().unwrap();
    assert_eq!(assert_exact(broker.address(), &topic, landing.path()), 300);

    // What the broker could not confirm is not lost: it is read again.
    produce_mixed(broker.address(), &topic, 3, 600, "b");
    let run = start();
    wait::wait_until("more is read", || said().contains("reading: "));
    broker.pause().unwrap();
    let code = stop(run);
    assert!(code == 4 || code == 0, "{code}: {}", said());
    broker.resume().unwrap();
    run_successfully(ingest_command(
        broker.address(),
        &topic,
        landing.path(),
        &[],
    ));
    assert_eq!(assert_exact(broker.address(), &topic, landing.path()), 900);
}

/// What a run that follows logs while its broker closes every connection: `tries` of
/// them. And how long that took.
fn log_of_closed_connections(tries: usize) -> (String, Duration) {
    let begun = Instant::now();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (sender, accepted) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            drop(connection);
            if sender.send(()).is_err() {
                return;
            }
        }
    });
    let landing = tempfile::tempdir().unwrap();
    let log = landing.path().join("log");
    let run = program_command(&[
        "--bootstrap-servers",
        &address,
        "--topic",
        "t",
        "--landing",
        landing.path().to_str().unwrap(),
        "--follow",
        "--timeout",
        "1s",
        // So that the test is short.
        "--kafka-conf",
        "reconnect.backoff.max.ms=100",
    ])
    .stderr(File::create(&log).unwrap())
    .spawn()
    .unwrap();
    for _ in 0..tries {
        accepted.recv_timeout(Duration::from_secs(300)).unwrap();
    }
    send_signal(&run, libc::SIGTERM);
    run.wait_with_output().unwrap();
    (std::fs::read_to_string(&log).unwrap(), begun.elapsed())
}

#[test]
fn a_broker_that_closes_connections_is_a_few_lines_in_the_log() {
    let (log, took) = log_of_closed_connections(100);
    let warnings: Vec<&str> = log.lines().filter(|line| line.contains("WARN")).collect();
    assert!(!warnings.is_empty(), "{log}");
    // Of the library one or two, and of the run one for its question, in each minute
    // that has begun. A fast machine needs less than one for all connections.
    let minutes = 1 + usize::try_from(took.as_secs() / 60).unwrap();
    assert!(warnings.len() <= 4 * minutes, "{took:?}: {log}");
    assert!(warnings[0].contains("logged again after a minute"), "{log}");
}

#[test]
fn the_longest_name_of_a_topic_lands() {
    let broker = mock_broker();
    let topic = "t".repeat(LONGEST_NAME);
    broker.create_topic(&topic, 1);
    produce_mixed(&broker.address(), &topic, 1, 60, "a");
    let landing = tempfile::tempdir().unwrap();
    run_successfully(ingest_command(
        &broker.address(),
        &topic,
        landing.path(),
        &[],
    ));
    assert_eq!(assert_exact(&broker.address(), &topic, landing.path()), 60);
}

#[test]
fn an_empty_list_of_brokers_is_an_error_that_says_so() {
    let landing = tempfile::tempdir().unwrap();
    let mut command = program_command(&[
        "--topic",
        "t",
        "--timeout",
        "2s",
        "--landing",
        landing.path().to_str().unwrap(),
    ]);
    command.env("KAFKA_BOOTSTRAP_SERVERS", "");
    let said = run_failing(command, 2);
    assert!(said.contains("KAFKA_BOOTSTRAP_SERVERS"), "{said}");
}
