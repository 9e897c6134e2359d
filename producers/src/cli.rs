//! The options of the command line.

use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::{Parser, ValueEnum};
use sluice_sample_events::{TopicGenerator, TransactionEvents, UserEvents};
use sluice_service::kafka::KafkaOptions;
use sluice_service::value_parsers::parse_duration;

const EXAMPLES: &str = "\
Examples:
  50,000 user events at once, spread over the past three months:
    produce-events user-events --bulk --count 50000
  One transaction a second, until Ctrl-C:
    produce-events transaction-events
  A bulk load with dirty data, then 20 events a second:
    produce-events user-events --bulk --count 50000 --duplicate-permille 5 \\
      --malformed-permille 2 --late-permille 10 --continue-after --rate 20

Exit codes:
  0 everything that was asked for is in Kafka      1 some events failed
  2 invalid arguments   4 no broker reachable, or an answer timed out
  5 stopped by Ctrl-C or SIGTERM before --count was reached";

/// Sends sample events of a web shop to a Kafka topic
#[derive(Debug, Clone, Parser)]
#[command(name = "produce-events", version, after_help = EXAMPLES)]
pub(crate) struct Cli {
    /// Which events
    #[arg(value_enum)]
    pub(crate) events: EventKind,

    #[command(flatten)]
    pub(crate) kafka: KafkaOptions,

    /// The topic [default: user_events or transaction_events]
    #[arg(long, value_name = "NAME")]
    pub(crate) topic: Option<String>,

    /// How many partitions the topic gets if it does not exist yet
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(i32).range(1..=10_000))]
    pub(crate) partitions: i32,

    /// Send --count events at once, with timestamps spread evenly over the past
    /// 90 days
    #[arg(long, requires = "count")]
    pub(crate) bulk: bool,

    /// How many events to send; without it, events are sent until Ctrl-C
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,

    /// After the bulk load, send events that happen now, until Ctrl-C
    #[arg(long, requires = "bulk")]
    pub(crate) continue_after: bool,

    /// Time from one event to the next, in seconds or as 250ms, when they are
    /// not sent in bulk
    #[arg(long, value_name = "DURATION", default_value = "1", value_parser = parse_duration)]
    pub(crate) interval: Duration,

    /// Events a second, instead of --interval; limits a bulk load too
    #[arg(long, value_name = "N", conflicts_with = "interval", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rate: Option<u32>,

    /// With --bulk: the end of the 90 days, such as 2026-01-31T12:00:00Z
    /// [default: now]
    #[arg(long, value_name = "TIME", requires = "bulk")]
    pub(crate) until: Option<DateTime<Utc>>,

    /// The same seed, options and --until give the same keys and values
    /// [default: a random one, which is printed]
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,

    /// How many customers there are. With the same number, user events and
    /// transactions come from the same customers, even with different seeds
    #[arg(long, value_name = "N", default_value_t = 2_500, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) users: u32,

    /// Of 1,000 events, how many have an id that was sent before: the same
    /// bytes, or a transaction with another status
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) duplicate_permille: u32,

    /// Of 1,000 events, how many are malformed: cut off, not JSON, not an object,
    /// or with a value of the wrong type
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) malformed_permille: u32,

    /// Of 1,000 events, how many come ten minutes to three days late
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) late_permille: u32,

    /// How the closing summary is printed on standard output
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "text")]
    pub(crate) output: OutputFormat,

    /// Show no progress
    #[arg(long)]
    pub(crate) no_progress: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum EventKind {
    /// What people do in the shop
    #[value(alias = "user_events")]
    UserEvents,
    /// What they buy, return and charge back
    #[value(alias = "transaction_events")]
    TransactionEvents,
}

impl EventKind {
    /// The topic for these events unless `--topic` names another.
    pub(crate) const fn default_topic(self) -> &'static str {
        match self {
            Self::UserEvents => UserEvents::NAME,
            Self::TransactionEvents => TransactionEvents::NAME,
        }
    }

    /// The name on the command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::UserEvents => "user-events",
            Self::TransactionEvents => "transaction-events",
        }
    }
}

/// How the summary is printed on standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    Text,
    /// Exactly one JSON document.
    Json,
}
