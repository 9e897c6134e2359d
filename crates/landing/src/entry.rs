//! What one entry of a topic's ledger says.
//!
//! The newest entry alone is the state from which ingest goes on: it holds the
//! next offset of every partition, and everything that is counted over the
//! topic's whole life. Entries that are older name the files.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::runs::Runs;

/// The version of the entry's form that this code writes and reads.
pub const ENTRY_VERSION: u32 = 1;

/// One committed batch of one topic.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    /// The form of this record: [`ENTRY_VERSION`]; others are refused.
    #[serde(deserialize_with = "known_version")]
    pub version: u32,
    /// Fresh for every batch.
    pub batch_id: Uuid,
    /// The run that wrote it; a run with the same id is not run again.
    pub run_id: String,
    /// Whether this is not the run's last batch: then a retry of the run goes
    /// on. Only for runs whose id was given from outside.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub run_continues: bool,
    /// The entries that the run made before this one, by their numbers. Only
    /// for runs whose id was given from outside: a retry tells of all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub run_entries: Vec<u64>,
    /// The topic's name.
    pub topic: String,
    /// The cluster's id, where the brokers tell it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_id: Option<String>,
    /// The topic's id, which changes when a topic is deleted and made again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic_id: Option<String>,
    /// When the batch was begun. Its files are no older.
    pub started_at: DateTime<Utc>,
    /// Why the batch ended.
    pub closed_by: Closed,
    /// Ranges of offsets with their files, by partition and offset.
    pub ranges: Vec<Range>,
    /// Offsets that were gone before they could be read, and that somebody
    /// accepted to lose; by partition.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holes: Vec<Hole>,
    /// The next offset of every partition that was ever read.
    pub next: BTreeMap<i32, i64>,
    /// Counted over all entries up to this one.
    pub totals: Totals,
    /// The field that event times were read from, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_time_field: Option<String>,
    /// How far each partition is known to be complete.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub progress: BTreeMap<i32, Progress>,
}

fn known_version<'de, D: serde::Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    let version = u32::deserialize(from)?;
    if version != ENTRY_VERSION {
        return Err(serde::de::Error::custom(format!(
            "version {version} of landing's entries is not known here, only {ENTRY_VERSION}"
        )));
    }
    Ok(version)
}

/// Why a batch ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Closed {
    /// The time of its window was over.
    Duration,
    /// It had as many records as it may have.
    Records,
    /// It had as many bytes as it may have.
    Bytes,
    /// It had reached the offsets it was to reach.
    CaughtUp,
    /// Somebody asked the process to stop.
    Stopped,
    /// Partitions were taken away by another member of the group.
    Rebalanced,
    /// The broker could not go on from our offset.
    Lost,
}

impl Closed {
    /// As it stands in the entry.
    pub fn word(self) -> &'static str {
        match self {
            Self::Duration => "duration",
            Self::Records => "records",
            Self::Bytes => "bytes",
            Self::CaughtUp => "caught_up",
            Self::Stopped => "stopped",
            Self::Rebalanced => "rebalanced",
            Self::Lost => "lost",
        }
    }
}

/// Consecutive offsets of a partition, and where their records went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Range {
    /// The partition.
    pub partition: i32,
    /// The first offset: where the range before ended.
    pub start: i64,
    /// The offset behind the last.
    pub end: i64,
    /// Records that are lines of `file`.
    pub rows: u64,
    /// Records that are lines of `rejected`.
    pub rejects: u64,
    /// The offset of each line of `file`; left out when line i has offset
    /// `start + i`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runs: Option<Runs>,
    /// The lines. None when there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<StoredFile>,
    /// The rejects. None when there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected: Option<StoredFile>,
    /// The earliest and the latest event of the lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_time: Option<EventTimes>,
}

impl Range {
    /// The offset of each line.
    pub fn line_offsets(&self) -> Runs {
        match &self.runs {
            Some(runs) => runs.clone(),
            None => Runs::dense(self.start, self.rows),
        }
    }

    /// Its files.
    pub fn files(&self) -> impl Iterator<Item = &StoredFile> {
        self.file.iter().chain(&self.rejected)
    }
}

/// A file of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredFile {
    /// Below the topic's folder.
    pub path: String,
    /// As it is stored.
    pub bytes: u64,
    /// Of the stored bytes, `xxh3-64:` and 16 hexadecimal digits.
    pub checksum: String,
}

/// The earliest and the latest event time of some rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventTimes {
    /// The earliest.
    pub min: DateTime<Utc>,
    /// The latest.
    pub max: DateTime<Utc>,
}

impl EventTimes {
    /// Both together.
    pub fn merge(self, other: Self) -> Self {
        Self {
            min: self.min.min(other.min),
            max: self.max.max(other.max),
        }
    }
}

/// Offsets that are lost, from `start` up to and without `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hole {
    /// The partition.
    pub partition: i32,
    /// The first lost offset.
    pub start: i64,
    /// The first offset that was still there.
    pub end: i64,
}

/// What was counted over a topic's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Totals {
    /// Lines.
    pub rows: u64,
    /// Rejects.
    pub rejects: u64,
    /// Bytes of all files, as stored.
    pub bytes: u64,
    /// Files.
    pub files: u64,
    /// Holes.
    pub holes: u64,
    /// Offsets in the holes.
    pub lost_offsets: u64,
}

/// How far a partition is known to be complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Progress {
    /// The latest event time of all its rows so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest_event: Option<DateTime<Utc>>,
    /// When a batch last ended at the partition's end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caught_up_at: Option<DateTime<Utc>>,
}

#[cfg(test)]
#[path = "entry_tests.rs"]
mod tests;
