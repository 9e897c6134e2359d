//! The program: parses the arguments, runs one command, and returns its exit
//! code.

mod broker_compare;
mod ingest;
mod replay;
pub(crate) mod status;
pub(crate) mod verify;
pub(crate) mod watermark;

use std::ffi::OsString;
use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::{CommandFactory as _, Parser as _};
use sluice_service::console::Console;
use sluice_service::descriptors;
use sluice_service::format::{error_chain, format_bytes, format_count};
use sluice_service::kafka::{KafkaOptions, KafkaSettings};
use sluice_service::logs;
use sluice_service::secrets::Secrets;
use sluice_service::shell_help::print_shell_help;
use sluice_service::signals::StopSignal;
use sluice_service::trace_options::TraceStart;
use sluice_storage::{StoreOptions, StorePath, Stores};
use tokio::runtime::Builder;

use self::ingest::run_ingest;
use self::replay::replay_topic;
use self::status::{TopicStatus, open_topic, topic_statuses};
use crate::IngestError;
use crate::batch::builder::{LineOptions, max_open_files};
use crate::cli::{
    Cli, CollectArgs, Command, CommonArgs, JoinArgs, LineArgs, ReplayArgs, ReportFormat,
    StatusArgs, VerifyArgs,
};
use crate::commands::verify::verify_topic;
use crate::commands::watermark::full_hour;
use crate::error::{ALL_TOPICS, ExitKind, ForTopic as _};
use crate::joining::{JoinOptions, join_topic};
use crate::kafka::ClientConfigError;
use crate::topic::orphan_files;

/// How long blocked threads may delay the end of the process.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_millis(200);

/// Runs ingest-landing and returns its exit code (see `docs/exit-codes.md`);
/// `args` begins with the program's name.
pub fn run<I>(args: I) -> u8
where
    I: IntoIterator,
    I::Item: Into<OsString> + Clone,
{
    let args: Vec<OsString> = args.into_iter().map(Into::into).collect();
    if let Some(code) = print_shell_help(Cli::command(), &args) {
        return code;
    }
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // clap knows whether this is help or an error, and which stream it
            // belongs to.
            let _ = error.print();
            return if error.use_stderr() {
                ExitKind::Invalid as u8
            } else {
                ExitKind::Success as u8
            };
        }
    };
    let runtime = match Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(source) => {
            return exit_code(&Console::standard(), Err(IngestError::Process { source }));
        }
    };
    let code = runtime.block_on(dispatch_command(cli));
    // After a second signal to stop, threads that still read are not waited for.
    runtime.shutdown_timeout(SHUTDOWN_TIMEOUT);
    if let Some(problem) = sluice_traces::finish_export() {
        tracing::warn!("{problem}");
    }
    code
}

async fn dispatch_command(cli: Cli) -> u8 {
    let (kafka, logs) = cli.kafka_and_log_options();
    let kafka = match kafka.map(KafkaOptions::load_settings).transpose() {
        Ok(kafka) => kafka.unwrap_or_default(),
        Err(error) => {
            return exit_code(
                &Console::standard(),
                Err(ClientConfigError::from(error).into()),
            );
        }
    };
    let secrets = Secrets::from_environment().merged_with(kafka.secrets());
    // The client library may include a setting's value in an error.
    let console = Console::standard().with_secrets(&secrets);
    // Only ingest itself is traced: the other commands are for people.
    let traces = match &cli.command {
        None => TraceStart::new("ingest-landing", &cli.ingest.traces, &secrets),
        Some(_) => TraceStart::default(),
    };
    if let Err(error) = logs::init_logging(logs, &secrets, traces.exporting.as_ref()) {
        let problem = error.to_string();
        return exit_code(&console, Err(IngestError::Invalid { problem }));
    }
    traces.log();
    descriptors::raise_limit();
    let result = match cli.command {
        None => run_ingest(cli.ingest, kafka, &console).await,
        Some(Command::Status(args)) => run_status(args, kafka, &console).await,
        Some(Command::Verify(args)) => run_verify(args, kafka, &console).await,
        Some(Command::Replay(args)) => run_replay(args, kafka, &console).await,
        Some(Command::Join(args)) => run_join(args, &console).await,
        Some(Command::Collect(args)) => run_collect(args, &console).await,
    };
    exit_code(&console, result)
}

fn exit_code(console: &Console, result: Result<(), IngestError>) -> u8 {
    match result {
        Ok(()) => ExitKind::Success as u8,
        Err(error) => {
            print_error(console, &error);
            error.exit_kind() as u8
        }
    }
}

/// Prints an error with its causes on standard error.
fn print_error(console: &Console, error: &IngestError) {
    console.print_error(&error_chain(error), "");
}

fn print_json(console: &Console, value: &impl serde::Serialize) {
    if let Ok(text) = serde_json::to_string_pretty(value) {
        console.print_out(&text);
    }
}

fn stores_from_env() -> Stores {
    Stores::new(StoreOptions::from_env())
}

fn open_landing(stores: &Stores, folder: &str) -> Result<StorePath, IngestError> {
    let location = stores.parse_location(folder).for_topic(ALL_TOPICS)?;
    stores.open(&location).for_topic(ALL_TOPICS)
}

fn open_topic_folder(
    stores: &Stores,
    landing: &StorePath,
    topic: &str,
) -> Result<StorePath, IngestError> {
    let location = landing.location.child(topic).for_topic(topic)?;
    stores.open(&location).for_topic(topic)
}

fn line_options(lines: &LineArgs, topics: usize) -> LineOptions {
    LineOptions {
        compression: lines.compression,
        roll_bytes: lines.roll_size,
        envelope: lines.envelope,
        event_time_field: Some(lines.event_time_field.clone()).filter(|field| !field.is_empty()),
        record_times: None,
        max_open_files: max_open_files(topics),
    }
}

async fn run_status(
    args: StatusArgs,
    kafka: KafkaSettings,
    console: &Console,
) -> Result<(), IngestError> {
    let stores = stores_from_env();
    let landing = open_landing(&stores, &args.common.landing)?;
    // Brokers that do not answer must not make a status slow.
    let timeout = args.brokers.timeout.min(Duration::from_secs(10));
    let all = topic_statuses(
        &stores,
        &landing,
        &args.topic,
        &kafka,
        args.lateness,
        timeout,
    )
    .await?;
    let all = require_nonempty(all, &landing)?;
    match args.common.result.output {
        ReportFormat::Json => print_json(console, &all),
        ReportFormat::Text if args.watermark => {
            for topic in &all {
                let hour = topic.watermark.map(full_hour);
                let hour = hour.map_or_else(|| "unknown".to_owned(), status::format_time);
                console.print_out(&format!("{} {hour}", topic.topic));
            }
        }
        ReportFormat::Text => all
            .iter()
            .for_each(|topic| console.print_out(&topic.render_text())),
    }
    match args.complete_to {
        Some(wanted) => require_complete(&all, wanted),
        None => Ok(()),
    }
}

fn require_complete(all: &[TopicStatus], wanted: DateTime<Utc>) -> Result<(), IngestError> {
    if let Some(problem) = all.iter().find_map(|topic| topic.problem.clone()) {
        return Err(problem.into());
    }
    match all
        .iter()
        .find(|topic| topic.watermark.is_none_or(|known| known < wanted))
    {
        Some(topic) => Err(IngestError::NotComplete {
            topic: topic.topic.clone(),
            wanted: status::format_time(wanted),
            known: topic
                .watermark
                .map_or_else(|| "nothing is known".to_owned(), status::format_time),
        }),
        None => Ok(()),
    }
}

async fn topic_names(landing: &StorePath, names: &[String]) -> Result<Vec<String>, IngestError> {
    if names.is_empty() {
        return require_nonempty(status::list_topics(landing).await?, landing);
    }
    Ok(names.to_vec())
}

/// Fails when there is no topic: a check of nothing must not succeed.
fn require_nonempty<T>(found: Vec<T>, landing: &StorePath) -> Result<Vec<T>, IngestError> {
    match found.is_empty() {
        false => Ok(found),
        true => Err(IngestError::NoLedger {
            location: landing.location.to_string(),
        }),
    }
}

async fn run_verify(
    args: VerifyArgs,
    kafka: KafkaSettings,
    console: &Console,
) -> Result<(), IngestError> {
    let stores = stores_from_env();
    let landing = open_landing(&stores, &args.common.landing)?;
    let broker = args.broker.then_some((&kafka, args.brokers.timeout));
    let mut all = Vec::new();
    for topic in topic_names(&landing, &args.topic).await? {
        all.push(verify_topic(&stores, &landing, &topic, broker).await?);
    }
    match args.common.result.output {
        ReportFormat::Json => print_json(console, &all),
        ReportFormat::Text => all
            .iter()
            .for_each(|verified| console.print_out(&verified.render_text())),
    }
    match all.iter().map(|verified| verified.problems.len()).sum() {
        0 => Ok(()),
        problems => Err(IngestError::Damaged { problems }),
    }
}

async fn run_replay(
    args: ReplayArgs,
    kafka: KafkaSettings,
    console: &Console,
) -> Result<(), IngestError> {
    let stores = stores_from_env();
    let landing = open_landing(&stores, &args.landing)?;
    let store_path = open_topic_folder(&stores, &landing, &args.topic)?;
    let stop = StopSignal::on_signals().map_err(|source| IngestError::Process { source })?;
    let request = replay::ReplayRequest {
        topic: args.topic,
        from: args.from,
        to: args.to,
        kafka,
        line_options: line_options(&args.lines, 1),
        timeout: args.brokers.timeout,
    };
    let report = replay_topic(request, store_path, stop).await?;
    match args.result.output {
        ReportFormat::Json => print_json(console, &report),
        ReportFormat::Text => console.print_out(&report.summary_line()),
    }
    Ok(())
}

async fn run_join(args: JoinArgs, console: &Console) -> Result<(), IngestError> {
    let options = JoinOptions {
        target_bytes: args.target_size,
        min_files: args.min_files,
        min_age: args.min_age,
        keep: args.keep,
    };
    let stores = stores_from_env();
    let landing = open_landing(&stores, &args.common.landing)?;
    let mut all = std::collections::BTreeMap::new();
    for topic in topic_names(&landing, &args.topic).await? {
        let (landed, newest) = open_topic(&stores, &landing, &topic).await?;
        let report = join_topic(&landed, &newest, &options).await?;
        all.insert(topic, report);
    }
    match args.common.result.output {
        ReportFormat::Json => print_json(console, &all),
        ReportFormat::Text => {
            for (topic, report) in all {
                console.print_out(&format!(
                    "{topic}: {} joined into {} ({}), {} deleted",
                    format_count(report.parts, "file"),
                    report.joined_files,
                    format_bytes(report.bytes),
                    format_count(report.deleted, "file"),
                ));
            }
        }
    }
    Ok(())
}

async fn run_collect(args: CollectArgs, console: &Console) -> Result<(), IngestError> {
    let CommonArgs {
        landing, result, ..
    } = args.common;
    let stores = stores_from_env();
    let landing = open_landing(&stores, &landing)?;
    let mut all = std::collections::BTreeMap::new();
    let topics = match args.topic.is_empty() {
        true => status::list_topics(&landing).await?,
        false => args.topic,
    };
    for topic in topics {
        let (landed, newest) = open_topic(&stores, &landing, &topic).await?;
        let removed = orphan_files::delete_orphans(
            landed.store_path(),
            landed.ledger(),
            &newest,
            orphan_files::ScanDepth::All,
        )
        .await?;
        all.insert(topic, removed);
    }
    match result.output {
        ReportFormat::Json => print_json(console, &all),
        ReportFormat::Text => {
            for (topic, removed) in all {
                let removed = format_count(removed as u64, "orphan");
                console.print_out(&format!("{topic}: {removed} deleted"));
            }
        }
    }
    Ok(())
}
