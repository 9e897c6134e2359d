//! Collects records into the ranges and files of a batch.

use std::collections::BTreeMap;

use chrono::DateTime;
use sluice_service::crash;
use sluice_storage::StoreError;
use uuid::Uuid;

use crate::envelope::{self, Record};
use crate::eventtime;
use crate::json::Checker;
use crate::payload::judge;
use crate::writer::{BUFFER, FileId, Gone, Published, Writer};
use sluice_landing::Compression;
use sluice_landing::Runs;
use sluice_landing::{EventTimes, Range};
use sluice_landing::{FileName, REJECTS};

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
}

impl Default for LineOptions {
    fn default() -> Self {
        Self {
            compression: Compression::None,
            roll_bytes: 128 << 20,
            envelope: false,
            event_time_field: Some("timestamp".to_owned()),
        }
    }
}

/// A partition's range that is still being filled.
#[derive(Debug)]
struct Part {
    start: i64,
    /// The offset after the last one that was read, with or without a record.
    end: i64,
    runs: Runs,
    rejects: u64,
    /// Lines and rejects together.
    records: u64,
    /// Bytes of lines and rejects together.
    bytes: u64,
    /// The first and the last event time, in microseconds since the epoch.
    times: Option<(i64, i64)>,
    lines: Stream,
    rejected: Stream,
}

#[derive(Debug)]
struct Stream {
    file: FileId,
    buffer: Vec<u8>,
}

/// A range whose files are not durable yet.
#[derive(Debug)]
struct Pending {
    range: Range,
    lines: FileId,
    rejected: FileId,
}

/// Collects the records of one batch.
pub(crate) struct Gather {
    topic: String,
    id: String,
    options: LineOptions,
    writer: Writer,
    checker: Checker,
    /// Indexed by partition number, which Kafka counts from 0.
    parts: Vec<Option<Part>>,
    pending: Vec<Pending>,
    files: FileId,
}

impl Gather {
    /// Starts a batch at these offsets.
    pub(crate) fn new(
        topic: &str,
        batch: Uuid,
        options: LineOptions,
        start: &BTreeMap<i32, i64>,
        writer: Writer,
    ) -> Self {
        let mut gather = Self {
            topic: topic.to_owned(),
            id: FileName::short_id(batch),
            options,
            writer,
            checker: Checker::default(),
            parts: Vec::new(),
            pending: Vec::new(),
            files: 0,
        };
        for (&partition, &offset) in start {
            gather.begin(partition, offset);
        }
        gather
    }

    fn begin(&mut self, partition: i32, start: i64) {
        let Ok(index) = usize::try_from(partition) else {
            return;
        };
        if self.parts.len() <= index {
            self.parts.resize_with(index + 1, || None);
        }
        let mut stream = || {
            self.files += 1;
            Stream {
                file: self.files,
                buffer: Vec::new(),
            }
        };
        let part = Part {
            start,
            end: start,
            runs: Runs::default(),
            rejects: 0,
            records: 0,
            bytes: 0,
            times: None,
            lines: stream(),
            rejected: stream(),
        };
        if let Some(slot) = self.parts.get_mut(index) {
            *slot = Some(part);
        }
    }

    /// The next offset of a partition.
    pub(crate) fn next(&self, partition: i32) -> Option<i64> {
        let index = usize::try_from(partition).ok()?;
        self.parts.get(index)?.as_ref().map(|part| part.end)
    }

    /// How many records a partition's open range has.
    pub(crate) fn records(&self, partition: i32) -> u64 {
        let part = usize::try_from(partition)
            .ok()
            .and_then(|index| self.parts.get(index)?.as_ref());
        part.map_or(0, |part| part.records)
    }

    /// The next offsets of all partitions.
    pub(crate) fn next_offsets(&self) -> BTreeMap<i32, i64> {
        (0..)
            .zip(&self.parts)
            .filter_map(|(partition, part)| Some((partition, part.as_ref()?.end)))
            .collect()
    }

    /// Adds a record. Returns false, and skips the record, if the batch has it
    /// already or does not read its partition.
    pub(crate) fn take(&mut self, record: &Record<'_>) -> Result<bool, Gone> {
        let Some(part) = usize::try_from(record.partition)
            .ok()
            .and_then(|index| self.parts.get_mut(index)?.as_mut())
            .filter(|part| record.offset >= part.end)
        else {
            return Ok(false);
        };
        let field = self.options.event_time_field.as_deref().map(str::as_bytes);
        let stream = match judge(&mut self.checker, record.value, field) {
            Ok(field) => {
                let stream = &mut part.lines;
                if stream.buffer.capacity() == 0 {
                    stream.buffer = self.writer.buffer();
                }
                let before = stream.buffer.len();
                let value = record.value.unwrap_or_default();
                if self.options.envelope {
                    envelope::line(record, value, &mut stream.buffer);
                } else {
                    stream.buffer.extend_from_slice(value);
                    stream.buffer.push(b'\n');
                }
                part.bytes += (stream.buffer.len() - before) as u64;
                part.runs.push(record.offset);
                if let Some(time) = field.and_then(eventtime::micros) {
                    part.times = Some(match part.times {
                        Some((min, max)) => (min.min(time), max.max(time)),
                        None => (time, time),
                    });
                }
                (stream, None)
            }
            Err(why) => {
                let stream = &mut part.rejected;
                let before = stream.buffer.len();
                envelope::reject(record, why, &mut stream.buffer);
                part.bytes += (stream.buffer.len() - before) as u64;
                part.rejects += 1;
                (stream, Some(REJECTS))
            }
        };
        part.end = record.offset.saturating_add(1);
        part.records += 1;
        let (stream, below) = stream;
        if stream.buffer.len() >= BUFFER {
            let bytes = std::mem::take(&mut stream.buffer);
            self.writer.write(stream.file, below, bytes)?;
        }
        crash::point("landing.3");
        if part.bytes >= self.options.roll_bytes {
            self.roll(record.partition)?;
            crash::point("landing.3b");
        }
        Ok(true)
    }

    /// Notes that a partition was read up to this offset, with or without records.
    pub(crate) fn reached(&mut self, partition: i32, offset: i64) {
        if let Some(part) = usize::try_from(partition)
            .ok()
            .and_then(|index| self.parts.get_mut(index)?.as_mut())
        {
            part.end = part.end.max(offset);
        }
    }

    /// Finishes the open range of a partition and begins the next one.
    fn roll(&mut self, partition: i32) -> Result<(), Gone> {
        let Some(part) = usize::try_from(partition)
            .ok()
            .and_then(|index| self.parts.get_mut(index)?.take())
        else {
            return Ok(());
        };
        let end = part.end;
        self.end(partition, part)?;
        self.begin(partition, end);
        Ok(())
    }

    fn end(&mut self, partition: i32, part: Part) -> Result<(), Gone> {
        if part.start == part.end {
            return Ok(());
        }
        let name = FileName {
            topic: self.topic.clone(),
            partition,
            start: part.start,
            end: part.end,
            id: self.id.clone(),
            compression: self.options.compression,
        }
        .to_string();
        let rows = part.runs.lines();
        let (lines, rejected) = (part.lines.file, part.rejected.file);
        for (stream, below, any) in [
            (part.lines, None, rows > 0),
            (part.rejected, Some(REJECTS), part.rejects > 0),
        ] {
            if !stream.buffer.is_empty() {
                self.writer.write(stream.file, below, stream.buffer)?;
            }
            if any {
                self.writer.publish(stream.file, name.clone())?;
            }
        }
        let runs = part.runs;
        let dense = runs == Runs::dense(part.start, rows);
        let time = |micros: i64| DateTime::from_timestamp_micros(micros);
        self.pending.push(Pending {
            range: Range {
                partition,
                start: part.start,
                end: part.end,
                rows,
                rejects: part.rejects,
                runs: (!dense).then_some(runs),
                file: None,
                rejected: None,
                event_time: part.times.and_then(|(min, max)| {
                    Some(EventTimes {
                        min: time(min)?,
                        max: time(max)?,
                    })
                }),
            },
            lines,
            rejected,
        });
        Ok(())
    }

    /// Finishes the batch and waits until its files are durable. The ranges are
    /// sorted by partition and offset.
    pub(crate) fn finish(mut self) -> Result<Vec<Range>, StoreError> {
        let mut gone = false;
        for (partition, part) in (0..).zip(std::mem::take(&mut self.parts)) {
            if let Some(part) = part {
                gone |= self.end(partition, part).is_err();
            }
        }
        let mut published: Published = self.writer.finish()?;
        debug_assert!(!gone, "a writer that ended early must have an error");
        let mut ranges: Vec<Range> = self
            .pending
            .into_iter()
            .map(|pending| {
                let mut range = pending.range;
                range.file = published.remove(&pending.lines);
                range.rejected = published.remove(&pending.rejected);
                range
            })
            .collect();
        ranges.sort_by_key(|range| (range.partition, range.start));
        Ok(ranges)
    }

    /// Waits for the writer and returns the error that ended it.
    pub(crate) fn error(self) -> Option<StoreError> {
        self.writer.finish().err()
    }
}

#[cfg(test)]
#[path = "gather_tests.rs"]
mod tests;
