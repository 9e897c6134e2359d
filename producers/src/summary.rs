//! The closing summary of a run, as text and as JSON.

use std::time::Duration;

use chrono::DateTime;
use serde::Serialize;
use serde_json::Value;
use sluice_proto::json as proto_json;
use sluice_proto::v1::JobError;
use sluice_service::format::{format_bytes, format_count, format_duration, group_thousands};

use crate::counts::{MalformedCounts, PartitionDeliveries};
use crate::error_code::describe_code;
use crate::outcome::SendResult;
use crate::plan::{ProducePlan, format_rfc3339};
use crate::topic::TargetTopic;

/// The summary of a run that sent events. Its fields are those of the JSON document.
#[derive(Debug, Serialize)]
pub(crate) struct ProduceSummary<'a> {
    events: &'static str,
    bootstrap_servers: &'a str,
    topic: &'a str,
    topic_created: bool,
    topic_partitions: usize,
    seed: u64,
    users: u32,
    until: Option<String>,
    /// The options with which a run sends the same events.
    again_with: String,
    required: u64,
    sent: u64,
    acknowledged: u64,
    failed: u64,
    unconfirmed: u64,
    bytes: u64,
    seconds: f64,
    events_per_second: u64,
    first_timestamp: Option<String>,
    last_timestamp: Option<String>,
    duplicates: DuplicateSummary,
    malformed: MalformedSummary,
    late: u64,
    partitions: Vec<PartitionSummary>,
    failures: Vec<FailureSummary>,
    stopped: bool,
    exit_code: u8,
    /// Null after success.
    error: Option<Value>,
}

#[derive(Debug, Serialize)]
struct DuplicateSummary {
    total: u64,
    same_bytes: u64,
    other_status: u64,
}

#[derive(Debug, Serialize)]
struct MalformedSummary {
    total: u64,
    #[serde(flatten)]
    kinds: MalformedCounts,
}

#[derive(Debug, Serialize)]
struct PartitionSummary {
    partition: i32,
    events: u64,
    first_offset: Option<i64>,
    last_offset: Option<i64>,
}

#[derive(Debug, Serialize)]
struct FailureSummary {
    reason: String,
    events: u64,
}

impl<'a> ProduceSummary<'a> {
    /// Collects the figures. `error` is the reason why the run failed.
    pub(crate) fn new(
        plan: &'a ProducePlan,
        brokers: &'a str,
        topic: TargetTopic,
        result: &SendResult,
        error: Option<&JobError>,
    ) -> Self {
        let SendResult {
            sent, deliveries, ..
        } = result;
        let (first_time, last_time) = sent.time_range.unzip();
        Self {
            events: plan.kind.name(),
            bootstrap_servers: brokers,
            topic: &plan.topic,
            topic_created: topic.created,
            topic_partitions: topic.partitions,
            seed: plan.seed,
            users: plan.users,
            until: plan.bulk.as_ref().map(|bulk| format_rfc3339(bulk.until)),
            again_with: plan.repeat_options(),
            required: plan.required_events(),
            sent: sent.events,
            acknowledged: deliveries.acknowledged,
            failed: deliveries.failed_events(),
            unconfirmed: result.unconfirmed_events(),
            bytes: deliveries.bytes,
            seconds: result.elapsed.as_secs_f64(),
            events_per_second: result.events_per_second(),
            first_timestamp: first_time.map(format_micros),
            last_timestamp: last_time.map(format_micros),
            duplicates: DuplicateSummary {
                total: sent.duplicates + sent.updates,
                same_bytes: sent.duplicates,
                other_status: sent.updates,
            },
            malformed: MalformedSummary {
                total: sent.malformed.total(),
                kinds: sent.malformed,
            },
            late: sent.late,
            partitions: deliveries
                .partitions
                .iter()
                .map(|(partition, deliveries)| PartitionSummary::new(*partition, *deliveries))
                .collect(),
            failures: deliveries
                .failed
                .iter()
                .map(|(code, events)| FailureSummary {
                    reason: describe_code(*code),
                    events: *events,
                })
                .collect(),
            stopped: result.stopped,
            exit_code: error.map_or(0, |error| error.kind().exit_code()),
            error: error.map(proto_json::job_error),
        }
    }

    /// The summary as text, without the error.
    pub(crate) fn to_text(&self) -> String {
        let count = group_thousands;
        let mut lines = vec![format!(
            "{}: {} acknowledged, {}, in {} ({}/s)",
            self.topic,
            format_count(self.acknowledged, "event"),
            format_bytes(self.bytes),
            format_duration(Duration::from_secs_f64(self.seconds)),
            count(self.events_per_second),
        )];
        let mut add_row = |name: &str, text: &str| lines.push(format!("  {name:<11} {text}"));
        add_row(
            "sent",
            &format!(
                "{}, {} failed, {} unconfirmed",
                count(self.sent),
                count(self.failed),
                count(self.unconfirmed),
            ),
        );
        for FailureSummary { reason, events } in &self.failures {
            add_row("failed", &format!("{} × {reason}", count(*events)));
        }
        add_row("brokers", self.bootstrap_servers);
        let created = if self.topic_created {
            ", created now"
        } else {
            ""
        };
        add_row("partitions", &format!("{}{created}", self.topic_partitions));
        for partition in &self.partitions {
            add_row("", &partition.to_text());
        }
        if let (Some(first), Some(last)) = (&self.first_timestamp, &self.last_timestamp) {
            add_row("timestamps", &format!("{first} to {last}"));
        }
        let DuplicateSummary {
            total,
            same_bytes,
            other_status,
        } = self.duplicates;
        add_row(
            "duplicates",
            &format!(
                "{} ({} the same bytes, {} another status)",
                count(total),
                count(same_bytes),
                count(other_status),
            ),
        );
        let MalformedSummary { total, kinds } = self.malformed;
        add_row(
            "malformed",
            &format!(
                "{} ({} cut off, {} no JSON, {} a wrong type, {} no object)",
                count(total),
                count(kinds.truncated),
                count(kinds.not_json),
                count(kinds.wrong_type),
                count(kinds.not_an_object),
            ),
        );
        add_row("late", &count(self.late));
        add_row("again with", &self.again_with);
        lines.join("\n")
    }
}

impl PartitionSummary {
    fn new(partition: i32, deliveries: PartitionDeliveries) -> Self {
        let (first_offset, last_offset) = deliveries.offset_range.unzip();
        Self {
            partition,
            events: deliveries.events,
            first_offset,
            last_offset,
        }
    }

    fn to_text(&self) -> String {
        let offsets = match (self.first_offset, self.last_offset) {
            (Some(first), Some(last)) => format!(", offsets {first} to {last}"),
            _ => String::new(),
        };
        let events = format_count(self.events, "event");
        format!("{}: {events}{offsets}", self.partition)
    }
}

fn format_micros(micros: i64) -> String {
    DateTime::from_timestamp_micros(micros).map_or_else(|| "-".to_owned(), format_rfc3339)
}
