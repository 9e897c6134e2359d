//! `produce-events`: sends the sample events of `sluice-sample-events` to Kafka, a
//! bulk of them at once, one after another as they happen, or both.
//!
//! [`run`] is the whole program. What is sent is decided in [`plan`], [`source`]
//! and [`pace`], without I/O; [`send`] sends it; [`tally`] counts every event
//! from the moment it is handed over until the broker has answered for it.

mod cli;
mod client;
mod error;
mod pace;
mod plan;
mod progress;
mod report;
mod run;
mod send;
mod source;
mod tally;
mod topic;

pub use run::run;

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]
mod tests;
