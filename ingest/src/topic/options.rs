//! The options of a run.

use std::collections::BTreeMap;
use std::time::Duration;

use sluice_service::kafka::KafkaSettings;

use crate::batch::builder::LineOptions;

/// Where to start a topic that has no ledger.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum BeginAt {
    /// The first record that the topic still has.
    #[default]
    Earliest,
    /// The end of the topic.
    Latest,
    /// This offset of each partition.
    Offset(i64),
    /// The first record of each partition that is not older than this time, in
    /// milliseconds since the Unix epoch.
    Time(i64),
    /// These offsets, by partition.
    Each(BTreeMap<i32, i64>),
}

/// When a run ends.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RunLimits {
    /// After this time.
    pub duration: Option<Duration>,
    /// After this many records of each topic.
    pub max_records: Option<u64>,
    /// After this many bytes of each topic's values.
    pub max_bytes: Option<u64>,
    /// When everything has been read that the topic held when the run began.
    pub until_caught_up: bool,
    /// Never: each batch is committed when its limits are reached, and the next
    /// one starts.
    pub follow: bool,
    /// Offsets to reach, for a replay.
    pub target_offsets: Option<BTreeMap<i32, i64>>,
}

/// The options of a run.
#[derive(Debug, Clone, Default)]
pub struct IngestOptions {
    pub kafka: KafkaSettings,
    /// The consumer group, when several processes share the topic's partitions.
    pub group: Option<String>,
    /// The caller's id for the run: a run with the same id is not repeated.
    pub run_id: Option<String>,
    pub begin_at: BeginAt,
    /// Whether records that were deleted before they were read become holes;
    /// otherwise they are an error.
    pub accept_data_loss: bool,
    pub line_options: LineOptions,
    pub limits: RunLimits,
    /// How long the brokers may take to answer.
    pub timeout: Duration,
}
