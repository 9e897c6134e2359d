//! `submit-job`: submits SQL job files to a Sluice cluster, like spark-submit, or
//! runs them in this process.
//!
//! [`run`] is the whole program. [`JobApi`] is the interface to what runs jobs: a
//! scheduler over gRPC, or a driver in this process that a [`LocalBackend`]
//! starts. The caller passes the backend in, so that this library does not depend
//! on the engine.

mod api;
mod arguments;
mod cli;
mod diagnostics;
mod follower;
mod invocation;
mod job_file;
mod job_queries;
mod master;
mod plan;
mod program;
mod progress;
mod remote;
mod report;
mod signals;
mod submit;
mod table;
mod watch;

pub use api::{
    InProcessApi, JobApi, LocalBackend, LocalBackendOptions, ResponseStream, in_process_backend,
};
pub use program::run;
pub use sluice_proto::v1::{ErrorKind, JobError};

#[cfg(test)]
mod tests;
