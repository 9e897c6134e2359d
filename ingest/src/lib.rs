//! Kafka topics into newline-delimited JSON files, each message exactly once.
//!
//! `docs/ingest-landing.md` has the protocol; what it writes is `sluice-landing`'s
//! to say. The parts:
//!
//! - pure: `json` and `payload` (what is a line), `tiling`
//!   (offsets without a gap), `start` (where to go on, and when not to),
//!   `window` (when a batch ends), `watermark` (how complete a topic is);
//! - edges: `kafka`, `gather` with its `writer` thread and `output`
//!   files, `batch` (reads one batch), `commit`;
//! - commands: `ingest`, `status`, `verify`,
//!   `replay`, `orphans`, and `run`, which is the program.

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
