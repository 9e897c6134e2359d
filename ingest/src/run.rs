//! The program: parses the arguments, runs one command, and returns its exit
//! code.

use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::Parser as _;
use futures::future::join_all;
use sluice_service::console::Console;
use sluice_service::format::{chain, count};
use sluice_service::kafka::{KafkaOptions, KafkaSettings};
use sluice_service::logs;
use sluice_service::secrets::Secrets;
use sluice_service::signals::Stop;
use sluice_storage::{Place, StoreOptions, Stores};
use tokio::runtime::Builder;

use crate::IngestError;
use crate::cli::{
    Cli, CollectArgs, Command, Common, Format, IngestArgs, Lines, ReplayArgs, StatusArgs,
    VerifyArgs,
};
use crate::error::ExitKind;
use crate::gather::LineOptions;
use crate::ingest::{BeginAt, IngestOptions, RunBounds, ingest_topic};
use crate::kafka::ConfError;
use crate::orphans;
use crate::replay::{self, replay};
use crate::status::{self, TopicStatus, open, status};
use crate::verify::verify;
use crate::watermark::full_hour;

/// How long a run lasts when no limit is given.
const DEFAULT_DURATION: Duration = Duration::from_secs(30);

/// How long blocked threads may delay the end of the process.
const LEAVING: Duration = Duration::from_millis(200);

/// Runs ingest-landing and returns its exit code (see `docs/exit-codes.md`);
/// `args` begins with the program's name.
pub fn run<I>(args: I) -> u8
where
    I: IntoIterator,
    I::Item: Into<OsString> + Clone,
{
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
            return ended(&Console::standard(), Err(IngestError::Process { source }));
        }
    };
    let code = runtime.block_on(act(cli));
    // After a second signal to stop, threads that still read are not waited for.
    runtime.shutdown_timeout(LEAVING);
    code
}

async fn act(cli: Cli) -> u8 {
    let (kafka, logs) = cli.shared();
    let kafka = match kafka.map(KafkaOptions::settings).transpose() {
        Ok(kafka) => kafka.unwrap_or_default(),
        Err(error) => return ended(&Console::standard(), Err(ConfError::from(error).into())),
    };
    let secrets = Secrets::from_environment().and(kafka.secrets());
    // The client library may include a setting's value in an error.
    let console = Console::standard().keeping(&secrets);
    if let Err(error) = logs::init(logs, &secrets) {
        let problem = error.to_string();
        return ended(&console, Err(IngestError::Invalid { problem }));
    }
    let result = match cli.command {
        None => ingest(cli.ingest, kafka, &console).await,
        Some(Command::Status(args)) => show(args, kafka, &console).await,
        Some(Command::Verify(args)) => check(args, kafka, &console).await,
        Some(Command::Replay(args)) => again(args, kafka, &console).await,
        Some(Command::Collect(args)) => collect(args, &console).await,
    };
    ended(&console, result)
}

fn ended(console: &Console, result: Result<(), IngestError>) -> u8 {
    match result {
        Ok(()) => ExitKind::Success as u8,
        Err(error) => {
            say(console, &error);
            error.exit() as u8
        }
    }
}

/// Prints an error with its causes on standard error.
fn say(console: &Console, error: &IngestError) {
    console.error(&chain(error), "");
}

fn print_json(console: &Console, value: &impl serde::Serialize) {
    if let Ok(text) = serde_json::to_string_pretty(value) {
        console.out(&text);
    }
}

fn stores() -> Stores {
    Stores::new(StoreOptions::from_env())
}

fn landing(stores: &Stores, output: &str) -> Result<Place, IngestError> {
    let fail = |source| IngestError::Store {
        topic: "*".to_owned(),
        source: Box::new(source),
    };
    let location = stores.location(output).map_err(fail)?;
    stores.open(&location).map_err(fail)
}

fn topic_place(stores: &Stores, landing: &Place, topic: &str) -> Result<Place, IngestError> {
    let fail = |source| IngestError::Store {
        topic: topic.to_owned(),
        source: Box::new(source),
    };
    let location = landing.location.child(topic).map_err(fail)?;
    stores.open(&location).map_err(fail)
}

fn line_options(lines: &Lines) -> LineOptions {
    LineOptions {
        compression: lines.compression,
        roll_bytes: lines.roll_size,
        envelope: lines.envelope,
        event_time_field: Some(lines.event_time_field.clone()).filter(|field| !field.is_empty()),
    }
}

fn bounds(args: &IngestArgs) -> RunBounds {
    let endless = args.max_records.is_none() && args.max_bytes.is_none() && !args.until_caught_up;
    RunBounds {
        duration: args.duration.or(endless.then_some(DEFAULT_DURATION)),
        records: args.max_records,
        bytes: args.max_bytes,
        until_caught_up: args.until_caught_up,
        follow: args.follow,
        until: None,
    }
}

async fn ingest(
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
        begin: begin_at,
        accept_data_loss: args.accept_data_loss,
        lines: line_options(&args.lines),
        bounds: bounds(&args),
        timeout: args.brokers.timeout,
    });
    let stores = stores();
    let landing = landing(&stores, &args.common.output)?;
    let stop = Stop::on_signals().map_err(|source| IngestError::Process { source })?;
    let mut runs = Vec::new();
    for topic in topics {
        let place = topic_place(&stores, &landing, &topic)?;
        let run = ingest_topic(Arc::clone(&options), topic, place, stop.clone());
        runs.push(tokio::spawn(run));
    }
    let ended = tokio::select! {
        ended = join_all(runs) => ended,
        () = stop.now.cancelled() => return Err(IngestError::Killed),
    };
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
                topic: "*".to_owned(),
                problem: "the task of a topic ended early",
            }),
        }
    }
    match args.common.format {
        Format::Json => print_json(console, &reports),
        Format::Text => reports
            .iter()
            .for_each(|report| console.out(&report.line())),
    }
    // The worst error decides the exit code; the others are printed too.
    errors.sort_by_key(IngestError::exit);
    let gravest = errors.pop();
    errors.iter().for_each(|error| say(console, error));
    gravest.map_or(Ok(()), Err)
}

async fn show(
    args: StatusArgs,
    kafka: KafkaSettings,
    console: &Console,
) -> Result<(), IngestError> {
    let stores = stores();
    let landing = landing(&stores, &args.common.output)?;
    // Brokers that do not answer must not make a status slow.
    let timeout = args.brokers.timeout.min(Duration::from_secs(10));
    let all = status(
        &stores,
        &landing,
        &args.topic,
        &kafka,
        args.lateness,
        timeout,
    )
    .await?;
    let all = some(all, &landing)?;
    match args.common.format {
        Format::Json => print_json(console, &all),
        Format::Text if args.watermark => {
            for topic in &all {
                let hour = topic.watermark.map(full_hour);
                let hour = hour.map_or_else(|| "unknown".to_owned(), status::time);
                console.out(&format!("{} {hour}", topic.topic));
            }
        }
        Format::Text => all.iter().for_each(|topic| console.out(&topic.text())),
    }
    match args.complete_to {
        Some(wanted) => complete(&all, wanted),
        None => Ok(()),
    }
}

fn complete(all: &[TopicStatus], wanted: DateTime<Utc>) -> Result<(), IngestError> {
    match all
        .iter()
        .find(|topic| topic.watermark.is_none_or(|known| known < wanted))
    {
        Some(topic) => Err(IngestError::NotComplete {
            topic: topic.topic.clone(),
            wanted: status::time(wanted),
            known: topic
                .watermark
                .map_or_else(|| "nothing is known".to_owned(), status::time),
        }),
        None => Ok(()),
    }
}

async fn names(landing: &Place, given: &[String]) -> Result<Vec<String>, IngestError> {
    if given.is_empty() {
        return some(status::topics(landing).await?, landing);
    }
    Ok(given.to_vec())
}

/// Fails when there is no topic: a check of nothing must not succeed.
fn some<T>(found: Vec<T>, landing: &Place) -> Result<Vec<T>, IngestError> {
    match found.is_empty() {
        false => Ok(found),
        true => Err(IngestError::NoLedger {
            location: landing.location.to_string(),
        }),
    }
}

async fn check(
    args: VerifyArgs,
    kafka: KafkaSettings,
    console: &Console,
) -> Result<(), IngestError> {
    let stores = stores();
    let landing = landing(&stores, &args.common.output)?;
    let broker = args.broker.then_some((&kafka, args.brokers.timeout));
    let mut all = Vec::new();
    for topic in names(&landing, &args.topic).await? {
        all.push(verify(&stores, &landing, &topic, broker).await?);
    }
    match args.common.format {
        Format::Json => print_json(console, &all),
        Format::Text => all
            .iter()
            .for_each(|verified| console.out(&verified.text())),
    }
    match all.iter().map(|verified| verified.problems.len()).sum() {
        0 => Ok(()),
        problems => Err(IngestError::Damaged { problems }),
    }
}

async fn again(
    args: ReplayArgs,
    kafka: KafkaSettings,
    console: &Console,
) -> Result<(), IngestError> {
    let stores = stores();
    let landing = landing(&stores, &args.output)?;
    let place = topic_place(&stores, &landing, &args.topic)?;
    let stop = Stop::on_signals().map_err(|source| IngestError::Process { source })?;
    let request = replay::Request {
        topic: args.topic,
        from: args.from,
        to: args.to,
        kafka,
        lines: line_options(&args.lines),
        timeout: args.brokers.timeout,
    };
    let report = replay(request, place, stop).await?;
    match args.format {
        Format::Json => print_json(console, &report),
        Format::Text => console.out(&report.line()),
    }
    Ok(())
}

async fn collect(args: CollectArgs, console: &Console) -> Result<(), IngestError> {
    let Common { output, format, .. } = args.common;
    let stores = stores();
    let landing = landing(&stores, &output)?;
    let mut all = std::collections::BTreeMap::new();
    let topics = match args.topic.is_empty() {
        true => status::topics(&landing).await?,
        false => args.topic,
    };
    for topic in topics {
        let (landed, newest) = open(&stores, &landing, &topic).await?;
        let removed = orphans::collect(
            landed.place(),
            landed.ledger(),
            &newest,
            orphans::Depth::All,
        )
        .await?;
        all.insert(topic, removed);
    }
    match format {
        Format::Json => print_json(console, &all),
        Format::Text => {
            for (topic, removed) in all {
                let removed = count(removed as u64, "orphan");
                console.out(&format!("{topic}: {removed} deleted"));
            }
        }
    }
    Ok(())
}
