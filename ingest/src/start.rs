//! From which offsets a batch goes on, and when it must not: pure decisions
//! over the newest entry and what the broker says.

use std::collections::BTreeMap;

use thiserror::Error;

use sluice_landing::{Batch, Hole};

/// What the broker says about a topic.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Facts {
    /// The cluster's id, where it tells one.
    pub(crate) cluster_id: Option<String>,
    /// The topic's id, where it tells one.
    pub(crate) topic_id: Option<String>,
    /// The offsets of every partition.
    pub(crate) partitions: BTreeMap<i32, Watermarks>,
}

/// The offsets that a partition has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Watermarks {
    /// The first offset that is still there.
    pub(crate) low: i64,
    /// The offset behind the last record that may be read.
    pub(crate) high: i64,
}

/// Where to begin a partition that no entry knows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Begin {
    /// At its first record.
    #[default]
    Earliest,
    /// Behind its last record.
    Latest,
    /// At this offset of each partition.
    Offset(i64),
    /// At offsets that were looked up, by partition.
    At(BTreeMap<i32, i64>),
}

/// From where to read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Start {
    /// The first offset of each partition of the topic.
    pub(crate) offsets: BTreeMap<i32, i64>,
    /// What is lost and was accepted to be lost.
    pub(crate) holes: Vec<Hole>,
}

/// Why ingest must not go on. In each case nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StartError {
    /// Retention was quicker than ingest.
    #[error(
        "{lost} records of topic `{topic}` were deleted before they were read: partition \
         {partition} should go on at offset {next}, and the broker has nothing before offset \
         {low}; run ingest more often or keep records longer, and pass --accept-data-loss to \
         record the hole and go on"
    )]
    DataLost {
        /// The topic.
        topic: String,
        /// The first such partition.
        partition: i32,
        /// Our next offset.
        next: i64,
        /// The first offset the broker still has.
        low: i64,
        /// Offsets lost, of all partitions.
        lost: i64,
    },
    /// The topic is not the one that the ledger is about.
    #[error(
        "topic `{topic}` was deleted and made again: {sign}; what is in the landing folder is of \
         the old topic, so move the folder away, or give another --output"
    )]
    Recreated {
        /// The topic.
        topic: String,
        /// By what it is seen.
        sign: String,
    },
    /// The broker has fewer records than were read.
    #[error(
        "the offsets of topic `{topic}` went backwards: partition {partition} was read up to \
         offset {next}, and the broker now ends at {high}; the broker lost records, or this is \
         another broker's topic: if its records are to be taken from the beginning, move the \
         landing folder away, or give another --output"
    )]
    Backwards {
        /// The topic.
        topic: String,
        /// The first such partition.
        partition: i32,
        /// Our next offset.
        next: i64,
        /// Where the broker ends.
        high: i64,
    },
    /// The offset that was asked for is not there.
    #[error(
        "topic `{topic}`, partition {partition}: there is no offset {wanted} to begin at, the \
         broker has {low} to {high}; choose an offset between, or leave it out"
    )]
    NoSuchOffset {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// As asked for.
        wanted: i64,
        /// The first offset there is.
        low: i64,
        /// Where the partition ends.
        high: i64,
    },
}

/// From where to read a topic on.
///
/// # Errors
/// When the ledger's offsets do not fit what the broker has.
pub(crate) fn start(
    topic: &str,
    newest: Option<&Batch>,
    facts: &Facts,
    begin: &Begin,
    accept_loss: bool,
) -> Result<Start, StartError> {
    let Some(newest) = newest else {
        return first(topic, facts, begin);
    };
    same_topic(topic, newest, facts)?;
    let mut start = Start::default();
    for (&partition, marks) in &facts.partitions {
        // A partition that was added has been ours from its offset 0 on.
        let next = newest.next.get(&partition).copied().unwrap_or(0);
        if next > marks.high {
            return Err(StartError::Backwards {
                topic: topic.to_owned(),
                partition,
                next,
                high: marks.high,
            });
        }
        if next < marks.low {
            start.holes.push(Hole {
                partition,
                start: next,
                end: marks.low,
            });
        }
        start.offsets.insert(partition, next.max(marks.low));
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

fn first(topic: &str, facts: &Facts, begin: &Begin) -> Result<Start, StartError> {
    let mut offsets = BTreeMap::new();
    for (&partition, marks) in &facts.partitions {
        let offset = match begin {
            Begin::Earliest => marks.low,
            Begin::Latest => marks.high,
            Begin::Offset(wanted) => *wanted,
            Begin::At(wanted) => wanted.get(&partition).copied().unwrap_or(marks.high),
        };
        if !(marks.low..=marks.high).contains(&offset) {
            return Err(StartError::NoSuchOffset {
                topic: topic.to_owned(),
                partition,
                wanted: offset,
                low: marks.low,
                high: marks.high,
            });
        }
        offsets.insert(partition, offset);
    }
    Ok(Start {
        offsets,
        holes: Vec::new(),
    })
}

fn same_topic(topic: &str, newest: &Batch, facts: &Facts) -> Result<(), StartError> {
    let differs = |ours: &Option<String>, theirs: &Option<String>| match (ours, theirs) {
        (Some(ours), Some(theirs)) if ours != theirs => Some((ours.clone(), theirs.clone())),
        _ => None,
    };
    let sign = if let Some((ours, theirs)) = differs(&newest.cluster_id, &facts.cluster_id) {
        Some(format!(
            "the ledger is about cluster {ours}, and this is cluster {theirs}"
        ))
    } else if let Some((ours, theirs)) = differs(&newest.topic_id, &facts.topic_id) {
        Some(format!("its id was {ours} and is {theirs}"))
    } else {
        newest
            .next
            .keys()
            .find(|partition| !facts.partitions.contains_key(partition))
            .map(|partition| format!("it has no partition {partition} any more"))
    };
    match sign {
        Some(sign) => Err(StartError::Recreated {
            topic: topic.to_owned(),
            sign,
        }),
        None => Ok(()),
    }
}

#[cfg(test)]
#[path = "start_tests.rs"]
mod tests;
