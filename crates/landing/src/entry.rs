//! The content of one entry of a topic's ledger.
//!
//! The newest entry alone is the state from which ingest continues: it holds the
//! next offset of every partition and the totals since the topic's first entry.
//! Older entries are needed for the names of their files.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::offset_spans::OffsetSpans;

/// The format version of the entries of batches.
pub const ENTRY_VERSION: u32 = 1;

/// The format version of an entry without files after which files of other entries may
/// be ranges of joined files. Programs that do not know joined files do not read this
/// version. Without it they would read too few rows where they do not notice that a
/// file is missing.
pub const JOINING_VERSION: u32 = 2;

/// One committed batch of one topic.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LandingEntry {
    /// The format version: [`ENTRY_VERSION`], or [`JOINING_VERSION`]; entries of other
    /// versions are refused.
    #[serde(deserialize_with = "known_version")]
    pub version: u32,
    /// New for every batch.
    pub batch_id: Uuid,
    /// The run that wrote the batch. A finished run is not repeated when its id is
    /// used again.
    pub run_id: String,
    /// Whether the run has more batches after this one: then a retry of the run
    /// continues it. Only for runs whose id was given by the caller.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub run_continues: bool,
    /// The numbers of the entries that the run committed before this one. Only for
    /// runs whose id was given by the caller: a retry reports all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub run_entries: Vec<u64>,
    pub topic: String,
    /// The cluster's id, if the brokers report it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_id: Option<String>,
    /// The topic's id, which changes when a topic is deleted and created again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic_id: Option<String>,
    /// When the batch was started. Its files are not older.
    pub started_at: DateTime<Utc>,
    pub closed_by: CloseReason,
    /// Ranges of offsets with their files, by partition and offset.
    pub ranges: Vec<LandedRange>,
    /// Offsets that the broker had deleted before they could be read, and whose
    /// loss the user accepted; by partition.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holes: Vec<Hole>,
    /// The next offset of every partition that has been read.
    pub next: BTreeMap<i32, i64>,
    /// Totals of all entries up to this one.
    pub totals: TopicTotals,
    /// The field that event times are read from, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_time_field: Option<String>,
    /// Up to when each partition is known to be complete.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub progress: BTreeMap<i32, Completeness>,
}

fn known_version<'de, D: serde::Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    let version = u32::deserialize(from)?;
    if ![ENTRY_VERSION, JOINING_VERSION].contains(&version) {
        return Err(serde::de::Error::custom(format!(
            "landing entry version {version} is not supported, only versions {ENTRY_VERSION} \
             and {JOINING_VERSION}"
        )));
    }
    Ok(version)
}

impl LandingEntry {
    /// The entry that follows this one when files are joined for the first time.
    pub fn joining_mark(&self) -> Self {
        Self {
            version: JOINING_VERSION,
            batch_id: Uuid::now_v7(),
            run_id: "join".to_owned(),
            run_continues: false,
            run_entries: Vec::new(),
            started_at: Utc::now(),
            closed_by: CloseReason::Joining,
            ranges: Vec::new(),
            holes: Vec::new(),
            ..self.clone()
        }
    }
}

/// Why a batch ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CloseReason {
    /// The time limit was reached.
    Duration,
    /// The limit of records was reached.
    Records,
    /// The limit of bytes was reached.
    Bytes,
    /// The target offsets were reached.
    CaughtUp,
    /// The process was asked to stop.
    Stopped,
    /// Partitions were reassigned to another member of the group.
    Rebalanced,
    /// The broker could not continue from our offset.
    Lost,
    /// There was no batch: from this entry on, small files may be joined.
    Joining,
}

impl CloseReason {
    /// The text form in the entry.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Duration => "duration",
            Self::Records => "records",
            Self::Bytes => "bytes",
            Self::CaughtUp => "caught_up",
            Self::Stopped => "stopped",
            Self::Rebalanced => "rebalanced",
            Self::Lost => "lost",
            Self::Joining => "joining",
        }
    }
}

/// Consecutive offsets of a partition, and the files that hold their records.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LandedRange {
    pub partition: i32,
    /// The first offset; the previous range ended there.
    pub start: i64,
    /// The offset after the last.
    pub end: i64,
    /// The number of records that are lines of `file`.
    pub rows: u64,
    /// The number of records that are lines of `rejected`.
    pub rejects: u64,
    /// The offset of each line of `file`; `None` when line i has offset
    /// `start + i`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runs: Option<OffsetSpans>,
    /// The file of the rows; `None` without rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<StoredFile>,
    /// The file of the rejects; `None` without rejects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected: Option<StoredFile>,
    /// The earliest and the latest event time of the rows, without those in
    /// `events_ahead`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_time: Option<EventTimes>,
    /// Rows whose event time lies ahead of any clock that could have set it. They
    /// say nothing about how complete the partition is.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub events_ahead: u64,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl LandedRange {
    /// The offset of each line.
    pub fn line_offsets(&self) -> OffsetSpans {
        match &self.runs {
            Some(runs) => runs.clone(),
            None => OffsetSpans::without_gaps(self.start, self.rows),
        }
    }

    /// The files of the rows and of the rejects.
    pub fn files(&self) -> impl Iterator<Item = &StoredFile> {
        self.file.iter().chain(&self.rejected)
    }
}

/// A file of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredFile {
    /// Relative to the topic's folder.
    pub path: String,
    /// Size as stored.
    pub bytes: u64,
    /// Checksum of the stored bytes: `xxh3-64:` and 16 hexadecimal digits.
    pub checksum: String,
}

/// The earliest and the latest event time of some rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventTimes {
    pub min: DateTime<Utc>,
    pub max: DateTime<Utc>,
}

impl EventTimes {
    /// The times of both sets of rows together.
    pub fn merge(self, other: Self) -> Self {
        Self {
            min: self.min.min(other.min),
            max: self.max.max(other.max),
        }
    }
}

/// Offsets that are lost, from `start` (inclusive) to `end` (exclusive).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hole {
    pub partition: i32,
    /// The first lost offset.
    pub start: i64,
    /// The first offset that still existed.
    pub end: i64,
}

/// Totals since the topic's first entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TopicTotals {
    pub rows: u64,
    pub rejects: u64,
    /// Size of all files, as stored.
    pub bytes: u64,
    pub files: u64,
    pub holes: u64,
    /// The number of offsets in the holes.
    pub lost_offsets: u64,
    /// See [`LandedRange::events_ahead`].
    #[serde(default, skip_serializing_if = "is_zero")]
    pub events_ahead: u64,
}

/// Up to when a partition is known to be complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Completeness {
    /// The latest event time of all its rows so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest_event: Option<DateTime<Utc>>,
    /// When a batch last ended at the partition's end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caught_up_at: Option<DateTime<Utc>>,
}

#[cfg(test)]
mod tests;
