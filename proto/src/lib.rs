//! The `sluice.v1` gRPC interface, and the one place where its error kinds
//! become gRPC codes, HTTP statuses and exit codes.
//!
//! [`v1`] holds the generated messages, client and server trait. Messages are
//! plain data; what is said about them here holds for every part that speaks
//! the interface: the scheduler, `submit-job` and the HTTP API.

pub mod json;
mod kind;
pub mod secret;
mod state;
mod status;

pub use state::UnknownName;

/// Largest message either side sends or accepts, in bytes: job files and
/// physical plans are texts that people wrote or read.
pub const MAX_MESSAGE_BYTES: usize = 64 * 1024 * 1024;

/// Largest header list a client must accept, in bytes: a refused job's
/// diagnostics travel in the trailers, and HTTP/2 stacks default to 16 KiB.
pub const MAX_HEADER_LIST_BYTES: u32 = 64 * 1024;

/// The generated messages, client and server trait of `sluice.v1`.
#[allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    reason = "generated; the documentation stands in jobs.proto"
)]
pub mod v1 {
    tonic::include_proto!("sluice.v1");
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]
mod tests;
