//! Tests of the sandbox with a real broker.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::net::TcpStream;

use sluice_kafka_sandbox::{Broker, Installation, SandboxError};

#[test]
fn a_broker_goes_through_its_life() {
    let Some(kafka) = Installation::find().unwrap() else {
        return;
    };
    let broker = Broker::start(&kafka, &[]).unwrap();
    let (address, folder) = (broker.address().to_owned(), broker.folder().to_owned());
    broker.create_topic("events", 2).unwrap();
    let values: Vec<String> = (0..20).map(|n| format!("{{\"n\": {n}}}")).collect();
    broker
        .produce_records("events", values.iter().map(|v| (Some("k"), v.as_str())))
        .unwrap();
    let read = broker.consume_count("events", 20).unwrap();
    assert_eq!(
        read.iter().map(|r| &r.value).collect::<Vec<_>>(),
        values.iter().collect::<Vec<_>>()
    );
    assert!(read.iter().all(|r| r.key.as_deref() == Some("k")));
    assert!((0..20).eq(read.iter().map(|r| r.offset)));

    let partition = read[0].partition;
    broker.delete_records("events", &[(partition, 5)]).unwrap();
    assert_eq!(broker.first_offsets("events").unwrap()[&partition], 5);

    broker.pause().unwrap();
    broker.resume().unwrap();
    broker.kill().unwrap();
    assert!(TcpStream::connect(&address).is_err());
    broker.restart().unwrap();
    assert_eq!(broker.address(), address);
    assert_eq!(broker.end_offsets("events").unwrap()[&partition], 20);
    let refused = broker.create_topic("events", 1).unwrap_err();
    assert!(
        matches!(&refused, SandboxError::Failed { output, .. } if output.contains("already exists")),
        "{refused}"
    );

    drop(broker);
    assert!(TcpStream::connect(&address).is_err());
    assert!(!folder.exists());
}
