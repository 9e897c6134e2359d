//! Kafka topics into newline-delimited JSON files, each message exactly once.
//!
//! A topic's folder holds files and a ledger; only what the ledger names has
//! landed. `docs/ingest-landing.md` has the layout and the protocol. The parts:
//!
//! - pure: `json` and `payload` (what is a line), `runs` and `tiling`
//!   (offsets without a gap), `start` (where to go on, and when not to),
//!   `window` (when a batch ends), `watermark` (how complete a topic is);
//! - `entry`: what is recorded;
//! - edges: `kafka`, `gather` with its `writer` thread and `output`
//!   files, `batch` (reads one batch), `commit`;
//! - commands: `ingest`, `status`, `verify`,
//!   `replay`, `orphans`, and `run`, which is the program;
//! - `read`: how others read what has landed.

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
mod compression;
mod entry;
mod envelope;
mod error;
mod eventtime;
mod gather;
mod ingest;
mod json;
mod kafka;
mod names;
mod orphans;
mod output;
mod payload;
mod progress;
mod read;
mod replay;
mod report;
mod run;
mod runs;
mod start;
mod status;
mod tiling;
mod verify;
mod watermark;
mod window;
mod writer;

pub use compression::Compression;
pub use entry::{
    Batch, Closed, ENTRY_VERSION, EventTimes, Hole, Progress, Range, StoredFile, Totals,
};
pub use error::{ExitKind, IngestError};
pub use gather::LineOptions;
pub use ingest::{BeginAt, IngestOptions, RunBounds, ingest_topic};
pub use kafka::{ConfError, KafkaError};
pub use names::{FileName, LEDGER, REJECTS};
pub use read::{LandedFile, Landing, lines, plain_files};
pub use report::TopicReport;
pub use run::run;
pub use runs::{Run, Runs};
pub use start::StartError;
pub use status::{PartitionStatus, TopicStatus, status, topics};
pub use tiling::TilingError;
pub use verify::{Verified, verify};
pub use watermark::{full_hour, watermark};
