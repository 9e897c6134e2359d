//! The `sluice.v1` gRPC interface, and the one place where its error kinds
//! become gRPC codes, HTTP statuses and exit codes. [`heartbeat`] adds what
//! executors and the scheduler report in addition to Ballista's messages.
//!
//! [`v1`] holds the generated messages, client and server trait. Messages are plain
//! data. The methods that this crate adds are shared by all users of the interface:
//! the scheduler, `submit-job` and the HTTP API.

pub mod heartbeat;
#[cfg(feature = "jobfile")]
mod job_diagnostics;
pub mod json;
mod kind;
mod state;
mod status;
pub mod trace_headers;
pub mod version;

pub use state::UnknownName;

/// The largest gRPC message between client, scheduler and executors, in bytes. The
/// largest ones hold job files and physical plans; a plan can name thousands of
/// files.
pub const MAX_MESSAGE_BYTES: usize = 64 * 1024 * 1024;

/// The largest header list that a client must accept, in bytes. The diagnostics of
/// a refused job travel in the trailers, and HTTP/2 implementations accept only
/// 16 KiB by default.
pub const MAX_HEADER_LIST_BYTES: u32 = 64 * 1024;

/// The generated messages, client and server trait of `sluice.v1`.
#[allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    reason = "generated; the documentation is in jobs.proto"
)]
pub mod v1 {
    tonic::include_proto!("sluice.v1");
}

#[cfg(test)]
mod tests;
