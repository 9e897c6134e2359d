//! The closing summary, and whether the run sent everything that was asked for.

use std::time::Duration;

use chrono::DateTime;
use serde_json::{Value, json};
use sluice_service::format::{bytes, count, duration, grouped};
use sluice_proto::json as proto_json;

use crate::error::ProduceError;
use crate::plan::{Plan, time};
use crate::send::Sending;
use crate::tally::Range;
use crate::topic::Topic;

/// The summary of a run that sent events.
pub(crate) struct Summary<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) brokers: &'a str,
    pub(crate) topic: Topic,
    pub(crate) sending: &'a Sending,
}

impl Summary<'_> {
    fn unconfirmed(&self) -> u64 {
        let Sending { sent, answered, .. } = self.sending;
        sent.events.saturating_sub(answered.total())
    }

    /// Acknowledged events per second.
    fn rate(&self) -> u64 {
        let seconds = self
            .sending
            .took
            .max(Duration::from_millis(1))
            .as_secs_f64();
        (self.sending.answered.acknowledged as f64 / seconds).round() as u64
    }

    /// Why the run did not succeed; `None` when everything that was asked for is in
    /// Kafka.
    pub(crate) fn error(&self) -> Option<ProduceError> {
        let Sending {
            sent,
            answered,
            fatal,
            ..
        } = self.sending;
        let required = self.plan.required();
        let worst = answered.failed.iter().max_by_key(|(_, count)| *count);
        if let Some((code, _)) = worst {
            Some(ProduceError::Failed {
                failed: answered.failures(),
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
    pub(crate) fn text(&self) -> String {
        let Self {
            plan,
            brokers,
            topic,
            sending,
        } = self;
        let Sending { sent, answered, .. } = sending;
        let mut lines = vec![format!(
            "{}: {} acknowledged, {}, in {} ({}/s)",
            plan.topic,
            count(answered.acknowledged, "event"),
            bytes(answered.bytes),
            duration(sending.took),
            grouped(self.rate()),
        )];
        let mut row = |name: &str, text: String| lines.push(format!("  {name:<11} {text}"));
        row(
            "sent",
            format!(
                "{}, {} failed, {} unconfirmed",
                grouped(sent.events),
                grouped(answered.failures()),
                grouped(self.unconfirmed()),
            ),
        );
        for (code, times) in &answered.failed {
            row(
                "failed",
                format!("{} × {}", grouped(*times), crate::error::words(*code)),
            );
        }
        row("brokers", (*brokers).to_owned());
        let created = if topic.created { ", created now" } else { "" };
        row("partitions", format!("{}{created}", topic.partitions));
        for (partition, range) in &answered.partitions {
            let offsets = range.offsets.map_or_else(String::new, |(first, last)| {
                format!(", offsets {first} to {last}")
            });
            row(
                "",
                format!("{partition}: {}{offsets}", count(range.events, "event")),
            );
        }
        if let Some((first, last)) = sent.times {
            row(
                "timestamps",
                format!("{} to {}", micros(first), micros(last)),
            );
        }
        row(
            "duplicates",
            format!(
                "{} ({} the same bytes, {} another status)",
                grouped(sent.repeats + sent.updates),
                grouped(sent.repeats),
                grouped(sent.updates),
            ),
        );
        let malformed = sent.malformed;
        row(
            "malformed",
            format!(
                "{} ({} cut off, {} no JSON, {} a wrong type, {} no object)",
                grouped(malformed.total()),
                grouped(malformed.truncated),
                grouped(malformed.not_json),
                grouped(malformed.wrong_type),
                grouped(malformed.not_an_object),
            ),
        );
        row("late", grouped(sent.late));
        row("again with", plan.repeat());
        lines.join("\n")
    }

    /// The summary as JSON; `error` is null after success.
    pub(crate) fn json(&self) -> Value {
        let Self {
            plan,
            brokers,
            topic,
            sending,
        } = self;
        let Sending { sent, answered, .. } = sending;
        let partitions: Vec<Value> = answered.partitions.iter().map(partition).collect();
        let failures: Vec<Value> = answered
            .failed
            .iter()
            .map(|(code, times)| json!({"reason": crate::error::words(*code), "events": times}))
            .collect();
        let malformed = sent.malformed;
        let error = self.error().map(|error| error.job_error());
        json!({
            "events": plan.kind.name(),
            "bootstrap_servers": brokers,
            "topic": plan.topic,
            "topic_created": topic.created,
            "topic_partitions": topic.partitions,
            "seed": plan.seed,
            "users": plan.users,
            "until": plan.bulk.as_ref().map(|bulk| time(bulk.until)),
            "again_with": plan.repeat(),
            "required": plan.required(),
            "sent": sent.events,
            "acknowledged": answered.acknowledged,
            "failed": answered.failures(),
            "unconfirmed": self.unconfirmed(),
            "bytes": answered.bytes,
            "seconds": sending.took.as_secs_f64(),
            "events_per_second": self.rate(),
            "first_timestamp": sent.times.map(|(first, _)| micros(first)),
            "last_timestamp": sent.times.map(|(_, last)| micros(last)),
            "duplicates": {
                "total": sent.repeats + sent.updates,
                "same_bytes": sent.repeats,
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
            "error": error.as_ref().map(proto_json::error),
        })
    }
}

fn partition((partition, range): (&i32, &Range)) -> Value {
    json!({
        "partition": partition,
        "events": range.events,
        "first_offset": range.offsets.map(|(first, _)| first),
        "last_offset": range.offsets.map(|(_, last)| last),
    })
}

fn micros(micros: i64) -> String {
    DateTime::from_timestamp_micros(micros).map_or_else(|| "-".to_owned(), time)
}
