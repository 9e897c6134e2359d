//! The closing summary, and whether the run sent everything that was asked for.

use std::time::Duration;

use chrono::DateTime;
use serde_json::{Value, json};
use sluice_proto::json as proto_json;
use sluice_service::format::{format_bytes, format_count, format_duration, group_thousands};

use crate::counts::PartitionDeliveries;
use crate::error::ProduceError;
use crate::plan::{ProducePlan, format_rfc3339};
use crate::send::SendResult;
use crate::topic::TargetTopic;

/// The summary of a run that sent events.
pub(crate) struct ProduceSummary<'a> {
    pub(crate) plan: &'a ProducePlan,
    pub(crate) brokers: &'a str,
    pub(crate) topic: TargetTopic,
    pub(crate) sending: &'a SendResult,
}

impl ProduceSummary<'_> {
    fn unconfirmed(&self) -> u64 {
        let SendResult {
            sent,
            deliveries: answered,
            ..
        } = self.sending;
        sent.events.saturating_sub(answered.answered_events())
    }

    /// Acknowledged events per second.
    fn events_per_second(&self) -> u64 {
        let seconds = self
            .sending
            .elapsed
            .max(Duration::from_millis(1))
            .as_secs_f64();
        (self.sending.deliveries.acknowledged as f64 / seconds).round() as u64
    }

    /// Why the run did not succeed; `None` when everything that was asked for is in
    /// Kafka.
    pub(crate) fn failure_reason(&self) -> Option<ProduceError> {
        let SendResult {
            sent,
            deliveries: answered,
            fatal,
            ..
        } = self.sending;
        let required = self.plan.required_events();
        let worst = answered.failed.iter().max_by_key(|(_, count)| *count);
        if let Some((code, _)) = worst {
            Some(ProduceError::Failed {
                failed: answered.failed_events(),
                sent: sent.events,
                code: *code,
                fatal: fatal.clone(),
            })
        } else if self.unconfirmed() > 0 {
            Some(ProduceError::Unconfirmed {
                unconfirmed: self.unconfirmed(),
            })
        } else if sent.events < required {
            Some(ProduceError::Stopped {
                sent: sent.events,
                required,
            })
        } else {
            None
        }
    }

    /// The summary as text.
    pub(crate) fn to_text(&self) -> String {
        let Self {
            plan,
            brokers,
            topic,
            sending,
        } = self;
        let SendResult {
            sent,
            deliveries: answered,
            ..
        } = sending;
        let mut lines = vec![format!(
            "{}: {} acknowledged, {}, in {} ({}/s)",
            plan.topic,
            format_count(answered.acknowledged, "event"),
            format_bytes(answered.bytes),
            format_duration(sending.elapsed),
            group_thousands(self.events_per_second()),
        )];
        let mut row = |name: &str, text: String| lines.push(format!("  {name:<11} {text}"));
        row(
            "sent",
            format!(
                "{}, {} failed, {} unconfirmed",
                group_thousands(sent.events),
                group_thousands(answered.failed_events()),
                group_thousands(self.unconfirmed()),
            ),
        );
        for (code, times) in &answered.failed {
            row(
                "failed",
                format!(
                    "{} × {}",
                    group_thousands(*times),
                    crate::error::describe_code(*code)
                ),
            );
        }
        row("brokers", (*brokers).to_owned());
        let created = if topic.created { ", created now" } else { "" };
        row("partitions", format!("{}{created}", topic.partitions));
        for (partition, range) in &answered.partitions {
            let offsets = range
                .offset_range
                .map_or_else(String::new, |(first, last)| {
                    format!(", offsets {first} to {last}")
                });
            row(
                "",
                format!(
                    "{partition}: {}{offsets}",
                    format_count(range.events, "event")
                ),
            );
        }
        if let Some((first, last)) = sent.time_range {
            row(
                "timestamps",
                format!("{} to {}", format_micros(first), format_micros(last)),
            );
        }
        row(
            "duplicates",
            format!(
                "{} ({} the same bytes, {} another status)",
                group_thousands(sent.duplicates + sent.updates),
                group_thousands(sent.duplicates),
                group_thousands(sent.updates),
            ),
        );
        let malformed = sent.malformed;
        row(
            "malformed",
            format!(
                "{} ({} cut off, {} no JSON, {} a wrong type, {} no object)",
                group_thousands(malformed.total()),
                group_thousands(malformed.truncated),
                group_thousands(malformed.not_json),
                group_thousands(malformed.wrong_type),
                group_thousands(malformed.not_an_object),
            ),
        );
        row("late", group_thousands(sent.late));
        row("again with", plan.repeat_options());
        lines.join("\n")
    }

    /// The summary as JSON; `error` is null after success.
    pub(crate) fn to_json(&self) -> Value {
        let Self {
            plan,
            brokers,
            topic,
            sending,
        } = self;
        let SendResult {
            sent,
            deliveries: answered,
            ..
        } = sending;
        let partitions: Vec<Value> = answered.partitions.iter().map(partition_json).collect();
        let failures: Vec<Value> = answered
            .failed
            .iter()
            .map(|(code, times)| json!({"reason": crate::error::describe_code(*code), "events": times}))
            .collect();
        let malformed = sent.malformed;
        let error = self.failure_reason().map(|error| error.job_error());
        json!({
            "events": plan.kind.name(),
            "bootstrap_servers": brokers,
            "topic": plan.topic,
            "topic_created": topic.created,
            "topic_partitions": topic.partitions,
            "seed": plan.seed,
            "users": plan.users,
            "until": plan.bulk.as_ref().map(|bulk| format_rfc3339(bulk.until)),
            "again_with": plan.repeat_options(),
            "required": plan.required_events(),
            "sent": sent.events,
            "acknowledged": answered.acknowledged,
            "failed": answered.failed_events(),
            "unconfirmed": self.unconfirmed(),
            "bytes": answered.bytes,
            "seconds": sending.elapsed.as_secs_f64(),
            "events_per_second": self.events_per_second(),
            "first_timestamp": sent.time_range.map(|(first, _)| format_micros(first)),
            "last_timestamp": sent.time_range.map(|(_, last)| format_micros(last)),
            "duplicates": {
                "total": sent.duplicates + sent.updates,
                "same_bytes": sent.duplicates,
                "other_status": sent.updates,
            },
            "malformed": {
                "total": malformed.total(),
                "truncated": malformed.truncated,
                "not_json": malformed.not_json,
                "wrong_type": malformed.wrong_type,
                "not_an_object": malformed.not_an_object,
            },
            "late": sent.late,
            "partitions": partitions,
            "failures": failures,
            "stopped": sending.stopped,
            "exit_code": error.as_ref().map_or(0, |error| error.kind().exit_code()),
            "error": error.as_ref().map(proto_json::job_error),
        })
    }
}

fn partition_json((partition, range): (&i32, &PartitionDeliveries)) -> Value {
    json!({
        "partition": partition,
        "events": range.events,
        "first_offset": range.offset_range.map(|(first, _)| first),
        "last_offset": range.offset_range.map(|(_, last)| last),
    })
}

fn format_micros(micros: i64) -> String {
    DateTime::from_timestamp_micros(micros).map_or_else(|| "-".to_owned(), format_rfc3339)
}
