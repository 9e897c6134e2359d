//! Tests real `ingest-landing` processes against brokers: librdkafka's mock
//! cluster in this process, and Apache Kafka where it is installed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod apache;
mod chaos;
mod checker;
mod cluster;
mod commands;
mod connection;
mod crash;
mod fake_broker;
mod group;
mod join;
mod kafka;
mod mock;
mod operation;
mod parallel;
mod process;
mod records;
mod s3;
mod topic_changes;
mod wait;
