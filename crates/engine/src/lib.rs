//! The DataFusion and Ballista glue: session, sources, staged relations,
//! gold sink, optimizer rewrites, codec, the planning of jobs, and the failures of
//! their tasks.
//!
//! This is the only crate that knows how plans are made. The scheduler runs
//! the result of [`job::analyze_job`]. An executor needs only [`codec`],
//! [`session`], [`executor_context`], [`operator_spans`], [`task_failure`] and
//! [`task_trace`].

pub mod codec;
mod cooperative;
mod dedup;
mod display_path;
pub mod distributed;
mod estimate;
pub mod executor_context;
mod filter_pushdown;
pub mod job;
mod join_order;
mod manifest;
mod node_codec;
pub mod operator_spans;
mod parquet;
pub mod planning;
pub mod prune;
mod scan;
pub mod session;
pub mod sink;
pub mod source;
pub mod spill_pool;
pub mod staged;
pub mod task_failure;
pub mod task_trace;
