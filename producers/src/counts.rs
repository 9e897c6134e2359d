//! The counts of a run: what was sent and what became of it. In the end every
//! event is either acknowledged, failed or unconfirmed.

use std::collections::BTreeMap;

use rdkafka::types::RDKafkaErrorCode;
use serde::Serialize;
use sluice_sample_events::{Defect, Event, LineKind};

/// What was sent to the Kafka client, by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct SentCounts {
    pub(crate) events: u64,
    /// Bytes of the events' values.
    pub(crate) bytes: u64,
    /// Events with an id that was sent before, and with the same bytes.
    pub(crate) duplicates: u64,
    /// Events with an id that was sent before, but with another status and time.
    pub(crate) updates: u64,
    pub(crate) late: u64,
    pub(crate) malformed: MalformedCounts,
    /// The earliest and the latest time of an event, in microseconds since
    /// 1970-01-01 UTC.
    pub(crate) time_range: Option<(i64, i64)>,
}

/// Malformed events by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub(crate) struct MalformedCounts {
    pub(crate) truncated: u64,
    pub(crate) not_json: u64,
    pub(crate) wrong_type: u64,
    pub(crate) not_an_object: u64,
}

impl MalformedCounts {
    pub(crate) const fn total(self) -> u64 {
        self.truncated + self.not_json + self.wrong_type + self.not_an_object
    }
}

impl SentCounts {
    pub(crate) fn count_event(&mut self, event: &Event) {
        self.events += 1;
        self.bytes += event.value.len() as u64;
        match event.kind {
            // The producer asks for no incomplete events.
            LineKind::New | LineKind::Incomplete => {}
            LineKind::Duplicate => self.duplicates += 1,
            LineKind::Update => self.updates += 1,
            LineKind::Late => self.late += 1,
            LineKind::Malformed(Defect::Truncated) => self.malformed.truncated += 1,
            LineKind::Malformed(Defect::NotJson) => self.malformed.not_json += 1,
            LineKind::Malformed(Defect::WrongType) => self.malformed.wrong_type += 1,
            LineKind::Malformed(Defect::NotAnObject) => self.malformed.not_an_object += 1,
        }
        let at = event.timestamp_micros;
        let (first, last) = self.time_range.unwrap_or((at, at));
        self.time_range = Some((first.min(at), last.max(at)));
    }
}

/// How many events were acknowledged and how many failed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct DeliveryCounts {
    pub(crate) acknowledged: u64,
    /// Bytes of the acknowledged events' values.
    pub(crate) bytes: u64,
    /// How often each error occurred. A failed event may still be in the topic,
    /// when only its acknowledgement was lost.
    pub(crate) failed: Vec<(RDKafkaErrorCode, u64)>,
    pub(crate) partitions: BTreeMap<i32, PartitionDeliveries>,
}

/// The acknowledged events of one partition; records of other producers may lie
/// between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct PartitionDeliveries {
    pub(crate) events: u64,
    /// The lowest and the highest offset; `None` when the broker returned none.
    pub(crate) offset_range: Option<(i64, i64)>,
}

impl DeliveryCounts {
    pub(crate) fn record_ack(&mut self, partition: i32, offset: i64, bytes: u64) {
        self.acknowledged += 1;
        self.bytes += bytes;
        let range = self.partitions.entry(partition).or_default();
        range.events += 1;
        // A retried batch that had arrived before is acknowledged without offsets.
        if offset >= 0 {
            let (first, last) = range.offset_range.unwrap_or((offset, offset));
            range.offset_range = Some((first.min(offset), last.max(offset)));
        }
    }

    pub(crate) fn record_failure(&mut self, code: RDKafkaErrorCode) {
        match self.failed.iter_mut().find(|(known, _)| *known == code) {
            Some((_, count)) => *count += 1,
            None => self.failed.push((code, 1)),
        }
    }

    pub(crate) fn failed_events(&self) -> u64 {
        self.failed.iter().map(|(_, count)| count).sum()
    }

    /// How many events are acknowledged or failed.
    pub(crate) fn answered_events(&self) -> u64 {
        self.acknowledged + self.failed_events()
    }
}
