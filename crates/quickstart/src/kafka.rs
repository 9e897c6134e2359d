//! The first half of the pipeline: sends events to a broker in this process and
//! ingests them into landing files.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use rdkafka::mocking::MockCluster;
use sluice_ingest::{IngestError, IngestOptions, RunBounds, TopicReport, ingest_topic};
use sluice_service::format::count;
use sluice_service::kafka::KafkaSettings;
use sluice_service::signals::Stop;
use sluice_storage::{StoreOptions, Stores};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

const PARTITIONS: i32 = 3;

/// The maximum of events per second: the broker drops records that ingest reads too
/// slowly.
const RATE: &str = "20000";

/// How often ingest commits while events arrive.
const BATCH: Duration = Duration::from_secs(2);

/// How long the broker may take to answer.
const TIMEOUT: Duration = Duration::from_secs(20);

/// The events of one topic.
pub(crate) struct Events<'a> {
    /// The events' name on the command line of `produce-events`.
    pub(crate) kind: &'a str,
    pub(crate) topic: &'a str,
    pub(crate) count: u64,
}

/// Sends events to a broker in this process and ingests them into `landing`. The
/// folder does not exist before, and appears only when it is complete. Returns the
/// exit code of the program that failed, or 0.
pub(crate) fn land(
    events: &[Events<'_>],
    landing: &Path,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    let parent = landing.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
    // Left by a quickstart that was killed; its broker no longer exists.
    let making = landing.with_extension("unfinished");
    if making.exists() {
        fs::remove_dir_all(&making)
            .with_context(|| format!("cannot remove {}", making.display()))?;
    }
    let kafka = MockCluster::new(1).context("cannot start a broker in this process")?;
    for events in events {
        kafka
            .create_topic(events.topic, PARTITIONS, 1)
            .with_context(|| format!("cannot create topic {}", events.topic))?;
    }
    let brokers = kafka.bootstrap_servers();
    writeln!(
        out,
        "Kafka is librdkafka's mock broker in this process, at {brokers}: in memory only, and it
keeps the last 5 MiB or 100,000 messages of a partition, so ingest runs at the same time as the
producers\n"
    )?;
    let code = through(events, &brokers, &making, out)?;
    if code == 0 {
        fs::rename(&making, landing).with_context(|| {
            format!(
                "cannot move {} to {}; if that folder is not empty, choose another one with --data",
                making.display(),
                landing.display()
            )
        })?;
    }
    Ok(code)
}

fn through(
    events: &[Events<'_>],
    brokers: &str,
    landing: &Path,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context("cannot start threads")?;
    let follow = RunBounds {
        duration: Some(BATCH),
        follow: true,
        ..RunBounds::default()
    };
    let stop = Stop::new();
    let beside = ingest(&runtime, events, brokers, landing, &follow, &stop)?;
    let mut code = 0;
    for events in events {
        if code == 0 {
            code = produce(events, brokers, out)?;
        }
    }
    stop.drain.cancel();
    let mut reports = finish(&runtime, beside)?;
    if code != 0 {
        return Ok(code);
    }
    // Events that arrived after the last batch.
    let rest = RunBounds {
        until_caught_up: true,
        ..RunBounds::default()
    };
    let rest = ingest(&runtime, events, brokers, landing, &rest, &Stop::new())?;
    reports.extend(finish(&runtime, rest)?);
    writeln!(out, "\nIngested:")?;
    for events in events {
        let of_topic = || reports.iter().filter(|report| report.topic == events.topic);
        let sum = |of: fn(&TopicReport) -> u64| of_topic().map(of).sum::<u64>();
        writeln!(
            out,
            "  {}: {}, {} in {}",
            events.topic,
            count(sum(|report| report.rows), "row"),
            count(sum(|report| report.rejects), "reject"),
            count(sum(|report| report.files), "file"),
        )?;
    }
    Ok(0)
}

fn produce(events: &Events<'_>, brokers: &str, out: &mut impl Write) -> anyhow::Result<u8> {
    let count = events.count.to_string();
    let args = [
        events.kind,
        "--bulk",
        "--count",
        &count,
        "--rate",
        RATE,
        // Some of the dirty data of real topics: messages sent twice, messages that
        // are not events.
        "--duplicate-permille",
        "10",
        "--malformed-permille",
        "6",
        "--seed",
        "1",
        "--bootstrap-servers",
        brokers,
        "--no-progress",
    ];
    writeln!(out, "produce-events {}", args.join(" "))?;
    out.flush()?;
    let args = std::iter::once("produce-events").chain(args);
    Ok(sluice_producers::run(args.map(OsString::from)))
}

type Ingest = JoinHandle<(TopicReport, Result<(), IngestError>)>;

fn ingest(
    runtime: &Runtime,
    events: &[Events<'_>],
    brokers: &str,
    landing: &Path,
    bounds: &RunBounds,
    stop: &Stop,
) -> anyhow::Result<Vec<Ingest>> {
    let options = Arc::new(IngestOptions {
        kafka: KafkaSettings::new(brokers),
        bounds: bounds.clone(),
        timeout: TIMEOUT,
        ..IngestOptions::default()
    });
    let stores = Stores::new(StoreOptions::new());
    let path = landing.to_str().ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            "the data folder's path is not UTF-8; choose another one with --data",
        )
    })?;
    let landing = stores.location(path)?;
    let _inside = runtime.enter();
    let mut running = Vec::new();
    for events in events {
        let place = stores.open(&landing.child(events.topic)?)?;
        let topic = events.topic.to_owned();
        running.push(runtime.spawn(ingest_topic(
            Arc::clone(&options),
            topic,
            place,
            stop.clone(),
        )));
    }
    Ok(running)
}

fn finish(runtime: &Runtime, running: Vec<Ingest>) -> anyhow::Result<Vec<TopicReport>> {
    let mut reports = Vec::new();
    for run in running {
        match runtime.block_on(run) {
            Ok((report, Ok(()))) => reports.push(report),
            Ok((_, Err(error))) => return Err(anyhow!(error)),
            Err(error) => bail!("ingest ended early: {error}"),
        }
    }
    Ok(reports)
}
