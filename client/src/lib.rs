//! `submit-job`: submits SQL job files to a Sluice cluster, like spark-submit, or
//! runs them in this process.
//!
//! [`run`] is the whole program. [`JobApi`] is the interface to what runs jobs: a
//! scheduler over gRPC, or a driver in this process that a [`LocalBackend`]
//! starts. The caller passes the backend in, so that this library does not depend
//! on the engine.

mod api;
mod cli;
mod diagnostics;
mod events;
mod follow;
mod invocation;
mod jobtext;
mod master;
mod plan;
mod progress;
mod query;
mod remote;
mod report;
mod run;
mod signals;
mod split;
mod submit;
mod table;

pub use api::{Answers, InProcess, JobApi, LocalBackend, LocalOptions, in_process};
pub use run::run;
pub use sluice_proto::v1::{ErrorKind, JobError};

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]
mod tests;
