//! `ingest-landing` without a command: ingests topics, all at the same time.

use std::sync::Arc;
use std::time::Duration;

use sluice_service::console::Console;
use sluice_service::kafka::KafkaSettings;
use sluice_service::signals::StopSignal;
use tokio::task::{JoinError, JoinSet};

use super::{
    line_options, open_landing, open_topic_folder, print_error, print_json, stores_from_env,
};
use crate::IngestError;
use crate::cli::{ErrorPolicy, IngestArgs, ReportFormat};
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
        line_options: line_options(&args.lines, args.topic.len()),
        limits: run_limits(&args),
        timeout: args.brokers.timeout,
    });
    let stores = stores_from_env();
    let landing = open_landing(&stores, &args.common.landing)?;
    let stop = StopSignal::on_signals().map_err(|source| IngestError::Process { source })?;
    // A token of its own: a signal after it is still the first signal.
    let topics_stop = StopSignal {
        drain: stop.drain.child_token(),
        now: stop.now.clone(),
    };
    let mut tasks = JoinSet::new();
    for topic in topics {
        let store_path = open_topic_folder(&stores, &landing, &topic)?;
        let run = ingest_topic(Arc::clone(&options), topic, store_path, topics_stop.clone());
        tasks.spawn(run);
    }
    let stops_others = args.follow && args.on_topic_error == ErrorPolicy::Stop;
    let mut ended = Vec::new();
    loop {
        let next = tokio::select! {
            next = tasks.join_next() => next,
            () = stop.now.cancelled() => return Err(IngestError::Killed),
        };
        let Some(result) = next else { break };
        if let Ok((report, Err(error))) = &result
            && !tasks.is_empty()
        {
            // Seen now, and not when the last topic ends, which may be never.
            tracing::error!(topic = report.topic, %error, "the topic ended");
            if stops_others {
                topics_stop.drain.cancel();
            }
        }
        ended.push(result);
    }
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
    let mut reports: Vec<TopicReport> = Vec::new();
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
    reports.sort_by(|a, b| a.topic.cmp(&b.topic));
    (reports, errors)
}

/// Prints all errors except the worst, which decides the exit code and is returned.
fn print_all_but_worst(console: &Console, mut errors: Vec<IngestError>) -> Result<(), IngestError> {
    errors.sort_by_key(IngestError::exit_kind);
    let worst_error = errors.pop();
    errors.iter().for_each(|error| print_error(console, error));
    worst_error.map_or(Ok(()), Err)
}
