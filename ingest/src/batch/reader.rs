//! Reads one batch: polls until its window closes, and writes durable files.
//!
//! Runs on its own thread, because everything here blocks.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use rdkafka::types::RDKafkaErrorCode;
use sluice_landing::{CloseReason, LandingFileName};
use sluice_service::crash;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::broker_probe::BrokerProbe;
use super::builder::{BatchBuilder, LineOptions};
use super::draft::BatchContent;
use super::landing_file::TopicFolder;
use super::limits::{BatchEvent, BatchLimits};
use super::progress::ReadCounters;
use super::state::{Admission, BatchState};
use super::writer::{BatchWriter, WriterFailed};
use crate::IngestError;
use crate::error::ForTopic as _;
use crate::kafka::{KafkaError, Polled, Record, RecordFeed, TopicConsumer};

/// How long a poll waits, which is also how late a request to stop is seen.
const POLL_TIMEOUT: Duration = Duration::from_millis(100);

/// How often the client library's log is read.
const LOG_INTERVAL: Duration = Duration::from_millis(100);

/// How long to wait for a broker's answer to a probe. Short, because records are not read
/// meanwhile.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);

/// How long to wait for the ends of the partitions when a batch is finished.
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(5);

/// How often they are asked for: the brokers or this process may have been held up, and
/// an unanswered question fails the run.
const CONFIRM_ATTEMPTS: u32 = 3;

/// What one batch is to read.
#[derive(Debug)]
pub(crate) struct BatchRequest {
    pub(crate) batch_id: Uuid,
    pub(crate) folder: TopicFolder,
    pub(crate) line_options: LineOptions,
    /// The first offset of each partition that this process reads.
    pub(crate) start_offsets: BTreeMap<i32, i64>,
    pub(crate) limits: BatchLimits,
    pub(crate) stop: CancellationToken,
    pub(crate) counters: Arc<ReadCounters>,
}

/// A batch whose files are durable.
#[derive(Debug)]
pub(crate) struct BatchResult {
    pub(crate) content: BatchContent,
    pub(crate) end: BatchEnd,
    /// The topic's id that a broker reported after everything was read.
    pub(crate) topic_id: Option<String>,
}

/// How a batch ended: what decides what the run does next.
#[derive(Debug)]
pub(crate) struct BatchEnd {
    pub(crate) close_reason: CloseReason,
    /// The offset after the last one that was read, by partition.
    pub(crate) next_offsets: BTreeMap<i32, i64>,
    /// Lines and rejects together.
    pub(crate) records: u64,
    /// Bytes of the accepted values.
    pub(crate) value_bytes: u64,
    /// Whether the consumer has delivered more than the batch accepted, so that it
    /// needs a new assignment.
    pub(crate) needs_reassignment: bool,
    /// An error of the brokers. What was read before it is valid.
    pub(crate) kafka_error: Option<KafkaError>,
}

/// Reads until the window closes. The files are durable when this returns.
pub(crate) fn read_batch(
    consumer: &TopicConsumer,
    request: BatchRequest,
) -> Result<BatchResult, IngestError> {
    let mut feed = consumer.open_feed().ok_or_else(|| IngestError::Internal {
        topic: consumer.topic.clone(),
        problem: "the consumer has no queue",
    })?;
    let mut reader = BatchReader::new(consumer, request);
    let close_reason = match reader.poll_until_closed(&mut feed) {
        Ok(close_reason) => close_reason,
        Err(WriterFailed) => return Err(reader.into_writer_error()),
    };
    drop(feed);
    reader.advance_to_positions();
    reader.finish_batch(close_reason)
}

/// A batch that is being read.
struct BatchReader<'c> {
    consumer: &'c TopicConsumer,
    stop: CancellationToken,
    counters: Arc<ReadCounters>,
    started_at: Instant,
    state: BatchState,
    builder: BatchBuilder,
    probe: BrokerProbe,
    /// The topic's id that a broker reported, and what had been read then.
    seen_id: Option<(String, BTreeMap<i32, i64>)>,
    /// An error code after which reading cannot continue.
    fatal_code: Option<RDKafkaErrorCode>,
    writer_failed: bool,
}

impl<'c> BatchReader<'c> {
    fn new(consumer: &'c TopicConsumer, request: BatchRequest) -> Self {
        let topic = &consumer.topic;
        let started_at = Instant::now();
        let mut state = BatchState::new(request.limits);
        for (&partition, &offset) in &request.start_offsets {
            state.advance(partition, offset, Duration::ZERO);
        }
        let writer = BatchWriter::start_thread(
            request.folder,
            LandingFileName::topic_part(topic).to_owned(),
            request.line_options.compression,
        );
        let builder = BatchBuilder::new(
            topic,
            request.batch_id,
            request.line_options,
            &request.start_offsets,
            writer,
        );
        Self {
            consumer,
            stop: request.stop,
            counters: request.counters,
            started_at,
            state,
            builder,
            probe: BrokerProbe::new(started_at),
            seen_id: None,
            fatal_code: None,
            writer_failed: false,
        }
    }

    fn poll_until_closed(
        &mut self,
        feed: &mut RecordFeed<'_>,
    ) -> Result<CloseReason, WriterFailed> {
        let mut next_log = Duration::ZERO;
        loop {
            let elapsed = self.started_at.elapsed();
            if elapsed >= next_log {
                self.consumer.read_client_log();
                next_log = elapsed + LOG_INTERVAL;
            }
            let event = self.next_event();
            if let Some(close_reason) = self.state.record_event(event, elapsed) {
                return Ok(close_reason);
            }
            let wait = self.state.window().max_wait(elapsed, POLL_TIMEOUT);
            self.builder.set_now(Utc::now());
            let count = feed.poll(wait, &mut |polled| self.handle_polled(polled, elapsed));
            if self.writer_failed {
                return Err(WriterFailed);
            }
            let window = self.state.window();
            self.counters.set_counts(window.records(), window.bytes());
            if count > 0 {
                self.probe.on_event(Instant::now());
                self.consumer.log_answer();
            } else {
                self.probe_brokers();
                // Control records move the position without an event.
                self.advance_to_positions();
            }
        }
    }

    /// What has happened apart from the records.
    fn next_event(&self) -> BatchEvent {
        if self.stop.is_cancelled() {
            BatchEvent::Stop
        } else if self.fatal_code.is_some() {
            BatchEvent::Lost
        } else if self.consumer.is_grouped() && self.consumer.take_revocation() {
            BatchEvent::Rebalance
        } else {
            BatchEvent::Tick
        }
    }

    fn handle_polled(&mut self, polled: Polled<'_>, elapsed: Duration) {
        match polled {
            Polled::Record(record) => self.handle_record(&record, elapsed),
            Polled::End { partition, offset } => self.handle_end(partition, offset, elapsed),
            Polled::Error {
                partition,
                code,
                text,
            } => match code {
                code if is_fatal(code) => self.fatal_code = Some(code),
                code => tracing::warn!(partition, %code, "{text}"),
            },
        }
    }

    fn handle_record(&mut self, record: &Record<'_>, elapsed: Duration) {
        let (partition, offset) = (record.partition, record.offset);
        if self.writer_failed {
            return;
        }
        match self.state.admit(partition, offset, elapsed) {
            Admission::Skip { read_to } => {
                if let Some(end) = read_to {
                    self.builder.advance_to(partition, end);
                }
            }
            Admission::Accept => match self.builder.add_record(record) {
                Ok(true) => {
                    let bytes = record.value.map_or(0, <[u8]>::len) as u64;
                    self.state
                        .on_record_added(partition, offset, bytes, elapsed);
                }
                Ok(false) => {}
                Err(WriterFailed) => self.writer_failed = true,
            },
        }
    }

    fn handle_end(&mut self, partition: i32, offset: Option<i64>, elapsed: Duration) {
        if self.state.on_partition_end(partition) {
            self.advance_partition(partition, offset, elapsed);
        }
    }

    /// Notes that a partition was read up to this offset, if it is known, with or
    /// without records.
    fn advance_partition(&mut self, partition: i32, offset: Option<i64>, elapsed: Duration) {
        if let Some(offset) = offset {
            self.builder.advance_to(partition, offset);
        }
        if let Some(next) = self.builder.next_offset(partition) {
            self.state.advance(partition, next, elapsed);
        }
    }

    /// Advances a group member's partitions past its last records, to the consumer's
    /// positions.
    ///
    /// Partitions that are assigned by hand learn this from `Polled::End` instead,
    /// and their position must not be used: librdkafka's position is one too far
    /// when the partition's end arrived in one batch with messages.
    fn advance_to_positions(&mut self) {
        if !self.consumer.is_grouped() {
            return;
        }
        let elapsed = self.started_at.elapsed();
        for (partition, position) in self.consumer.positions() {
            if self.state.may_use_position(partition) {
                self.advance_partition(partition, Some(position), elapsed);
            }
        }
    }

    /// After a while without events, asks a broker something and logs whether it
    /// answers. If it does, the topic's id is asked for, too: what was read so far can
    /// then be committed also when no broker answers at the end of the batch.
    fn probe_brokers(&mut self) {
        let window = self.state.window();
        let time_left = window.max_wait(self.started_at.elapsed(), PROBE_TIMEOUT);
        if !self.probe.is_due(Instant::now()) || time_left < PROBE_TIMEOUT {
            return;
        }
        let Some(&partition) = self.builder.next_offsets().keys().next() else {
            return;
        };
        self.probe.on_question(Instant::now());
        match self.consumer.fetch_ends(&[partition], PROBE_TIMEOUT) {
            Ok(_) => {
                self.consumer.log_answer();
                let next_offsets = self.builder.next_offsets();
                let id = self.consumer.fetch_topic_id(PROBE_TIMEOUT).ok().flatten();
                if let Some(id) = id {
                    let topic = &self.consumer.topic;
                    tracing::debug!(topic, id, "the brokers answer, nothing new to read");
                    self.seen_id = Some((id, next_offsets));
                }
            }
            Err(error) => self.consumer.log_silence(&error),
        }
    }

    /// Asks the broker whether the partitions that seem to be at their end really
    /// are. Asks for all of them if the batch closed because it caught up, or if
    /// there were no events for a while. This also detects lost brokers, because
    /// librdkafka retries without an error.
    fn confirm_ends(
        &self,
        next_offsets: &BTreeMap<i32, i64>,
        close_reason: CloseReason,
    ) -> (BTreeMap<i32, DateTime<Utc>>, Option<KafkaError>) {
        let is_caught_up = close_reason == CloseReason::CaughtUp;
        let ask_all = is_caught_up || self.probe.is_silent(Instant::now());
        let asked: Vec<i32> = next_offsets
            .keys()
            .copied()
            .filter(|partition| ask_all || self.state.is_at_end(*partition))
            .collect();
        let asked_at = Utc::now();
        // Records behind an open transaction are not read yet, but they are there:
        // the end that counts is the end of the log.
        match self.fetch_ends(&asked) {
            Ok(ends) => {
                let is_read = |(partition, end): (i32, i64)| {
                    let next = *next_offsets.get(&partition)?;
                    (end <= next).then_some((partition, asked_at))
                };
                (ends.into_iter().filter_map(is_read).collect(), None)
            }
            Err(error) => (BTreeMap::new(), Some(error)),
        }
    }

    /// The ends of these partitions. When the run is to stop, this does not ask again,
    /// and the consumer does not wait for long.
    fn fetch_ends(&self, asked: &[i32]) -> Result<BTreeMap<i32, i64>, KafkaError> {
        let mut attempt = 1;
        loop {
            match self.consumer.fetch_ends(asked, CONFIRM_TIMEOUT) {
                Err(error)
                    if error.is_unreachable()
                        && attempt < CONFIRM_ATTEMPTS
                        && !self.stop.is_cancelled() =>
                {
                    attempt += 1;
                }
                answer => return answer,
            }
        }
    }

    /// Makes the files durable.
    fn finish_batch(self, close_reason: CloseReason) -> Result<BatchResult, IngestError> {
        let next_offsets = self.builder.next_offsets();
        let (caught_up, error) = self.confirm_ends(&next_offsets, close_reason);
        let seen_id = self.seen_id.filter(|(_, read)| *read == next_offsets);
        let fatal_error = self
            .fatal_code
            .map(|code| self.consumer.consume_error(code));
        let ranges = self.builder.finish_batch();
        let ranges = ranges.for_topic(&self.consumer.topic)?;
        crash::reach_point("landing.5c");
        Ok(BatchResult {
            content: BatchContent {
                ranges,
                closed_by: close_reason,
                caught_up,
            },
            end: BatchEnd {
                close_reason,
                next_offsets,
                records: self.state.window().records(),
                value_bytes: self.state.window().bytes(),
                needs_reassignment: self.state.has_skipped() || self.fatal_code.is_some(),
                kafka_error: error.or(fatal_error),
            },
            topic_id: seen_id.map(|(id, _)| id),
        })
    }

    fn into_writer_error(self) -> IngestError {
        let topic = self.consumer.topic.clone();
        match self.builder.into_writer_error() {
            Some(source) => IngestError::Store {
                topic,
                source: Box::new(source),
            },
            None => IngestError::Internal {
                topic,
                problem: "the writer ended early",
            },
        }
    }
}

/// Whether a partition can no longer be read after this error.
fn is_fatal(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        code,
        Code::OffsetOutOfRange
            | Code::AutoOffsetReset
            | Code::LogTruncation
            | Code::UnknownTopicOrPartition
            | Code::UnknownTopic
            | Code::UnknownTopicId
            | Code::UnknownPartition
            | Code::TopicAuthorizationFailed
    )
}
