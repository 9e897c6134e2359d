//! Reads one batch: polls until its window closes, and writes durable files.
//!
//! Runs on its own thread, because everything here blocks.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use rdkafka::types::RDKafkaErrorCode;
use sluice_service::crash;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::IngestError;
use crate::gather::{Gather, LineOptions};
use crate::kafka::{Consumer, KafkaError, Polled};
use crate::output::Folder;
use crate::progress::Meter;
use crate::window::{Bounds, Event, Window};
use crate::writer::Writer;
use sluice_landing::{Closed, Range};

/// How long a poll waits, which is also how late a request to stop is seen.
const WAIT: Duration = Duration::from_millis(100);

/// After this long without an event, the brokers may be lost.
const SILENT: Duration = Duration::from_secs(5);

/// How long to wait for a broker's answer to a probe. Short, because a request
/// to stop is not seen meanwhile.
const PROBE: Duration = Duration::from_secs(1);

/// What one batch is to read.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    pub(crate) batch_id: Uuid,
    pub(crate) folder: Folder,
    pub(crate) lines: LineOptions,
    /// The first offset of each partition that this process reads.
    pub(crate) start: BTreeMap<i32, i64>,
    pub(crate) bounds: Bounds,
}

/// What one batch has read.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) ranges: Vec<Range>,
    /// The offset after the last one that was read, by partition.
    pub(crate) next: BTreeMap<i32, i64>,
    /// Bytes of the accepted values.
    pub(crate) bytes: u64,
    pub(crate) closed: Closed,
    /// Partitions that the broker confirmed, after the last poll, to be read to
    /// their end; with the time just before the question.
    pub(crate) caught_up: BTreeMap<i32, DateTime<Utc>>,
    /// Whether the consumer has delivered more than the batch accepted, so that it
    /// needs a new assignment.
    pub(crate) ahead: bool,
    /// An error of the brokers. What was read before it is valid.
    pub(crate) trouble: Option<KafkaError>,
}

/// The state of the polling loop, except for the window's.
#[derive(Default)]
struct Progress {
    /// Partitions whose latest event was their end.
    at_end: BTreeSet<i32>,
    /// Partitions of which records were skipped because they lie after the end
    /// of the batch.
    cut: BTreeSet<i32>,
    /// Partitions that had an event in this batch.
    heard_of: BTreeSet<i32>,
    /// An error code after which reading cannot continue.
    broken: Option<RDKafkaErrorCode>,
    writer_gone: bool,
    heard: Option<Instant>,
    probed: Option<Instant>,
    /// Whether no broker answered the last probe.
    alone: bool,
}

impl Progress {
    /// After a while without events, asks a broker for an answer and logs the
    /// result, because the client library retries without logging.
    fn probe(
        &mut self,
        consumer: &Consumer,
        start: &BTreeMap<i32, i64>,
        window: &Window,
        elapsed: Duration,
    ) {
        let last = self.heard.max(self.probed);
        let due = last.is_none_or(|last| last.elapsed() >= SILENT);
        let Some(&partition) = start.keys().next() else {
            return;
        };
        if !due || window.patience(elapsed, PROBE) < PROBE {
            return;
        }
        let answer = consumer.watermarks_within(partition, PROBE);
        self.probed = Some(Instant::now());
        match answer {
            Ok(_) if self.alone => {
                self.alone = false;
                tracing::info!(topic = consumer.topic, "the brokers answer again");
            }
            Err(error) if !self.alone => {
                self.alone = true;
                tracing::warn!(topic = consumer.topic, %error, "no broker answers, retrying");
            }
            _ => {}
        }
    }
}

/// Reads until the window closes. The files are durable when this returns.
pub(crate) fn read(
    consumer: &Consumer,
    task: Task,
    stop: &CancellationToken,
    meter: &Meter,
) -> Result<Read, IngestError> {
    let topic = consumer.topic.clone();
    let mut feed = consumer.feed().ok_or_else(|| IngestError::Internal {
        topic: topic.clone(),
        problem: "the consumer has no queue",
    })?;
    let begun = Instant::now();
    let mut window = Window::new(task.bounds);
    for (&partition, &offset) in &task.start {
        window.on(Event::Reached { partition, offset }, Duration::ZERO);
    }
    let start = task.start;
    let writer = Writer::start(task.folder, topic.clone(), task.lines.compression);
    let mut gather = Gather::new(&topic, task.batch_id, task.lines, &start, writer);
    let mut progress = Progress {
        heard: Some(begun),
        ..Progress::default()
    };
    let closed = loop {
        let elapsed = begun.elapsed();
        let event = if stop.is_cancelled() {
            Event::Stop
        } else if progress.broken.is_some() {
            Event::Lost
        } else if consumer.is_grouped() && consumer.revoked() {
            Event::Rebalance
        } else {
            Event::Tick
        };
        if let Some(closed) = window.on(event, elapsed) {
            break closed;
        }
        let wait = window.patience(elapsed, WAIT);
        let count = feed.poll(wait, &mut |polled| {
            note(polled, &mut window, &mut gather, &mut progress, elapsed);
        });
        if progress.writer_gone {
            return Err(writer_error(gather, &topic));
        }
        meter.set(window.records(), window.bytes());
        if count > 0 {
            progress.heard = Some(Instant::now());
        } else {
            progress.probe(consumer, &start, &window, begun.elapsed());
            // Control records move the position without an event.
            settle(
                consumer,
                &mut window,
                &mut gather,
                &progress,
                begun.elapsed(),
            );
        }
    };
    drop(feed);
    settle(
        consumer,
        &mut window,
        &mut gather,
        &progress,
        begun.elapsed(),
    );
    let next = gather.next_offsets();
    let at_ends = closed == Closed::CaughtUp;
    let (caught_up, mut trouble) = ends(consumer, &next, &progress, at_ends);
    if let Some(code) = progress.broken {
        trouble = trouble.or(Some(consumer.broken(code)));
    }
    let ranges = gather.finish().map_err(|source| IngestError::Store {
        topic,
        source: Box::new(source),
    })?;
    crash::point("landing.5c");
    Ok(Read {
        ranges,
        next,
        bytes: window.bytes(),
        closed,
        caught_up,
        ahead: !progress.cut.is_empty() || progress.broken.is_some(),
        trouble,
    })
}

fn note(
    polled: Polled<'_>,
    window: &mut Window,
    gather: &mut Gather,
    progress: &mut Progress,
    elapsed: Duration,
) {
    match polled {
        Polled::Record(record) => {
            let partition = record.partition;
            if progress.writer_gone || !window.takes(partition, record.offset) {
                if let Some(end) = window.end(partition)
                    && !progress.writer_gone
                    && !progress.cut.contains(&partition)
                {
                    // The first record after the end: only control records and
                    // compacted offsets lie between.
                    gather.reached(partition, end);
                }
                progress.cut.insert(partition);
                let offset = record.offset;
                window.on(Event::Reached { partition, offset }, elapsed);
                return;
            }
            let bytes = record.value.map_or(0, <[u8]>::len) as u64;
            match gather.take(&record) {
                Ok(true) => {
                    if gather.records(partition) <= 1 {
                        progress.heard_of.insert(partition);
                    }
                    window.on(Event::Record { bytes }, elapsed);
                    let offset = record.offset.saturating_add(1);
                    window.on(Event::Reached { partition, offset }, elapsed);
                    if !progress.at_end.is_empty() {
                        progress.at_end.remove(&partition);
                    }
                }
                Ok(false) => {}
                Err(_) => progress.writer_gone = true,
            }
        }
        Polled::End { partition, offset } => {
            progress.at_end.insert(partition);
            progress.heard_of.insert(partition);
            if progress.cut.contains(&partition) {
                return;
            }
            if let Some(offset) = offset {
                gather.reached(partition, offset);
            }
            if let Some(offset) = gather.next(partition) {
                window.on(Event::Reached { partition, offset }, elapsed);
            }
        }
        Polled::Error {
            partition,
            code,
            text,
        } => {
            use RDKafkaErrorCode as Code;
            match code {
                Code::OffsetOutOfRange
                | Code::AutoOffsetReset
                | Code::LogTruncation
                | Code::UnknownTopicOrPartition
                | Code::UnknownTopic
                | Code::UnknownTopicId
                | Code::UnknownPartition
                | Code::TopicAuthorizationFailed => progress.broken = Some(code),
                _ => tracing::warn!(partition, %code, "{text}"),
            }
        }
    }
}

/// Advances a group member's partitions past its last records, to the consumer's
/// positions.
///
/// Partitions that are assigned by hand learn this from `Polled::End` instead,
/// and their position must not be used: librdkafka's position is one too far
/// when the partition's end arrived in one batch with messages. Also, for a
/// moment after an assignment the position is still that of the previous one, so
/// only partitions that had an event in this batch are advanced.
fn settle(
    consumer: &Consumer,
    window: &mut Window,
    gather: &mut Gather,
    progress: &Progress,
    elapsed: Duration,
) {
    if !consumer.is_grouped() {
        return;
    }
    for (partition, position) in consumer.positions() {
        if progress.cut.contains(&partition) || !progress.heard_of.contains(&partition) {
            continue;
        }
        gather.reached(partition, position);
        if let Some(offset) = gather.next(partition) {
            window.on(Event::Reached { partition, offset }, elapsed);
        }
    }
}

/// Asks the broker whether the partitions that seem to be at their end really
/// are. Asks for all of them if the batch closed because it caught up, or if
/// there were no events for a while. This also detects lost brokers, because
/// librdkafka retries without an error.
fn ends(
    consumer: &Consumer,
    next: &BTreeMap<i32, i64>,
    progress: &Progress,
    at_ends: bool,
) -> (BTreeMap<i32, DateTime<Utc>>, Option<KafkaError>) {
    let mut caught_up = BTreeMap::new();
    let silent = progress.heard.is_none_or(|heard| heard.elapsed() >= SILENT);
    let ask_all = silent || at_ends;
    for (&partition, &next) in next {
        if !ask_all && !progress.at_end.contains(&partition) {
            continue;
        }
        let asked = Utc::now();
        match consumer.watermarks(partition) {
            Ok(marks) if marks.high <= next => {
                caught_up.insert(partition, asked);
            }
            Ok(_) => {}
            Err(error) => return (caught_up, Some(error)),
        }
    }
    (caught_up, None)
}

fn writer_error(gather: Gather, topic: &str) -> IngestError {
    match gather.error() {
        Some(source) => IngestError::Store {
            topic: topic.to_owned(),
            source: Box::new(source),
        },
        None => IngestError::Internal {
            topic: topic.to_owned(),
            problem: "the writer ended early",
        },
    }
}
