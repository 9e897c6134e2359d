//! What a run is told.

use std::collections::BTreeMap;
use std::time::Duration;

use sluice_service::kafka::KafkaSettings;

use crate::gather::LineOptions;

/// From where to begin a topic that has no ledger.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum BeginAt {
    /// The first record there is.
    #[default]
    Earliest,
    /// The end.
    Latest,
    /// This offset of each partition.
    Offset(i64),
    /// The first record of each partition that is not older, in milliseconds
    /// since the Unix epoch.
    Time(i64),
    /// These offsets, by partition.
    Each(BTreeMap<i32, i64>),
}

/// When a run ends.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RunBounds {
    /// After this time.
    pub duration: Option<Duration>,
    /// After this many records of each topic.
    pub records: Option<u64>,
    /// After this many bytes of each topic's values.
    pub bytes: Option<u64>,
    /// When everything is read that was there when it began.
    pub until_caught_up: bool,
    /// Never: each batch is committed when its bounds are reached, and another
    /// is begun.
    pub follow: bool,
    /// Offsets to reach, for a replay.
    pub until: Option<BTreeMap<i32, i64>>,
}

/// What a run is told.
#[derive(Debug, Clone, Default)]
pub struct IngestOptions {
    /// How the brokers are reached.
    pub kafka: KafkaSettings,
    /// The consumer group, when several processes share the topic's partitions.
    pub group: Option<String>,
    /// An id from outside: a run with the same id is not run again.
    pub run_id: Option<String>,
    /// Where a new ledger begins.
    pub begin: BeginAt,
    /// Whether deleted records are recorded as holes instead of stopping.
    pub accept_data_loss: bool,
    /// How records become lines.
    pub lines: LineOptions,
    /// When the run ends.
    pub bounds: RunBounds,
    /// How long the brokers may take to answer.
    pub timeout: Duration,
}
