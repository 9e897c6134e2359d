//! Real `ingest-landing` processes against brokers: librdkafka's mock cluster
//! in this process, and Apache Kafka where it is found.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod chaos;
mod checker;
mod commands;
mod crash;
mod kafka;
mod mock;
mod process;
mod s3;
