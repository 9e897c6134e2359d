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
use rdkafka::producer::DefaultProducerContext;
use sluice_ingest::{IngestError, IngestOptions, RunLimits, TopicReport, ingest_topic};
use sluice_service::format::format_count;
use sluice_service::kafka::KafkaSettings;
use sluice_service::signals::StopSignal;
use sluice_storage::{StoreOptions, Stores};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

const PARTITIONS: i32 = 3;

/// The maximum of events per second: the broker drops records that ingest reads too
/// slowly.
const EVENTS_PER_SECOND: &str = "20000";

/// How often ingest commits while events arrive.
const BATCH_DURATION: Duration = Duration::from_secs(2);

/// How long the broker may take to answer.
const BROKER_TIMEOUT: Duration = Duration::from_secs(20);

/// The events of one topic.
pub(crate) struct SampleTopic<'a> {
    /// The events' name on the command line of `produce-events`.
    pub(crate) kind: &'a str,
    pub(crate) topic: &'a str,
    pub(crate) count: u64,
}

/// A broker in this process.
pub(crate) struct SampleBroker {
    kafka: MockCluster<'static, DefaultProducerContext>,
}

impl SampleBroker {
    /// Starts a broker with these topics.
    pub(crate) fn start(events: &[SampleTopic<'_>], out: &mut impl Write) -> anyhow::Result<Self> {
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
        Ok(Self { kafka })
    }

    /// Sends events and ingests them into `landing`. The folder does not exist before,
    /// and appears only when it is complete. Returns the exit code of the program that
    /// failed, or 0.
    pub(crate) fn land_first_window(
        &self,
        events: &[SampleTopic<'_>],
        landing: &Path,
        out: &mut impl Write,
    ) -> anyhow::Result<u8> {
        let parent = landing.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(parent)
            .with_context(|| format!("cannot create {}", parent.display()))?;
        // Left by a quickstart that was killed; its broker no longer exists.
        let unfinished = landing.with_extension("unfinished");
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished)
                .with_context(|| format!("cannot remove {}", unfinished.display()))?;
        }
        let code = self.land_window(events, "1", &unfinished, out)?;
        if code == 0 {
            fs::rename(&unfinished, landing).with_context(|| {
                format!(
                    "cannot move {} to {}; if that folder is not empty, choose another one with --data",
                    unfinished.display(),
                    landing.display()
                )
            })?;
        }
        Ok(code)
    }

    /// Sends events that `seed` decides and ingests them into `landing`. Returns as
    /// [`Self::land_first_window`].
    pub(crate) fn land_window(
        &self,
        events: &[SampleTopic<'_>],
        seed: &str,
        landing: &Path,
        out: &mut impl Write,
    ) -> anyhow::Result<u8> {
        let brokers = self.kafka.bootstrap_servers();
        produce_and_ingest(events, &brokers, seed, landing, out)
    }
}

fn produce_and_ingest(
    events: &[SampleTopic<'_>],
    brokers: &str,
    seed: &str,
    landing: &Path,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context("cannot start threads")?;
    let follow_bounds = RunLimits {
        duration: Some(BATCH_DURATION),
        follow: true,
        ..RunLimits::default()
    };
    let stop = StopSignal::new();
    let running = start_ingest(&runtime, events, brokers, landing, &follow_bounds, &stop)?;
    let mut code = 0;
    for events in events {
        if code == 0 {
            code = run_producer(events, brokers, seed, out)?;
        }
    }
    stop.drain.cancel();
    let mut reports = collect_reports(&runtime, running)?;
    if code != 0 {
        return Ok(code);
    }
    // Events that arrived after the last batch.
    let rest = RunLimits {
        until_caught_up: true,
        ..RunLimits::default()
    };
    let rest = start_ingest(
        &runtime,
        events,
        brokers,
        landing,
        &rest,
        &StopSignal::new(),
    )?;
    reports.extend(collect_reports(&runtime, rest)?);
    writeln!(out, "\nIngested:")?;
    for events in events {
        let of_topic = || reports.iter().filter(|report| report.topic == events.topic);
        let sum = |of: fn(&TopicReport) -> u64| of_topic().map(of).sum::<u64>();
        writeln!(
            out,
            "  {}: {}, {} in {}",
            events.topic,
            format_count(sum(|report| report.rows), "row"),
            format_count(sum(|report| report.rejects), "reject"),
            format_count(sum(|report| report.files), "file"),
        )?;
    }
    Ok(0)
}

fn run_producer(
    events: &SampleTopic<'_>,
    brokers: &str,
    seed: &str,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    let count = events.count.to_string();
    let args = [
        events.kind,
        "--bulk",
        "--count",
        &count,
        "--rate",
        EVENTS_PER_SECOND,
        // Some of the dirty data of real topics: messages sent twice, messages that
        // are not events.
        "--duplicate-permille",
        "10",
        "--malformed-permille",
        "6",
        "--seed",
        seed,
        "--bootstrap-servers",
        brokers,
        "--no-progress",
    ];
    writeln!(out, "produce-events {}", args.join(" "))?;
    out.flush()?;
    let args = std::iter::once("produce-events").chain(args);
    Ok(sluice_producers::run(args.map(OsString::from)))
}

type IngestHandle = JoinHandle<(TopicReport, Result<(), IngestError>)>;

fn start_ingest(
    runtime: &Runtime,
    events: &[SampleTopic<'_>],
    brokers: &str,
    landing: &Path,
    bounds: &RunLimits,
    stop: &StopSignal,
) -> anyhow::Result<Vec<IngestHandle>> {
    let options = Arc::new(IngestOptions {
        kafka: KafkaSettings::new(brokers),
        limits: bounds.clone(),
        timeout: BROKER_TIMEOUT,
        ..IngestOptions::default()
    });
    let stores = Stores::new(StoreOptions::new());
    let path = landing.to_str().ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            "the data folder's path is not UTF-8; choose another one with --data",
        )
    })?;
    let landing = stores.parse_location(path)?;
    let _inside = runtime.enter();
    let mut running = Vec::new();
    for events in events {
        let topic_folder = stores.open(&landing.child(events.topic)?)?;
        let topic = events.topic.to_owned();
        running.push(runtime.spawn(ingest_topic(
            Arc::clone(&options),
            topic,
            topic_folder,
            stop.clone(),
        )));
    }
    Ok(running)
}

fn collect_reports(
    runtime: &Runtime,
    running: Vec<IngestHandle>,
) -> anyhow::Result<Vec<TopicReport>> {
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
