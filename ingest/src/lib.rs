//! Writes Kafka topics into newline-delimited JSON files, each message exactly
//! once.
//!
//! `docs/ingest-landing.md` describes the protocol. `sluice-landing` defines the
//! format of what is written. The parts, each of which uses only those below it:
//!
//! - `commands`: the program's entry point, and `status`, `verify`, `replay`, `join`;
//! - `joining`: joins small landed files into larger ones;
//! - `topic`: ingests one topic, batch after batch, each committed to the ledger;
//! - `batch`: reads one batch into durable files;
//! - `kafka`: talks to the brokers.

mod batch;
mod blocking;
mod cli;
mod commands;
mod error;
mod joining;
mod kafka;
mod topic;

pub use batch::builder::LineOptions;
pub use batch::continuity::ContinuityError;
pub use batch::start_offsets::StartError;
pub use commands::run;
pub use commands::status::{PartitionStatus, TopicStatus, list_topics, topic_statuses};
pub use commands::verify::{VerifyReport, verify_topic};
pub use commands::watermark::{full_hour, topic_watermark};
pub use error::{ExitKind, IngestError};
pub use joining::{JoinOptions, JoinReport, join_topic};
pub use kafka::{ClientConfigError, ConnectionCause, ConnectionProblem, KafkaError};
pub use topic::report::TopicReport;
pub use topic::{BeginAt, IngestOptions, RunLimits, ingest_topic};
