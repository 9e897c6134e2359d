//! Reads one batch of a topic into durable files.
//!
//! - Without I/O: `start_offsets` (where a batch begins, and when ingest must
//!   stop), `limits` and `state` (what belongs to a batch, and when it ends),
//!   `validate` and `json_check` (which payloads become lines), `event_time`,
//!   `envelope`, `continuity` (offsets without a gap), `draft` (the entry that a
//!   batch becomes).
//! - With I/O: `reader` polls, `builder` collects records into ranges, `writer` is
//!   the thread that writes each `landing_file`.

mod broker_probe;
pub(crate) mod builder;
pub(crate) mod continuity;
pub(crate) mod draft;
pub(crate) mod envelope;
mod event_time;
mod json_check;
pub(crate) mod landing_file;
pub(crate) mod limits;
pub(crate) mod progress;
pub(crate) mod reader;
pub(crate) mod start_offsets;
mod state;
pub(crate) mod validate;
mod writer;
