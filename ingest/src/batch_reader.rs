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
use crate::batch_builder::{BatchBuilder, LineOptions};
use crate::batch_limits::{BatchEvent, BatchLimits, BatchWindow};
use crate::batch_writer::BatchWriter;
use crate::kafka::{KafkaError, Polled, TopicConsumer};
use crate::landing_file::TopicFolder;
use crate::progress::ReadCounters;
use sluice_landing::{CloseReason, LandedRange};

/// How long a poll waits, which is also how late a request to stop is seen.
const POLL_TIMEOUT: Duration = Duration::from_millis(100);

/// After this long without an event, the brokers may be lost.
const SILENCE_LIMIT: Duration = Duration::from_secs(5);

/// How long to wait for a broker's answer to a probe. Short, because a request
/// to stop is not seen meanwhile.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);

/// What one batch is to read.
#[derive(Debug, Clone)]
pub(crate) struct BatchRequest {
    pub(crate) batch_id: Uuid,
    pub(crate) folder: TopicFolder,
    pub(crate) line_options: LineOptions,
    /// The first offset of each partition that this process reads.
    pub(crate) start_offsets: BTreeMap<i32, i64>,
    pub(crate) limits: BatchLimits,
}

/// What one batch has read.
#[derive(Debug)]
pub(crate) struct BatchResult {
    pub(crate) ranges: Vec<LandedRange>,
    /// The offset after the last one that was read, by partition.
    pub(crate) next_offsets: BTreeMap<i32, i64>,
    /// Bytes of the accepted values.
    pub(crate) value_bytes: u64,
    pub(crate) close_reason: CloseReason,
    /// Partitions that the broker confirmed, after the last poll, to be read to
    /// their end; with the time just before the question.
    pub(crate) caught_up: BTreeMap<i32, DateTime<Utc>>,
    /// Whether the consumer has delivered more than the batch accepted, so that it
    /// needs a new assignment.
    pub(crate) needs_reassignment: bool,
    /// An error of the brokers. What was read before it is valid.
    pub(crate) kafka_error: Option<KafkaError>,
}

/// The state of the polling loop, except for the window's.
#[derive(Default)]
struct PollState {
    /// Partitions whose latest event was their end.
    at_end: BTreeSet<i32>,
    /// Partitions of which records were skipped because they lie after the end
    /// of the batch.
    truncated: BTreeSet<i32>,
    /// Partitions that had an event in this batch.
    active: BTreeSet<i32>,
    /// An error code after which reading cannot continue.
    fatal_code: Option<RDKafkaErrorCode>,
    writer_failed: bool,
    last_event_at: Option<Instant>,
    last_probe_at: Option<Instant>,
    /// Whether no broker answered the last probe.
    brokers_silent: bool,
}

impl PollState {
    /// After a while without events, asks a broker for an answer and logs the
    /// result, because the client library retries without logging.
    fn probe_brokers(
        &mut self,
        consumer: &TopicConsumer,
        start: &BTreeMap<i32, i64>,
        window: &BatchWindow,
        elapsed: Duration,
    ) {
        let last = self.last_event_at.max(self.last_probe_at);
        let due = last.is_none_or(|last| last.elapsed() >= SILENCE_LIMIT);
        let Some(&partition) = start.keys().next() else {
            return;
        };
        if !due || window.max_wait(elapsed, PROBE_TIMEOUT) < PROBE_TIMEOUT {
            return;
        }
        let answer = consumer.offset_bounds_within(partition, PROBE_TIMEOUT);
        self.last_probe_at = Some(Instant::now());
        match answer {
            Ok(_) if self.brokers_silent => {
                self.brokers_silent = false;
                tracing::info!(topic = consumer.topic, "the brokers answer again");
            }
            Err(error) if !self.brokers_silent => {
                self.brokers_silent = true;
                tracing::warn!(topic = consumer.topic, %error, "no broker answers, retrying");
            }
            _ => {}
        }
    }
}

/// Reads until the window closes. The files are durable when this returns.
pub(crate) fn read_batch(
    consumer: &TopicConsumer,
    request: BatchRequest,
    stop: &CancellationToken,
    counters: &ReadCounters,
) -> Result<BatchResult, IngestError> {
    let topic = consumer.topic.clone();
    let mut record_feed = consumer.open_feed().ok_or_else(|| IngestError::Internal {
        topic: topic.clone(),
        problem: "the consumer has no queue",
    })?;
    let started_at = Instant::now();
    let mut window = BatchWindow::new(request.limits);
    for (&partition, &offset) in &request.start_offsets {
        window.record_event(BatchEvent::Reached { partition, offset }, Duration::ZERO);
    }
    let start = request.start_offsets;
    let writer = BatchWriter::start_thread(
        request.folder,
        topic.clone(),
        request.line_options.compression,
    );
    let mut builder = BatchBuilder::new(
        &topic,
        request.batch_id,
        request.line_options,
        &start,
        writer,
    );
    let mut poll_state = PollState {
        last_event_at: Some(started_at),
        ..PollState::default()
    };
    let closed = loop {
        let elapsed = started_at.elapsed();
        let event = if stop.is_cancelled() {
            BatchEvent::Stop
        } else if poll_state.fatal_code.is_some() {
            BatchEvent::Lost
        } else if consumer.is_grouped() && consumer.take_revocation() {
            BatchEvent::Rebalance
        } else {
            BatchEvent::Tick
        };
        if let Some(closed) = window.record_event(event, elapsed) {
            break closed;
        }
        let wait = window.max_wait(elapsed, POLL_TIMEOUT);
        let count = record_feed.poll(wait, &mut |polled| {
            handle_polled(polled, &mut window, &mut builder, &mut poll_state, elapsed);
        });
        if poll_state.writer_failed {
            return Err(writer_error(builder, &topic));
        }
        counters.set_counts(window.records(), window.bytes());
        if count > 0 {
            poll_state.last_event_at = Some(Instant::now());
        } else {
            poll_state.probe_brokers(consumer, &start, &window, started_at.elapsed());
            // Control records move the position without an event.
            advance_to_positions(
                consumer,
                &mut window,
                &mut builder,
                &poll_state,
                started_at.elapsed(),
            );
        }
    };
    drop(record_feed);
    advance_to_positions(
        consumer,
        &mut window,
        &mut builder,
        &poll_state,
        started_at.elapsed(),
    );
    let next = builder.next_offsets();
    let at_ends = closed == CloseReason::CaughtUp;
    let (caught_up, mut kafka_error) = confirm_end_offsets(consumer, &next, &poll_state, at_ends);
    if let Some(code) = poll_state.fatal_code {
        kafka_error = kafka_error.or(Some(consumer.consume_error(code)));
    }
    let ranges = builder
        .finish_batch()
        .map_err(|source| IngestError::Store {
            topic,
            source: Box::new(source),
        })?;
    crash::reach_point("landing.5c");
    Ok(BatchResult {
        ranges,
        next_offsets: next,
        value_bytes: window.bytes(),
        close_reason: closed,
        caught_up,
        needs_reassignment: !poll_state.truncated.is_empty() || poll_state.fatal_code.is_some(),
        kafka_error,
    })
}

fn handle_polled(
    polled: Polled<'_>,
    window: &mut BatchWindow,
    builder: &mut BatchBuilder,
    poll_state: &mut PollState,
    elapsed: Duration,
) {
    match polled {
        Polled::Record(record) => {
            let partition = record.partition;
            if poll_state.writer_failed || !window.accepts(partition, record.offset) {
                if let Some(end) = window.target_offset(partition)
                    && !poll_state.writer_failed
                    && !poll_state.truncated.contains(&partition)
                {
                    // The first record after the end: only control records and
                    // compacted offsets lie between.
                    builder.advance_to(partition, end);
                }
                poll_state.truncated.insert(partition);
                let offset = record.offset;
                window.record_event(BatchEvent::Reached { partition, offset }, elapsed);
                return;
            }
            let bytes = record.value.map_or(0, <[u8]>::len) as u64;
            match builder.add_record(&record) {
                Ok(true) => {
                    if builder.records_in_open_range(partition) <= 1 {
                        poll_state.active.insert(partition);
                    }
                    window.record_event(BatchEvent::Record { bytes }, elapsed);
                    let offset = record.offset.saturating_add(1);
                    window.record_event(BatchEvent::Reached { partition, offset }, elapsed);
                    if !poll_state.at_end.is_empty() {
                        poll_state.at_end.remove(&partition);
                    }
                }
                Ok(false) => {}
                Err(_) => poll_state.writer_failed = true,
            }
        }
        Polled::End { partition, offset } => {
            poll_state.at_end.insert(partition);
            poll_state.active.insert(partition);
            if poll_state.truncated.contains(&partition) {
                return;
            }
            if let Some(offset) = offset {
                builder.advance_to(partition, offset);
            }
            if let Some(offset) = builder.next_offset(partition) {
                window.record_event(BatchEvent::Reached { partition, offset }, elapsed);
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
                | Code::TopicAuthorizationFailed => poll_state.fatal_code = Some(code),
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
fn advance_to_positions(
    consumer: &TopicConsumer,
    window: &mut BatchWindow,
    builder: &mut BatchBuilder,
    poll_state: &PollState,
    elapsed: Duration,
) {
    if !consumer.is_grouped() {
        return;
    }
    for (partition, position) in consumer.positions() {
        if poll_state.truncated.contains(&partition) || !poll_state.active.contains(&partition) {
            continue;
        }
        builder.advance_to(partition, position);
        if let Some(offset) = builder.next_offset(partition) {
            window.record_event(BatchEvent::Reached { partition, offset }, elapsed);
        }
    }
}

/// Asks the broker whether the partitions that seem to be at their end really
/// are. Asks for all of them if the batch closed because it caught up, or if
/// there were no events for a while. This also detects lost brokers, because
/// librdkafka retries without an error.
fn confirm_end_offsets(
    consumer: &TopicConsumer,
    next: &BTreeMap<i32, i64>,
    poll_state: &PollState,
    at_ends: bool,
) -> (BTreeMap<i32, DateTime<Utc>>, Option<KafkaError>) {
    let mut caught_up = BTreeMap::new();
    let silent = poll_state
        .last_event_at
        .is_none_or(|heard| heard.elapsed() >= SILENCE_LIMIT);
    let ask_all = silent || at_ends;
    for (&partition, &next) in next {
        if !ask_all && !poll_state.at_end.contains(&partition) {
            continue;
        }
        let asked_at = Utc::now();
        match consumer.offset_bounds(partition) {
            Ok(marks) if marks.high <= next => {
                caught_up.insert(partition, asked_at);
            }
            Ok(_) => {}
            Err(error) => return (caught_up, Some(error)),
        }
    }
    (caught_up, None)
}

fn writer_error(builder: BatchBuilder, topic: &str) -> IngestError {
    match builder.into_writer_error() {
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
