//! The command line's options.

use std::convert::Infallible;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use clap::builder::{NonEmptyStringValueParser, PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};
use sluice_service::kafka::KafkaOptions;
use sluice_service::logs::LogOptions;
use sluice_service::trace_options::TraceOptions;
use sluice_service::value_parsers::{parse_bytes, parse_duration, parse_positive_duration};

use crate::topic::BeginAt;
use sluice_landing::Compression;

const EXAMPLES: &str = "\
Examples:
  Ingest what arrives in the next 30 seconds:
    ingest-landing --topic user_events --duration 30
  Ingest everything that two topics hold, then end:
    ingest-landing --topic user_events --topic transaction_events --until-caught-up
  Run as a service, a batch every minute, until SIGTERM:
    ingest-landing --topic user_events --follow --duration 60
  Show the state of the topics, and check that a full hour is complete:
    ingest-landing status
    ingest-landing status --topic user_events --complete-to 2026-11-24T10:00:00Z
  Join the small files of all topics that are older than a day:
    ingest-landing join

Exit codes:
  0 success    1 failed, can be retried     2 invalid arguments or settings
  3 files do not match the ledger           4 no broker reachable
  8 no such topic or ledger                 9 landing folder cannot be read or written
  10 records were deleted before they were read    11 the topic was recreated
  12 the broker's offsets went backwards    13 not complete up to --complete-to";

/// Lands Kafka topics in files of JSON lines, each message exactly once
#[derive(Debug, Parser)]
#[command(
    name = "ingest-landing",
    version,
    after_help = EXAMPLES,
    args_conflicts_with_subcommands = true,
    override_usage = "ingest-landing --topic TOPIC [OPTIONS]\n       \
                      ingest-landing status | verify | replay | join | collect [OPTIONS]"
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) ingest: IngestArgs,

    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

impl Cli {
    /// The options that all commands share: how to reach the brokers, where a
    /// command uses them, and what is logged.
    pub(crate) fn kafka_and_log_options(&self) -> (Option<&KafkaOptions>, &LogOptions) {
        match &self.command {
            None => (Some(&self.ingest.brokers.kafka), &self.ingest.common.logs),
            Some(Command::Status(args)) => (Some(&args.brokers.kafka), &args.common.logs),
            Some(Command::Verify(args)) => (Some(&args.brokers.kafka), &args.common.logs),
            Some(Command::Replay(args)) => (Some(&args.brokers.kafka), &args.logs),
            Some(Command::Join(args)) => (None, &args.common.logs),
            Some(Command::Collect(args)) => (None, &args.common.logs),
        }
    }
}

/// The commands other than ingest, which is the default.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show the state of each topic: next offsets, lag, rows, rejects, holes
    Status(StatusArgs),
    /// Read all files and compare them with the ledger
    Verify(VerifyArgs),
    /// Read a part of a topic again, into a separate folder
    Replay(ReplayArgs),
    /// Join small files into larger ones, and delete those that were joined before
    Join(JoinArgs),
    /// Delete files that no entry names and that are older than a day
    Collect(CollectArgs),
}

/// Options of every command except `replay`.
#[derive(Debug, Args)]
pub(crate) struct CommonArgs {
    /// The landing folder: a path, file:// or s3://
    #[arg(long, value_name = "FOLDER", default_value = "data/landing")]
    pub(crate) landing: String,

    #[command(flatten)]
    pub(crate) result: ResultArgs,

    #[command(flatten)]
    pub(crate) logs: LogOptions,
}

/// How the result is printed.
#[derive(Debug, Args)]
pub(crate) struct ResultArgs {
    /// How the result is printed on standard output: text or json
    #[arg(long, value_name = "FORMAT", default_value = "text", value_parser = parse_report_format)]
    pub(crate) output: ReportFormat,

    /// The former name of `--output`, which was once the landing folder.
    #[arg(long = "format", value_name = "FORMAT", hide = true, value_parser = refuse_format_option)]
    _format: Option<Infallible>,
}

/// Options of commands that connect to the brokers.
#[derive(Debug, Args)]
pub(crate) struct BrokerArgs {
    #[command(flatten)]
    pub(crate) kafka: KafkaOptions,

    /// How long the brokers may take to answer
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = parse_positive_duration)]
    pub(crate) timeout: Duration,
}

/// How records become lines.
#[derive(Debug, Args)]
pub(crate) struct LineArgs {
    /// Compression of the files
    #[arg(long, value_name = "WAY", default_value = "none", value_parser = compression_parser())]
    pub(crate) compression: Compression,

    /// Start a new file after this many bytes of lines, before compression
    #[arg(long, value_name = "SIZE", default_value = "128MiB", value_parser = parse_bytes)]
    pub(crate) roll_size: u64,

    /// Write key, headers, partition, offset and timestamp around each value
    #[arg(long)]
    pub(crate) envelope: bool,

    /// The top-level field that holds an event's time; empty for none
    #[arg(long, value_name = "FIELD", default_value = "timestamp")]
    pub(crate) event_time_field: String,
}

/// Options of ingest itself.
#[derive(Debug, Args)]
pub(crate) struct IngestArgs {
    /// A topic; may be repeated, each topic has its own ledger
    #[arg(long, value_name = "TOPIC")]
    pub(crate) topic: Vec<String>,

    /// End after this time, in seconds or as 90s, 15m [default: 30s, unless
    /// another limit is given]
    #[arg(long, value_name = "DURATION", value_parser = parse_positive_duration)]
    pub(crate) duration: Option<Duration>,

    /// End after this many records of each topic
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) max_records: Option<u64>,

    /// End after this many bytes of values of each topic, such as 500MB
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    pub(crate) max_bytes: Option<u64>,

    /// End when everything has been read that the topic held at the start
    #[arg(long)]
    pub(crate) until_caught_up: bool,

    /// Never end: start another batch when one is committed; SIGTERM commits
    /// what was read so far, then ends
    #[arg(long, conflicts_with_all = ["until_caught_up", "run_id"])]
    pub(crate) follow: bool,

    /// What --follow does with the other topics when one ends with an error: stop
    /// them, which commits what was read, or continue
    #[arg(long, value_name = "WAY", default_value = "stop", value_parser = parse_error_policy)]
    pub(crate) on_topic_error: ErrorPolicy,

    /// Your own id for this run; repeating a run with the same id does nothing
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) run_id: Option<String>,

    /// Share the topic's partitions with other processes of this consumer group
    #[arg(long, value_name = "GROUP", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) group: Option<String>,

    /// Where to start a topic without a ledger: earliest, latest or an offset
    #[arg(long, value_name = "OFFSET", value_parser = parse_begin, allow_negative_numbers = true, conflicts_with = "from_timestamp")]
    pub(crate) from_offset: Option<BeginAt>,

    /// Start a topic without a ledger at its first records of this time or later
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) from_timestamp: Option<DateTime<Utc>>,

    /// Continue when records were deleted before they were read, and record the hole
    #[arg(long)]
    pub(crate) accept_data_loss: bool,

    #[command(flatten)]
    pub(crate) lines: LineArgs,

    #[command(flatten)]
    pub(crate) traces: TraceOptions,

    #[command(flatten)]
    pub(crate) brokers: BrokerArgs,

    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

/// `status`.
#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// A topic; may be repeated; default: all in the landing folder
    #[arg(long, value_name = "TOPIC")]
    pub(crate) topic: Vec<String>,

    /// Print only the full hour up to which each topic is complete
    #[arg(long)]
    pub(crate) watermark: bool,

    /// End with code 13 unless every topic is complete up to this time
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) complete_to: Option<DateTime<Utc>>,

    /// How late events may arrive
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = parse_time_delta)]
    pub(crate) lateness: TimeDelta,

    #[command(flatten)]
    pub(crate) brokers: BrokerArgs,

    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

/// `verify`.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// A topic; may be repeated; default: all in the landing folder
    #[arg(long, value_name = "TOPIC")]
    pub(crate) topic: Vec<String>,

    /// Also compare with the brokers: ids, offsets, and every record that they
    /// still have
    #[arg(long)]
    pub(crate) broker: bool,

    #[command(flatten)]
    pub(crate) brokers: BrokerArgs,

    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

/// `join`.
#[derive(Debug, Args)]
pub(crate) struct JoinArgs {
    /// A topic; may be repeated; default: all in the landing folder
    #[arg(long, value_name = "TOPIC")]
    pub(crate) topic: Vec<String>,

    /// The size of a joined file; files of more than an eighth of it are not joined
    #[arg(long, value_name = "SIZE", default_value = "128MiB", value_parser = parse_bytes)]
    pub(crate) target_size: u64,

    /// Wait until there are this many files for a joined file
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) min_files: usize,

    /// Join only files of entries that are this old
    #[arg(long, value_name = "DURATION", default_value = "1d", value_parser = parse_time_delta)]
    pub(crate) min_age: TimeDelta,

    /// Keep small files for this long after they were joined, for jobs that read them
    #[arg(long, value_name = "DURATION", default_value = "2d", value_parser = parse_time_delta)]
    pub(crate) keep: TimeDelta,

    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

/// `collect`.
#[derive(Debug, Args)]
pub(crate) struct CollectArgs {
    /// A topic; may be repeated; default: all in the landing folder
    #[arg(long, value_name = "TOPIC")]
    pub(crate) topic: Vec<String>,

    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

/// `replay`.
#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// The topic
    #[arg(long, value_name = "TOPIC")]
    pub(crate) topic: String,

    /// The first offset of each partition, earliest, or a time
    #[arg(long, value_name = "OFFSET|TIME", value_parser = parse_position)]
    pub(crate) from: TopicPosition,

    /// The offset or time after the last record, or latest
    #[arg(long, value_name = "OFFSET|TIME", value_parser = parse_position)]
    pub(crate) to: TopicPosition,

    /// The folder to write to; it must not have a ledger of the topic
    #[arg(long, value_name = "FOLDER")]
    pub(crate) landing: String,

    #[command(flatten)]
    pub(crate) lines: LineArgs,

    #[command(flatten)]
    pub(crate) brokers: BrokerArgs,

    #[command(flatten)]
    pub(crate) result: ResultArgs,

    #[command(flatten)]
    pub(crate) logs: LogOptions,
}

/// A position in a topic, as an option names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TopicPosition {
    Earliest,
    Latest,
    Offset(i64),
    Time(DateTime<Utc>),
}

/// What happens to the other topics of a process when one ends with an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorPolicy {
    /// They end too, so that the error is seen.
    Stop,
    Continue,
}

/// The format of what is printed on standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReportFormat {
    /// Text for people.
    Text,
    /// One JSON document.
    Json,
}

fn compression_parser() -> impl TypedValueParser<Value = Compression> {
    PossibleValuesParser::new(Compression::ALL.map(Compression::name))
        .map(|name| Compression::from_name(&name).unwrap_or_default())
}

fn parse_error_policy(text: &str) -> Result<ErrorPolicy, String> {
    match text {
        "stop" => Ok(ErrorPolicy::Stop),
        "continue" => Ok(ErrorPolicy::Continue),
        _ => Err("write stop or continue".to_owned()),
    }
}

fn parse_report_format(text: &str) -> Result<ReportFormat, String> {
    match text {
        "text" => Ok(ReportFormat::Text),
        "json" => Ok(ReportFormat::Json),
        _ => Err(format!(
            "write text or json; the landing folder is --landing {text} now"
        )),
    }
}

fn refuse_format_option(text: &str) -> Result<Infallible, String> {
    Err(format!("use --output {text}"))
}

fn parse_time_delta(text: &str) -> Result<TimeDelta, String> {
    TimeDelta::from_std(parse_duration(text)?).map_err(|error| error.to_string())
}

fn parse_begin(text: &str) -> Result<BeginAt, String> {
    match parse_position(text) {
        Ok(TopicPosition::Earliest) => Ok(BeginAt::Earliest),
        Ok(TopicPosition::Latest) => Ok(BeginAt::Latest),
        Ok(TopicPosition::Offset(offset)) => Ok(BeginAt::Offset(offset)),
        _ => Err("write earliest, latest or an offset".to_owned()),
    }
}

fn parse_position(text: &str) -> Result<TopicPosition, String> {
    match text {
        "earliest" => return Ok(TopicPosition::Earliest),
        "latest" => return Ok(TopicPosition::Latest),
        _ => {}
    }
    if let Ok(offset) = text.parse::<i64>() {
        return match offset {
            0.. => Ok(TopicPosition::Offset(offset)),
            _ => Err("offsets are never negative".to_owned()),
        };
    }
    parse_time(text).map(TopicPosition::Time).map_err(|_| {
        "write earliest, latest, an offset, or a time such as 2026-11-24T10:00:00Z".to_owned()
    })
}

fn parse_time(text: &str) -> Result<DateTime<Utc>, String> {
    if let Ok(day) = text.parse::<NaiveDate>() {
        return Ok(day.and_time(chrono::NaiveTime::MIN).and_utc());
    }
    DateTime::parse_from_rfc3339(text)
        .map(|time| time.to_utc())
        .map_err(|_| "write a time such as 2026-11-24T10:00:00Z".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_line(line: &str) -> Result<Cli, String> {
        let words = std::iter::once("ingest-landing").chain(line.split_whitespace());
        Cli::try_parse_from(words).map_err(|error| error.to_string())
    }

    #[test]
    fn the_documented_commands_are_understood() {
        let cli = parse_line("--topic user_events --duration 30").unwrap();
        assert_eq!(cli.ingest.duration, Some(Duration::from_secs(30)));
        assert_eq!(cli.ingest.common.landing, "data/landing");
        let cli = parse_line("--topic a --topic b --max-bytes 5MB --from-offset latest").unwrap();
        assert_eq!(cli.ingest.topic, ["a", "b"]);
        assert_eq!(cli.ingest.max_bytes, Some(5 << 20));
        assert_eq!(cli.ingest.from_offset, Some(BeginAt::Latest));
        for line in [
            "status --landing data/landing --output json",
            "status --watermark --lateness 10m",
            "verify --broker --topic t",
            "replay --topic t --from 5 --to 2026-11-24T10:00:00Z --landing repair",
            "join --topic t --target-size 1GiB --min-age 0s --keep 12h",
            "collect",
            "--topic t --follow --kafka-conf security.protocol=SSL",
        ] {
            parse_line(line).unwrap();
        }
    }

    #[test]
    fn mistakes_are_reported() {
        for (line, part) in [
            ("--topic t --duration 0", "above zero"),
            ("--topic t --follow --run-id x", "cannot be used with"),
            ("--topic t --from-offset -1", "offset"),
            (
                "--topic t --from-timestamp yesterday",
                "2026-11-24T10:00:00Z",
            ),
            ("replay --topic t --from 1 --to 2", "--landing"),
            ("--topic t --max-bytes x", "512MB"),
            ("--topic t --format json", "use --output json"),
            ("status --format text", "use --output text"),
            ("--topic t --output /data", "is --landing /data now"),
            (
                "replay --topic t --from 1 --to 2 --output repair",
                "is --landing repair now",
            ),
        ] {
            let error = parse_line(line).unwrap_err();
            assert!(error.contains(part), "{line}: {error}");
        }
    }
}
