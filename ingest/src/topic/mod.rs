//! Ingests one topic from Kafka into its landing folder: one batch after
//! another, until the run's limits are reached.
//!
//! `run_state` decides; `run` and `positioning` do what it decided.

mod batch_trace;
mod ledger;
mod options;
pub(crate) mod orphan_files;
mod positioning;
pub(crate) mod report;
mod run;
mod run_state;

pub use options::{BeginAt, IngestOptions, RunLimits};
pub use run::ingest_topic;
