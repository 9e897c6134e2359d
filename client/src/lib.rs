//! `submit-job`: submits SQL job files to a Sluice cluster, like spark-submit, or
//! runs them in this process.
//!
//! [`run`] is the whole program. What runs jobs is a scheduler over gRPC, or a
//! driver in this process that a [`LocalBackend`] starts. The caller passes the
//! backend in, so that this library does not depend on the engine.

mod arguments;
mod backend;
mod cli;
mod color;
mod connect;
mod diagnostics;
mod follower;
mod invocation;
mod job_client;
mod job_file;
mod job_queries;
mod limits;
mod list_watch;
mod local;
mod log_lines;
mod master;
mod own_settings;
mod plan;
mod program;
mod progress;
mod report;
mod screen_text;
mod server_probe;
mod signals;
mod submit;
mod table;
mod top;
mod trace;
mod watch;
mod watch_interval;

pub use local::{LocalBackend, LocalBackendOptions};
pub use program::run;
pub use sluice_proto::v1::{ErrorKind, JobError};

#[cfg(test)]
mod tests;
