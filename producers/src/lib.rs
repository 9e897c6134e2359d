//! `produce-events`: sends the sample events of `sluice-sample-events` to Kafka,
//! as a bulk load, as live events one after another, or both.
//!
//! [`run()`] is the whole program. `plan`, `source` and `pace` decide without I/O
//! what is sent and when. `send` sends it. `counts` counts every event from the
//! moment it enters the client's queue until the broker acknowledges it or it
//! fails.

mod cli;
mod client;
mod counts;
mod error;
mod error_code;
mod outcome;
mod pace;
mod plan;
mod progress;
mod run;
mod send;
mod source;
mod summary;
mod topic;

pub use run::run;

#[cfg(test)]
mod tests;
