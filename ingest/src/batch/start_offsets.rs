//! Decides where a batch starts, and when ingest must stop instead, from the
//! newest entry and the topic's metadata. No I/O.

use std::collections::BTreeMap;

use thiserror::Error;

use sluice_landing::{Hole, LandingEntry};

use crate::kafka::TopicMetadata;

/// Where to start a partition that no entry mentions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum ResolvedBegin {
    #[default]
    Earliest,
    /// After its last record.
    Latest,
    /// At this offset, the same for each partition.
    Offset(i64),
    /// At offsets that were looked up, by partition.
    Each(BTreeMap<i32, i64>),
}

/// Where a batch starts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct BatchStart {
    /// The first offset of each partition of the topic.
    pub(crate) offsets: BTreeMap<i32, i64>,
    /// Offsets that are lost, where the loss was accepted.
    pub(crate) holes: Vec<Hole>,
}

impl BatchStart {
    /// Where each partition continues the ledger: before its hole, if it has one.
    pub(crate) fn ledger_offsets(&self) -> BTreeMap<i32, i64> {
        let mut offsets = self.offsets.clone();
        offsets.extend(self.holes.iter().map(|hole| (hole.partition, hole.start)));
        offsets
    }
}

/// Why ingest must not continue. In each case nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StartError {
    /// Retention deleted records before ingest read them.
    #[error(
        "{lost} records of topic `{topic}` were deleted before they were read: partition \
         {partition} should continue at offset {next}, but the broker has nothing before offset \
         {low}; run ingest more often or keep records longer, and pass --accept-data-loss to \
         record the hole and continue"
    )]
    DataLost {
        topic: String,
        /// The first partition that is affected.
        partition: i32,
        /// The ledger's next offset.
        next: i64,
        /// The first offset that the broker still has.
        low: i64,
        /// The number of lost offsets in all partitions.
        lost: i64,
    },
    /// The topic is not the one that the ledger describes.
    #[error(
        "topic `{topic}` was deleted and recreated: {sign}; the landing folder holds records of \
         the old topic, so move the folder away, or use another --landing"
    )]
    TopicRecreated {
        topic: String,
        /// How this was detected.
        sign: String,
    },
    /// The broker has fewer records than were read.
    #[error(
        "the offsets of topic `{topic}` went backwards: partition {partition} was read up to \
         offset {next}, but the broker now ends at {high}; the broker lost records, or this is \
         the topic of another broker: to ingest it from the beginning, move the landing folder \
         away, or use another --landing"
    )]
    OffsetsBackwards {
        topic: String,
        /// The first partition that is affected.
        partition: i32,
        /// The ledger's next offset.
        next: i64,
        /// The broker's end offset.
        high: i64,
    },
    /// The requested start offset does not exist.
    #[error(
        "topic `{topic}`, partition {partition}: there is no offset {wanted} to start at, the \
         broker has {low} to {high}; choose an offset between them, or omit --from-offset"
    )]
    NoSuchOffset {
        topic: String,
        partition: i32,
        /// The requested offset.
        wanted: i64,
        low: i64,
        high: i64,
    },
}

/// Decides at which offsets to read a topic.
///
/// # Errors
/// When the ledger's offsets do not match what the broker has.
pub(crate) fn find_start_offsets(
    topic: &str,
    newest: Option<&LandingEntry>,
    metadata: &TopicMetadata,
    begin: &ResolvedBegin,
    accept_loss: bool,
) -> Result<BatchStart, StartError> {
    let Some(newest) = newest else {
        return first_start_offsets(topic, metadata, begin);
    };
    require_same_topic(topic, newest, metadata)?;
    let mut start = BatchStart::default();
    for (&partition, bounds) in &metadata.partitions {
        // A partition that was added later is read from offset 0.
        let next = newest.next.get(&partition).copied().unwrap_or(0);
        if next > bounds.high {
            return Err(StartError::OffsetsBackwards {
                topic: topic.to_owned(),
                partition,
                next,
                high: bounds.high,
            });
        }
        if next < bounds.low {
            start.holes.push(Hole {
                partition,
                start: next,
                end: bounds.low,
            });
        }
        start.offsets.insert(partition, next.max(bounds.low));
    }
    match start.holes.first() {
        Some(hole) if !accept_loss => Err(StartError::DataLost {
            topic: topic.to_owned(),
            partition: hole.partition,
            next: hole.start,
            low: hole.end,
            lost: start.holes.iter().map(|hole| hole.end - hole.start).sum(),
        }),
        _ => Ok(start),
    }
}

fn first_start_offsets(
    topic: &str,
    metadata: &TopicMetadata,
    begin: &ResolvedBegin,
) -> Result<BatchStart, StartError> {
    let mut offsets = BTreeMap::new();
    for (&partition, bounds) in &metadata.partitions {
        let offset = match begin {
            ResolvedBegin::Earliest => bounds.low,
            ResolvedBegin::Latest => bounds.high,
            ResolvedBegin::Offset(wanted) => *wanted,
            ResolvedBegin::Each(wanted) => wanted.get(&partition).copied().unwrap_or(bounds.high),
        };
        if !(bounds.low..=bounds.high).contains(&offset) {
            return Err(StartError::NoSuchOffset {
                topic: topic.to_owned(),
                partition,
                wanted: offset,
                low: bounds.low,
                high: bounds.high,
            });
        }
        offsets.insert(partition, offset);
    }
    Ok(BatchStart {
        offsets,
        holes: Vec::new(),
    })
}

/// Checks that the brokers' topic is the one that the ledger describes.
///
/// # Errors
/// [`StartError::TopicRecreated`] when it is another one of the same name.
pub(crate) fn require_same_topic(
    topic: &str,
    newest: &LandingEntry,
    metadata: &TopicMetadata,
) -> Result<(), StartError> {
    let (ours, theirs) = (&newest.cluster_id, &metadata.cluster_id);
    if let (Some(ours), Some(theirs)) = (ours, theirs)
        && ours != theirs
    {
        return Err(recreated(
            topic,
            format!("the ledger is of cluster {ours}, but this is cluster {theirs}"),
        ));
    }
    require_same_id(
        topic,
        newest.topic_id.as_deref(),
        metadata.topic_id.as_deref(),
    )?;
    let lost = newest
        .next
        .keys()
        .find(|partition| !metadata.partitions.contains_key(partition));
    match lost {
        Some(partition) => Err(recreated(
            topic,
            format!("it no longer has partition {partition}"),
        )),
        None => Ok(()),
    }
}

/// Checks that a topic's id is still `before`, where both are known.
///
/// # Errors
/// [`StartError::TopicRecreated`] when it is not.
pub(crate) fn require_same_id(
    topic: &str,
    before: Option<&str>,
    now: Option<&str>,
) -> Result<(), StartError> {
    match (before, now) {
        (Some(before), Some(now)) if before != now => Err(recreated(
            topic,
            format!("its id was {before} and is now {now}"),
        )),
        _ => Ok(()),
    }
}

fn recreated(topic: &str, sign: String) -> StartError {
    StartError::TopicRecreated {
        topic: topic.to_owned(),
        sign,
    }
}

#[cfg(test)]
mod tests;
