//! `ingest-landing` without a command: ingests topics, all at the same time.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use sluice_service::console::Console;
use sluice_service::kafka::KafkaSettings;
use sluice_service::signals::StopSignal;
use tokio::task::JoinError;

use super::{
    line_options, open_landing, open_topic_folder, print_error, print_json, stores_from_env,
};
use crate::IngestError;
use crate::cli::{IngestArgs, ReportFormat};
use crate::error::ALL_TOPICS;
use crate::topic::report::TopicReport;
use crate::topic::{BeginAt, IngestOptions, RunLimits, ingest_topic};

/// How long a run lasts when no limit is given.
const DEFAULT_DURATION: Duration = Duration::from_secs(30);

/// What the task of one topic returned.
type TaskResult = Result<(TopicReport, Result<(), IngestError>), JoinError>;

fn run_limits(args: &IngestArgs) -> RunLimits {
    let has_no_limit =
        args.max_records.is_none() && args.max_bytes.is_none() && !args.until_caught_up;
    RunLimits {
        duration: args.duration.or(has_no_limit.then_some(DEFAULT_DURATION)),
        max_records: args.max_records,
        max_bytes: args.max_bytes,
        until_caught_up: args.until_caught_up,
        follow: args.follow,
        target_offsets: None,
    }
}

pub(super) async fn run_ingest(
    args: IngestArgs,
    kafka: KafkaSettings,
    console: &Console,
) -> Result<(), IngestError> {
    let mut topics = args.topic.clone();
    topics.sort();
    topics.dedup();
    if topics.is_empty() {
        return Err(IngestError::Invalid {
            problem: "no topic is given; add --topic TOPIC".to_owned(),
        });
    }
    let begin_at = args
        .from_timestamp
        .map(|time| BeginAt::Time(time.timestamp_millis()))
        .or(args.from_offset.clone())
        .unwrap_or_default();
    let options = Arc::new(IngestOptions {
        kafka,
        group: args.group.clone(),
        run_id: args.run_id.clone(),
        begin_at,
        accept_data_loss: args.accept_data_loss,
        line_options: line_options(&args.lines),
        limits: run_limits(&args),
        timeout: args.brokers.timeout,
    });
    let stores = stores_from_env();
    let landing = open_landing(&stores, &args.common.landing)?;
    let stop = StopSignal::on_signals().map_err(|source| IngestError::Process { source })?;
    let mut tasks = Vec::new();
    for topic in topics {
        let store_path = open_topic_folder(&stores, &landing, &topic)?;
        let run = ingest_topic(Arc::clone(&options), topic, store_path, stop.clone());
        tasks.push(tokio::spawn(run));
    }
    let ended = tokio::select! {
        ended = join_all(tasks) => ended,
        () = stop.now.cancelled() => return Err(IngestError::Killed),
    };
    let (reports, errors) = split_results(ended);
    match args.common.result.output {
        ReportFormat::Json => print_json(console, &reports),
        ReportFormat::Text => reports
            .iter()
            .for_each(|report| console.print_out(&report.summary_line())),
    }
    print_all_but_worst(console, errors)
}

/// The reports to print, and all errors.
fn split_results(ended: Vec<TaskResult>) -> (Vec<TopicReport>, Vec<IngestError>) {
    let mut reports = Vec::new();
    let mut errors = Vec::new();
    for run in ended {
        match run {
            Ok((report, result)) => {
                // For a topic that committed nothing and failed, the error is
                // enough.
                if result.is_ok() || !report.entries.is_empty() {
                    reports.push(report);
                }
                errors.extend(result.err());
            }
            Err(_) => errors.push(IngestError::Internal {
                topic: ALL_TOPICS.to_owned(),
                problem: "the task of a topic ended early",
            }),
        }
    }
    (reports, errors)
}

/// Prints all errors except the worst, which decides the exit code and is returned.
fn print_all_but_worst(console: &Console, mut errors: Vec<IngestError>) -> Result<(), IngestError> {
    errors.sort_by_key(IngestError::exit_kind);
    let worst_error = errors.pop();
    errors.iter().for_each(|error| print_error(console, error));
    worst_error.map_or(Ok(()), Err)
}
