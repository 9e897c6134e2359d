//! Schedulers that are unreachable, lost or restarted.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;

use sluice_proto::v1::{ErrorKind, JobState};
use tokio::net::TcpSocket;

use super::fake::{Fake, Running, Step, failed, finished, progress, state, succeeded};
use super::world::{World, wait_until};

/// An address on which no process listens. Other tests do not get it as long as the
/// socket, which never listens, is there.
fn unused_address() -> (TcpSocket, String) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap().to_string();
    (socket, address)
}

#[test]
fn an_unreachable_master_is_4_with_how_to_start_one() {
    let ((_first, first), (_second, second)) = (unused_address(), unused_address());
    for line in [
        "JOB --landing /l",
        "--plan JOB --landing /l",
        "--list",
        "--kill x",
    ] {
        let ran = World::new().run(&format!("--master sluice://{first},{second} {line}"));
        assert_eq!(ran.code, 4, "{ran:?}");
        for part in [
            format!("no scheduler can be reached at {first} ("),
            "connection refused".to_owned(),
            format!(", {second} ("),
            format!("scheduler --bind {first}\n"),
            format!("executor --scheduler {first} --vcores 1"),
        ] {
            assert!(ran.err.contains(&part), "{part}: {ran:?}");
        }
        let line = format!("--output json --master sluice://{first} {line}");
        assert_eq!(
            World::new().run(&line).json()["error"]["kind"],
            "unavailable"
        );
    }
}

#[test]
fn an_unknown_host_is_4() {
    let ran = World::new().run("--master sluice://no-such-host.invalid:50050 --list");
    assert_eq!(ran.code, 4, "{ran:?}");
    let part = "no-such-host.invalid:50050 (the host name cannot be resolved: ";
    assert!(ran.err.contains(part), "{ran:?}");
    assert!(ran.err.contains("check the host name"), "{ran:?}");
}

#[test]
fn something_else_at_the_address_is_4() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut stream = stream;
                let _ = stream.read(&mut [0; 64]);
                let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
            });
        }
    });
    let ran = World::new().run(&format!("--master sluice://{address} JOB --landing /l"));
    assert_eq!(ran.code, 4, "{ran:?}");
    assert!(ran.err.contains(&address.to_string()), "{ran:?}");
}

#[test]
fn a_grpc_server_that_is_no_scheduler_is_4() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let listener = runtime
        .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
        .unwrap();
    let address = listener.local_addr().unwrap();
    let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
    let routes = tonic::service::Routes::default();
    runtime.spawn(
        tonic::transport::Server::builder()
            .add_routes(routes)
            .serve_with_incoming(incoming),
    );
    let ran = World::new().run(&format!("--master sluice://{address} --list"));
    assert_eq!(ran.code, 4, "{ran:?}");
    assert!(ran.err.contains("is not a sluice scheduler"), "{ran:?}");
    runtime.shutdown_background();
}

#[test]
fn the_next_master_is_tried_in_turn() {
    let running = Running::start(&Fake::with(|state| state.job = Some(succeeded())));
    let (_unused, unused) = unused_address();
    let line = format!("--master sluice://{unused},{} --list", running.address);
    let ran = World::new().run(&line);
    assert_eq!(ran.code, 0, "{ran:?}");
}

/// A port whose connections are accepted by the system only, as those of a process
/// that hangs.
fn silent_listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

#[test]
fn the_next_master_is_asked_when_the_first_hangs() {
    let silent = silent_listener();
    let running = Running::start(&Fake::with(|state| state.job = Some(succeeded())));
    let (first, second) = (silent.local_addr().unwrap(), running.address);
    let ran = World::new().run(&format!("--master sluice://{first},{second} --list"));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("job-1"), "{ran:?}");
}

#[test]
fn masters_that_hang_are_4_and_named() {
    let silent = [silent_listener(), silent_listener()];
    let [first, second] = silent.each_ref().map(|one| one.local_addr().unwrap());
    let mut world = World::new();
    world.limits.connection.answer = Duration::from_millis(20);
    let ran = world.run(&format!(
        "--master sluice://{first},{second} JOB --landing /l"
    ));
    assert_eq!(ran.code, 4, "{ran:?}");
    for address in [first, second] {
        let part = format!("{address} (connected, but no answer within 20ms");
        assert!(ran.err.contains(&part), "{part}: {ran:?}");
    }
}

#[test]
fn the_only_master_has_more_time_and_is_named_when_it_hangs() {
    let silent = silent_listener();
    let address = silent.local_addr().unwrap();
    let mut world = World::new();
    world.limits.connection.only_answer = Duration::from_millis(30);
    let ran = world.run(&format!("--master sluice://{address} --list"));
    assert_eq!(ran.code, 4, "{ran:?}");
    let part = format!("{address} (connected, but no answer within 30ms");
    assert!(ran.err.contains(&part), "{part}: {ran:?}");
    assert!(
        ran.err.contains("look at the scheduler's process"),
        "{ran:?}"
    );
}

#[test]
fn a_submission_that_is_not_answered_is_not_waited_for_forever() {
    let fake = Fake::with(|state| state.hang = true);
    let running = Running::start(&fake);
    let mut world = World::new();
    world.limits.connection.call = Duration::from_millis(50);
    let ran = world.run(&format!("--master {} JOB --landing /l", running.master()));
    assert_eq!(ran.code, 4, "{ran:?}");
    assert!(ran.err.contains("no answer within 50ms"), "{ran:?}");
}

/// A server that reads a little and answers every connection with the same bytes.
fn answer_always(answer: &'static [u8]) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut stream = stream;
                let _ = stream.read(&mut [0; 1024]);
                let _ = stream.write_all(answer);
            });
        }
    });
    address
}

#[test]
fn the_error_says_what_listens_instead_of_a_scheduler() {
    for (answer, part) in [
        (
            b"\x15\x03\x01\x00\x02\x02\x46".as_slice(),
            "the server there expects TLS",
        ),
        (
            b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
            "an HTTP server that is not",
        ),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "does not speak gRPC"),
    ] {
        let address = answer_always(answer);
        let ran = World::new().run(&format!("--master sluice://{address} --list"));
        assert_eq!(ran.code, 4, "{ran:?}");
        assert!(ran.err.contains(part), "{part}: {ran:?}");
        assert!(ran.err.contains("check host and port"), "{ran:?}");
    }
}

#[test]
fn a_scheduler_of_another_version_is_reported() {
    let running = Running::start(&Fake::with(|state| {
        state.job = Some(succeeded());
        state.version = Some("9.9.9".to_owned());
    }));
    let ran = World::new().run(&format!("--master {} --list", running.master()));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.err.contains("the scheduler is version 9.9.9"),
        "{ran:?}"
    );
}

#[test]
fn a_broken_stream_is_resumed_where_it_stopped() {
    let fake = Fake::playing(vec![state(JobState::Running), progress(0, 1), Step::Close]);
    fake.state
        .lock()
        .unwrap()
        .watches
        .push_back(vec![progress(1, 1), finished(succeeded())]);
    let running = Running::start(&fake);
    let ran = World::new().run(&format!("--master {} JOB --landing /l", running.master()));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.err.contains("retrying"), "{ran:?}");
    assert!(ran.err.contains("the scheduler is back"), "{ran:?}");
    let state = fake.state.lock().unwrap();
    let after: Vec<u64> = state
        .watched
        .iter()
        .map(|watch| watch.after_sequence)
        .collect();
    assert_eq!(after, [0, 2]);
}

#[test]
fn the_client_reconnects_to_a_restarted_scheduler() {
    let interrupted = failed(JobState::Interrupted, ErrorKind::Interrupted);
    let fake = Fake::playing(vec![state(JobState::Running), Step::Stall]);
    fake.state
        .lock()
        .unwrap()
        .watches
        .push_back(vec![finished(interrupted)]);
    let running = Running::start(&fake);
    let address = running.address;
    let mut world = World::new();
    world.limits.retry_policy.give_up_after = Duration::from_secs(120);
    let err = world.err.clone();
    let submit = std::thread::spawn(move || {
        world.run(&format!("--master sluice://{address} JOB --landing /l"))
    });
    wait_until("the job runs", || err.text().contains("running"));
    drop(running);
    wait_until("the loss is noticed", || err.text().contains("retrying"));
    let _again = Running::start_at(&fake, address);
    let ran = submit.join().unwrap();
    assert_eq!(ran.code, 7, "{ran:?}");
    assert!(ran.err.contains("was interrupted"), "{ran:?}");
}

#[test]
fn a_scheduler_that_comes_back_without_the_job_is_7() {
    let fake = Fake::playing(vec![state(JobState::Running), Step::Close]);
    let running = Running::start(&fake);
    let ran = World::new().run(&format!("--master {} JOB --landing /l", running.master()));
    assert_eq!(ran.code, 7, "{ran:?}");
    assert!(ran.err.contains("no longer knows it"), "{ran:?}");
}

#[test]
fn a_scheduler_that_stays_away_is_4_and_names_the_job() {
    let fake = Fake::playing(vec![state(JobState::Running), Step::Stall]);
    let running = Running::start(&fake);
    let master = running.master();
    let world = World::new();
    let err = world.err.clone();
    let submit =
        std::thread::spawn(move || world.run(&format!("--master {master} JOB --landing /l")));
    wait_until("the job runs", || err.text().contains("running"));
    drop(running);
    let ran = submit.join().unwrap();
    assert_eq!(ran.code, 4, "{ran:?}");
    assert!(
        ran.err.contains("job job-1 may still be running"),
        "{ran:?}"
    );
    assert!(ran.err.contains("--status job-1"), "{ran:?}");
}

#[test]
fn an_answer_lost_in_submitting_names_the_submission() {
    let fake = Fake::with(|state| state.hang = true);
    let running = Running::start(&fake);
    let master = running.master();
    let world = World::new();
    let submit = std::thread::spawn(move || {
        world.run(&format!(
            "--master {master} --submission-id mine JOB --landing /l"
        ))
    });
    wait_until("it is submitted", || {
        !fake.state.lock().unwrap().submitted.is_empty()
    });
    drop(running);
    let ran = submit.join().unwrap();
    assert_eq!(ran.code, 4, "{ran:?}");
    assert!(ran.err.contains("the connection was lost"), "{ran:?}");
    assert!(
        ran.err.contains("submit again with --submission-id mine"),
        "{ran:?}"
    );
}
