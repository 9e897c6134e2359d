//! Writes Kafka topics into newline-delimited JSON files, each message exactly
//! once.
//!
//! `docs/ingest-landing.md` describes the protocol. `sluice-landing` defines the
//! format of what is written. The parts:
//!
//! - without I/O: `validate` and `json_check` (which payloads become lines),
//!   `continuity` (offsets without a gap), `start_offsets` (where a batch begins,
//!   and when ingest must stop), `batch_limits` (when a batch ends), `watermark`
//!   (how complete a topic is);
//! - with I/O: `kafka`, `batch_builder` with its `batch_writer` thread and
//!   `landing_file`, `batch_reader` (reads one batch), `commit`;
//! - commands: `topic_ingest`, `status`, `verify`, `replay`, `orphan_files`, and
//!   `commands`, which is the program's entry point.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        reason = "a test fails by panicking"
    )
)]

mod batch;
mod cli;
mod commit;
mod compare;
mod envelope;
mod error;
mod eventtime;
mod gather;
mod ingest;
mod json;
mod kafka;
mod orphans;
mod output;
mod payload;
mod progress;
mod replay;
mod report;
mod run;
mod start;
mod status;
mod tiling;
mod verify;
mod watermark;
mod window;
mod writer;

pub use error::{ExitKind, IngestError};
pub use gather::LineOptions;
pub use ingest::{BeginAt, IngestOptions, RunBounds, ingest_topic};
pub use kafka::{ConfError, KafkaError};
pub use report::TopicReport;
pub use run::run;
pub use start::StartError;
pub use status::{PartitionStatus, TopicStatus, status, topics};
pub use tiling::TilingError;
pub use verify::{Verified, verify};
pub use watermark::{full_hour, watermark};
