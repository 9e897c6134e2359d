//! Collects records into the ranges and files of a batch.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sluice_service::{crash, descriptors};
use sluice_storage::StoreError;
use uuid::Uuid;

use super::envelope;
use crate::batch::event_time;
use crate::batch::validate::validate_payload;
use crate::batch::writer::{BUFFER_BYTES, BatchWriter, FileId, StoredFiles, WriterFailed};
use crate::kafka::Record;
use sluice_landing::Compression;
use sluice_landing::OffsetSpans;
use sluice_landing::{EventTimes, LandedRange};
use sluice_landing::{LandingFileName, REJECTS_FOLDER};

/// How records are written as lines.
#[derive(Debug, Clone)]
pub struct LineOptions {
    pub compression: Compression,
    /// A new file is started when the lines have this many bytes, before
    /// compression.
    pub roll_bytes: u64,
    /// Whether a line wraps the value in an object with key, headers, partition,
    /// offset and timestamp.
    pub envelope: bool,
    /// The top-level field that holds an event's time.
    pub event_time_field: Option<String>,
    /// The records to take, by their own time in milliseconds since the Unix epoch:
    /// from the first (inclusive) to the second (exclusive). Others are passed over.
    /// A record without a time is taken.
    pub record_times: Option<(i64, i64)>,
    /// How many files of a batch may be open. Where more partitions have many records,
    /// the largest files are finished early.
    pub max_open_files: usize,
}

/// How many files each of `topics` batches may have open: together half of what this
/// process may.
pub(crate) fn max_open_files(topics: usize) -> usize {
    let limit = descriptors::limit().unwrap_or(DEFAULT_DESCRIPTORS);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    (limit / 2 / topics.max(1)).max(1)
}

/// What most systems allow a process.
const DEFAULT_DESCRIPTORS: u64 = 1024;

impl Default for LineOptions {
    fn default() -> Self {
        Self {
            compression: Compression::None,
            roll_bytes: 128 << 20,
            envelope: false,
            event_time_field: Some("timestamp".to_owned()),
            record_times: None,
            max_open_files: max_open_files(1),
        }
    }
}

/// A partition's range that is still being filled.
#[derive(Debug)]
struct OpenRange {
    start: i64,
    /// The offset after the last one that was read, with or without a record.
    end: i64,
    line_offsets: OffsetSpans,
    rejects: u64,
    /// Bytes of lines and rejects together.
    bytes: u64,
    /// The first and the last event time, in microseconds since the epoch.
    event_times: Option<(i64, i64)>,
    events_ahead: u64,
    lines: FileBuffer,
    rejected: FileBuffer,
}

#[derive(Debug)]
struct FileBuffer {
    file: FileId,
    buffer: Vec<u8>,
    /// Whether the writer has got bytes of it, so that its file is open.
    is_open: bool,
}

/// A range whose files are not durable yet.
#[derive(Debug)]
struct PendingRange {
    range: LandedRange,
    lines: FileId,
    rejected: FileId,
}

/// Collects the records of one batch.
pub(crate) struct BatchBuilder {
    topic: String,
    short_batch_id: String,
    options: LineOptions,
    writer: BatchWriter,
    /// Indexed by partition number, which Kafka counts from 0.
    open_ranges: Vec<Option<OpenRange>>,
    pending_ranges: Vec<PendingRange>,
    last_file_id: FileId,
    /// The time of the latest poll, in milliseconds since the Unix epoch.
    now_millis: i64,
}

impl BatchBuilder {
    /// Starts a batch at these offsets.
    pub(crate) fn new(
        topic: &str,
        batch: Uuid,
        options: LineOptions,
        start: &BTreeMap<i32, i64>,
        writer: BatchWriter,
    ) -> Self {
        let mut builder = Self {
            topic: topic.to_owned(),
            short_batch_id: LandingFileName::short_id(batch),
            options,
            writer,
            open_ranges: Vec::new(),
            pending_ranges: Vec::new(),
            last_file_id: 0,
            now_millis: Utc::now().timestamp_millis(),
        };
        for (&partition, &offset) in start {
            builder.begin_range(partition, offset);
        }
        builder
    }

    fn begin_range(&mut self, partition: i32, start: i64) {
        let Ok(index) = usize::try_from(partition) else {
            return;
        };
        if self.open_ranges.len() <= index {
            self.open_ranges.resize_with(index + 1, || None);
        }
        let mut stream = || {
            self.last_file_id += 1;
            FileBuffer {
                file: self.last_file_id,
                buffer: Vec::new(),
                is_open: false,
            }
        };
        let part = OpenRange {
            start,
            end: start,
            line_offsets: OffsetSpans::default(),
            rejects: 0,
            bytes: 0,
            event_times: None,
            events_ahead: 0,
            lines: stream(),
            rejected: stream(),
        };
        if let Some(slot) = self.open_ranges.get_mut(index) {
            *slot = Some(part);
        }
    }

    /// Notes the time of a poll.
    pub(crate) fn set_now(&mut self, now: DateTime<Utc>) {
        self.now_millis = now.timestamp_millis();
    }

    /// The next offset of a partition.
    pub(crate) fn next_offset(&self, partition: i32) -> Option<i64> {
        let index = usize::try_from(partition).ok()?;
        self.open_ranges.get(index)?.as_ref().map(|part| part.end)
    }

    /// The next offsets of all partitions.
    pub(crate) fn next_offsets(&self) -> BTreeMap<i32, i64> {
        (0..)
            .zip(&self.open_ranges)
            .filter_map(|(partition, part)| Some((partition, part.as_ref()?.end)))
            .collect()
    }

    /// Adds a record. Returns false, and skips the record, if the batch has it
    /// already or does not read its partition.
    pub(crate) fn add_record(&mut self, record: &Record<'_>) -> Result<bool, WriterFailed> {
        let Some(part) = usize::try_from(record.partition)
            .ok()
            .and_then(|index| self.open_ranges.get_mut(index)?.as_mut())
            .filter(|part| record.offset >= part.end)
        else {
            return Ok(false);
        };
        if let Some((from, to)) = self.options.record_times
            && let Some((time, _)) = record.metadata.timestamp()
            && !(from..to).contains(&time)
        {
            // It counts as read, because the batch may end at its offset.
            part.end = record.offset.saturating_add(1);
            return Ok(true);
        }
        let field = self.options.event_time_field.as_deref();
        let stream = match validate_payload(record.value, field) {
            Ok(field) => {
                let stream = &mut part.lines;
                if stream.buffer.capacity() == 0 {
                    stream.buffer = self.writer.take_buffer();
                }
                let before = stream.buffer.len();
                let value = record.value.unwrap_or_default();
                if self.options.envelope {
                    envelope::append_envelope(record, value, &mut stream.buffer);
                } else {
                    stream.buffer.extend_from_slice(value);
                    stream.buffer.push(b'\n');
                }
                part.bytes += (stream.buffer.len() - before) as u64;
                part.line_offsets.push_offset(record.offset);
                if let Some(time) = field.and_then(event_time::parse_event_time) {
                    let logged = record.metadata.timestamp().map(|(millis, _)| millis);
                    match event_time::plausible_time(time, logged, self.now_millis) {
                        Some(time) => {
                            part.event_times = Some(match part.event_times {
                                Some((min, max)) => (min.min(time), max.max(time)),
                                None => (time, time),
                            });
                        }
                        None => part.events_ahead += 1,
                    }
                }
                (stream, None)
            }
            Err(why) => {
                let stream = &mut part.rejected;
                let before = stream.buffer.len();
                envelope::append_reject(record, &why, &mut stream.buffer);
                part.bytes += (stream.buffer.len() - before) as u64;
                part.rejects += 1;
                (stream, Some(REJECTS_FOLDER))
            }
        };
        part.end = record.offset.saturating_add(1);
        let (stream, below) = stream;
        let is_large = part.bytes >= self.options.roll_bytes;
        if stream.buffer.len() >= BUFFER_BYTES {
            let bytes = std::mem::take(&mut stream.buffer);
            let opens = !std::mem::replace(&mut stream.is_open, true);
            self.writer.write_bytes(stream.file, below, bytes)?;
            if opens {
                self.limit_open_files()?;
            }
        }
        crash::reach_point("landing.3");
        if is_large {
            self.roll_range(record.partition)?;
            crash::reach_point("landing.3b");
        }
        Ok(true)
    }

    /// Notes that a partition was read up to this offset, with or without records.
    pub(crate) fn advance_to(&mut self, partition: i32, offset: i64) {
        if let Some(part) = usize::try_from(partition)
            .ok()
            .and_then(|index| self.open_ranges.get_mut(index)?.as_mut())
        {
            part.end = part.end.max(offset);
        }
    }

    /// Finishes ranges until no more files are open than may be, the largest first.
    fn limit_open_files(&mut self) -> Result<(), WriterFailed> {
        loop {
            let ranges = (0..).zip(&self.open_ranges);
            let with_files = ranges.filter_map(|(partition, range)| {
                let range = range.as_ref()?;
                let files = usize::from(range.lines.is_open) + usize::from(range.rejected.is_open);
                (files > 0).then_some((range.bytes, partition, files))
            });
            let with_files: Vec<(u64, i32, usize)> = with_files.collect();
            let open: usize = with_files.iter().map(|(_, _, files)| files).sum();
            if open <= self.options.max_open_files {
                return Ok(());
            }
            let Some((_, largest, _)) = with_files.into_iter().max() else {
                return Ok(());
            };
            self.roll_range(largest)?;
        }
    }

    /// Finishes the open range of a partition and begins the next one.
    fn roll_range(&mut self, partition: i32) -> Result<(), WriterFailed> {
        let Some(part) = usize::try_from(partition)
            .ok()
            .and_then(|index| self.open_ranges.get_mut(index)?.take())
        else {
            return Ok(());
        };
        let end = part.end;
        self.finish_range(partition, part)?;
        self.begin_range(partition, end);
        Ok(())
    }

    fn finish_range(&mut self, partition: i32, part: OpenRange) -> Result<(), WriterFailed> {
        if part.start == part.end {
            return Ok(());
        }
        let name = LandingFileName {
            topic: self.topic.clone(),
            partition,
            start: part.start,
            end: part.end,
            id: self.short_batch_id.clone(),
            compression: self.options.compression,
        }
        .to_string();
        let rows = part.line_offsets.line_count();
        let (lines, rejected) = (part.lines.file, part.rejected.file);
        for (stream, below, has_records) in [
            (part.lines, None, rows > 0),
            (part.rejected, Some(REJECTS_FOLDER), part.rejects > 0),
        ] {
            if !stream.buffer.is_empty() {
                self.writer.write_bytes(stream.file, below, stream.buffer)?;
            }
            if has_records {
                self.writer.persist_file(stream.file, name.clone())?;
            }
        }
        let runs = part.line_offsets;
        let dense = runs == OffsetSpans::without_gaps(part.start, rows);
        let time = |micros: i64| DateTime::from_timestamp_micros(micros);
        self.pending_ranges.push(PendingRange {
            range: LandedRange {
                partition,
                start: part.start,
                end: part.end,
                rows,
                rejects: part.rejects,
                runs: (!dense).then_some(runs),
                file: None,
                rejected: None,
                event_time: part.event_times.and_then(|(min, max)| {
                    Some(EventTimes {
                        min: time(min)?,
                        max: time(max)?,
                    })
                }),
                events_ahead: part.events_ahead,
            },
            lines,
            rejected,
        });
        Ok(())
    }

    /// Finishes the batch and waits until its files are durable. The ranges are
    /// sorted by partition and offset.
    pub(crate) fn finish_batch(mut self) -> Result<Vec<LandedRange>, StoreError> {
        let mut writer_failed = false;
        for (partition, part) in (0..).zip(std::mem::take(&mut self.open_ranges)) {
            if let Some(part) = part {
                writer_failed |= self.finish_range(partition, part).is_err();
            }
        }
        let mut stored_files: StoredFiles = self.writer.finish_files()?;
        debug_assert!(
            !writer_failed,
            "a writer that ended early must have an error"
        );
        let mut ranges: Vec<LandedRange> = self
            .pending_ranges
            .into_iter()
            .map(|pending| {
                let mut range = pending.range;
                range.file = stored_files.remove(&pending.lines);
                range.rejected = stored_files.remove(&pending.rejected);
                range
            })
            .collect();
        ranges.sort_by_key(|range| (range.partition, range.start));
        Ok(ranges)
    }

    /// Waits for the writer and returns the error that ended it.
    pub(crate) fn into_writer_error(self) -> Option<StoreError> {
        self.writer.finish_files().err()
    }
}

#[cfg(test)]
mod tests;
