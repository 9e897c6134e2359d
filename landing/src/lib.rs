//! Kafka topics into newline-delimited JSON files, each message exactly once.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        reason = "a test fails by panicking"
    )
)]

mod compression;
mod entry;
mod envelope;
mod eventtime;
mod gather;
mod json;
mod kafka;
mod names;
mod output;
mod payload;
mod runs;
mod start;
mod tiling;
mod window;
mod writer;
