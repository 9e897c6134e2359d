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

mod batch_builder;
mod batch_limits;
mod batch_reader;
mod batch_writer;
mod broker_compare;
mod cli;
mod commands;
mod commit;
mod continuity;
mod envelope;
mod error;
mod event_time;
mod json_check;
mod kafka;
mod landing_file;
mod orphan_files;
mod progress;
mod replay;
mod report;
mod start_offsets;
mod status;
mod topic_ingest;
mod validate;
mod verify;
mod watermark;

pub use batch_builder::LineOptions;
pub use commands::run;
pub use continuity::ContinuityError;
pub use error::{ExitKind, IngestError};
pub use kafka::{ClientConfigError, KafkaError};
pub use report::TopicReport;
pub use start_offsets::StartError;
pub use status::{PartitionStatus, TopicStatus, list_topics, topic_statuses};
pub use topic_ingest::{BeginAt, IngestOptions, RunLimits, ingest_topic};
pub use verify::{VerifyReport, verify_topic};
pub use watermark::{full_hour, topic_watermark};
