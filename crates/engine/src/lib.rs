//! The DataFusion and Ballista glue: session, NDJSON source, staged relations,
//! gold sink, optimizer rewrites, codec, and the planning of jobs.
//!
//! This is the only crate that knows how plans are made. The scheduler runs
//! the result of [`job::analyze_job`]. An executor needs only [`codec`],
//! [`session`] and [`executor_context`].

pub mod codec;
mod cooperate;
pub mod dedup;
pub mod failure;
pub mod job;
pub mod node;
pub mod prune;
mod readable;
mod scan;
pub mod session;
pub mod sink;
pub mod source;
pub mod staged;
mod timestamp;
mod wire;
