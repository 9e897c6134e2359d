//! The decoder: takes bytes in chunks of any size, and returns record batches.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use bytes::Bytes;
use memchr::memchr_iter;
use serde::{Deserialize, Serialize};
use sluice_ndjson::{
    CorruptRecord, DecodeError, DecodeOptions, DecodeStats, DecoderOutput, FileContext,
    FileDecoder, Mode, NewFields, SchemaError, output_schema, rescued_object, row_position,
};

use crate::columns::BatchColumns;
use crate::record::{Judgement, RecordProblem, RecordText, name_beyond};
use crate::tokens::{CsvSyntax, Fields, Record, find_line_end, read_record};
use crate::values::convert;

/// A batch ends when its records reach this many bytes, even if it has few rows.
const FLUSH_BYTES: usize = 64 << 20;

/// Bytes of a record that is too long which are kept to describe it.
const LONG_LINE_EXCERPT: usize = 1024;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// How files of separated values are written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CsvOptions {
    /// Whether the first record of each file names the columns. It is skipped:
    /// columns are taken in the order of their declaration.
    pub header: bool,
    pub syntax: CsvSyntax,
    /// The text that means NULL, in addition to an empty value without quotes.
    pub null_value: String,
    /// Lines that begin with this character are skipped.
    pub comment: Option<u8>,
}

/// Decodes separated values into record batches.
#[derive(Debug)]
pub struct CsvDecoder {
    csv: CsvOptions,
    columns: BatchColumns,
    mode: Mode,
    batch_rows: usize,
    max_record_bytes: usize,
    judgement: Judgement,
    inputs: VecDeque<Input>,
    /// Bytes of the current file that are not decoded yet, from `start` on.
    buffer: Vec<u8>,
    start: usize,
    file: FileContext,
    /// No more bytes of the file follow.
    file_ended: bool,
    header_pending: bool,
    /// A line that is too long was reported; its rest is discarded.
    discarding: bool,
    /// Offset in the file of the byte at `start`.
    offset: u64,
    /// Line feeds in the file before its offset, if known.
    base_line: Option<u64>,
    /// Line feeds between the file's offset and `start`.
    line_feeds: u64,
    batch_bytes: usize,
    fields: Fields,
    stats: DecodeStats,
    input_ended: bool,
}

#[derive(Debug)]
enum Input {
    Chunk(Bytes),
    EndFile,
    NextFile(FileContext),
    End,
}

/// What the bytes of the buffer came to.
enum Progress {
    /// A record, a blank line or a comment was consumed.
    Consumed,
    NeedInput,
    NeedBaseLine,
}

/// The record with these fields, which begins at `start` of the buffer.
fn record_text<'a>(
    fields: &'a Fields,
    (buffer, start): (&'a [u8], usize),
    csv: &'a CsvOptions,
) -> RecordText<'a> {
    RecordText {
        fields,
        bytes: buffer.get(start..).unwrap_or_default(),
        null_value: csv.null_value.as_bytes(),
    }
}

impl CsvDecoder {
    /// A decoder that begins with `file`. Records have the columns of
    /// `options.declared`, in this order.
    pub fn new(
        options: &DecodeOptions,
        csv: CsvOptions,
        file: FileContext,
    ) -> Result<Self, SchemaError> {
        let declared = options.declared.as_ref().unwrap_or(&options.schema);
        let schema = output_schema(&options.schema, options.mode);
        let columns = BatchColumns::new(schema, declared, options)?;
        let described = columns
            .corrupt
            .as_ref()
            .is_some_and(sluice_ndjson::CorruptColumn::is_described);
        Ok(Self {
            header_pending: csv.header && file.offset == 0,
            csv,
            columns,
            mode: options.mode,
            batch_rows: options.batch_rows.max(1),
            max_record_bytes: options.max_line_bytes,
            judgement: Judgement {
                time_zone: options.time_zone,
                new_fields: options.new_fields,
                needs_reason: described || options.mode == Mode::FailFast,
            },
            inputs: VecDeque::new(),
            buffer: Vec::new(),
            start: 0,
            offset: file.offset,
            base_line: (file.offset == 0).then_some(0),
            file,
            file_ended: false,
            discarding: false,
            line_feeds: 0,
            batch_bytes: 0,
            fields: Fields::default(),
            stats: DecodeStats::default(),
            input_ended: false,
        })
    }

    fn emit_batch(&mut self) -> Result<DecoderOutput, DecodeError> {
        self.batch_bytes = 0;
        match self.columns.finish_batch() {
            Ok(batch) => {
                self.stats.rows += batch.num_rows() as u64;
                Ok(DecoderOutput::Batch(batch))
            }
            Err(source) => Err(DecodeError::Batch {
                file: Arc::clone(&self.file.path),
                source,
            }),
        }
    }

    fn start_file(&mut self, file: FileContext) {
        self.buffer.clear();
        self.start = 0;
        self.offset = file.offset;
        self.base_line = (file.offset == 0).then_some(0);
        self.line_feeds = 0;
        self.file_ended = false;
        self.discarding = false;
        self.header_pending = self.csv.header && file.offset == 0;
        self.file = file;
    }

    fn rest(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or_default()
    }

    /// Moves on after the next `length` bytes.
    fn advance(&mut self, length: usize) {
        let consumed = self.rest().get(..length).unwrap_or_default();
        self.line_feeds += memchr_iter(b'\n', consumed).count() as u64;
        self.start += length;
        self.offset += length as u64;
        self.batch_bytes += length;
        self.stats.bytes += length as u64;
    }

    /// Decodes the next record of the buffer.
    fn decode_next(&mut self) -> Result<Progress, DecodeError> {
        let has_bytes = !self.rest().is_empty();
        if has_bytes && self.base_line.is_none() && self.columns.has_lines() {
            return Ok(Progress::NeedBaseLine);
        }
        if self.discarding {
            return Ok(self.discard_line());
        }
        if self.offset == 0 {
            let rest = self.rest();
            if rest.len() < BYTE_ORDER_MARK.len() && !self.file_ended {
                return Ok(Progress::NeedInput);
            }
            if rest.starts_with(BYTE_ORDER_MARK) {
                self.advance(BYTE_ORDER_MARK.len());
            }
        }
        if self.rest().is_empty() {
            return Ok(Progress::NeedInput);
        }
        if let Some(progress) = self.skip_line() {
            return Ok(progress);
        }
        let mut fields = std::mem::take(&mut self.fields);
        let record = read_record(&self.csv.syntax, self.rest(), self.file_ended, &mut fields);
        let progress = match record {
            Record::Unfinished if self.rest().len() <= self.max_record_bytes => {
                Ok(Progress::NeedInput)
            }
            Record::Unfinished => {
                self.reject_line("the quote is not closed, or the line is too long", 0)
            }
            Record::Broken { at, reason } => self.reject_line(reason, at),
            Record::Complete { end } if end > self.max_record_bytes + 2 => {
                self.reject_line("the record is longer than the limit max_line_bytes", 0)
            }
            Record::Complete { end } => self.take_record(&fields, end),
        };
        self.fields = fields;
        progress
    }

    /// Skips a blank line or a comment.
    fn skip_line(&mut self) -> Option<Progress> {
        let rest = self.rest();
        let first = *rest.first()?;
        if Some(first) != self.csv.comment && !first.is_ascii_whitespace() {
            return None;
        }
        let Some((length, end)) = find_line_end(rest, self.file_ended) else {
            // A record that begins with a blank is not a comment, however long.
            return (rest.len() <= self.max_record_bytes).then_some(Progress::NeedInput);
        };
        let line = rest.get(..length).unwrap_or_default();
        if Some(first) != self.csv.comment && !line.trim_ascii().is_empty() {
            return None;
        }
        self.advance(end);
        self.stats.lines += 1;
        self.stats.blank += 1;
        Some(Progress::Consumed)
    }

    /// Consumes the rest of a line that is too long.
    fn discard_line(&mut self) -> Progress {
        match find_line_end(self.rest(), self.file_ended) {
            Some((_, end)) => {
                self.discarding = false;
                self.advance(end);
                Progress::Consumed
            }
            None => {
                // A carriage return may be the first half of a line end.
                let keep = usize::from(self.rest().ends_with(b"\r"));
                self.advance(self.rest().len() - keep);
                Progress::NeedInput
            }
        }
    }

    fn take_record(&mut self, fields: &Fields, end: usize) -> Result<Progress, DecodeError> {
        if std::mem::take(&mut self.header_pending) {
            self.advance(end);
            return Ok(Progress::Consumed);
        }
        let record = record_text(fields, (&self.buffer, self.start), &self.csv);
        let columns = &self.columns.fields;
        if self.judgement.new_fields == NewFields::Refused && record.count() > columns.len() {
            return self.refuse_new_field(columns.len());
        }
        if let Some(problem) = record.find_problem(columns, &self.judgement) {
            return self.handle_malformed(Some(fields), problem, end);
        }
        self.append_values(fields);
        self.rescue_values(fields);
        self.close_row();
        self.stats.lines += 1;
        self.advance(end);
        Ok(Progress::Consumed)
    }

    /// The number of the next record's first line in its file, if its base line is known.
    fn line_number(&self) -> u64 {
        self.base_line.unwrap_or(0) + self.line_feeds + 1
    }

    /// Ends the row of the next record.
    fn close_row(&mut self) {
        let position = row_position(self.file.ordinal, self.offset);
        self.columns.close_row(position, self.line_number());
    }

    /// Appends the values of a record; null where one is missing or does not fit.
    fn append_values(&mut self, fields: &Fields) {
        let record = record_text(fields, (&self.buffer, self.start), &self.csv);
        for (index, column) in self.columns.fields.iter_mut().enumerate() {
            let value = record
                .value(index)
                .and_then(|text| convert(text, &column.data_type, self.judgement.time_zone));
            column.push(value);
        }
    }

    /// Keeps what the columns do not hold of a record that is not malformed.
    fn rescue_values(&mut self, fields: &Fields) {
        let Some(rescued) = &mut self.columns.rescued else {
            return;
        };
        let record = record_text(fields, (&self.buffer, self.start), &self.csv);
        let members = record.find_unheld(&self.columns.fields, self.judgement.time_zone);
        if !members.is_empty() {
            let text = rescued_object(members, &self.file.path);
            self.batch_bytes += text.len();
            rescued.push_text(self.columns.rows, &text);
        }
    }

    /// Treats the first line of the buffer as malformed. The rest of a record with
    /// quotes that do not match is read as records of its own, so that one stray
    /// quote does not hide the lines after it.
    fn reject_line(&mut self, reason: &str, at: usize) -> Result<Progress, DecodeError> {
        let (length, end) = match find_line_end(self.rest(), self.file_ended) {
            Some((length, end)) if length <= self.max_record_bytes => (length, end),
            _ if self.rest().len() <= self.max_record_bytes => return Ok(Progress::NeedInput),
            _ => {
                self.discarding = true;
                let excerpt = LONG_LINE_EXCERPT.min(self.rest().len());
                (excerpt, excerpt)
            }
        };
        if std::mem::take(&mut self.header_pending) {
            self.advance(end);
            return Ok(Progress::Consumed);
        }
        let problem = RecordProblem {
            at: at.min(length),
            reason: reason.to_owned(),
            is_broken: true,
        };
        let result = self.handle_malformed(None, problem, end);
        if matches!(result, Ok(Progress::NeedBaseLine)) {
            self.discarding = false;
        }
        result
    }

    /// The error for a record with a value beyond its columns, when its line is known.
    fn refuse_new_field(&self, index: usize) -> Result<Progress, DecodeError> {
        if self.base_line.is_none() {
            return Ok(Progress::NeedBaseLine);
        }
        Err(DecodeError::NewField {
            file: Arc::clone(&self.file.path),
            line: self.line_number(),
            offset: self.offset,
            field: name_beyond(index),
        })
    }

    /// Handles a malformed record of `end` bytes as the mode requires.
    fn handle_malformed(
        &mut self,
        fields: Option<&Fields>,
        problem: RecordProblem,
        end: usize,
    ) -> Result<Progress, DecodeError> {
        if self.judgement.needs_reason && self.base_line.is_none() {
            return Ok(Progress::NeedBaseLine);
        }
        let line = self.line_number();
        match self.mode {
            Mode::FailFast => {
                return Err(DecodeError::Malformed {
                    file: Arc::clone(&self.file.path),
                    line,
                    offset: self.offset,
                    column: problem.at as u64 + 1,
                    reason: problem.reason,
                });
            }
            Mode::DropMalformed => self.stats.dropped += 1,
            Mode::Permissive => {
                match fields {
                    Some(fields) if !problem.is_broken => self.append_values(fields),
                    _ => self
                        .columns
                        .fields
                        .iter_mut()
                        .for_each(|column| column.push(None)),
                }
                let rest = self.buffer.get(self.start..).unwrap_or_default();
                let raw = rest.get(..end).unwrap_or_default();
                let raw = raw.strip_suffix(b"\n").unwrap_or(raw);
                if let Some(corrupt) = &mut self.columns.corrupt {
                    let record = CorruptRecord {
                        raw: raw.strip_suffix(b"\r").unwrap_or(raw),
                        file: &self.file.path,
                        line,
                        reason: &problem.reason,
                    };
                    self.batch_bytes += corrupt.push_record(self.columns.rows, &record);
                }
                self.close_row();
            }
        }
        self.stats.malformed += 1;
        self.stats.lines += 1;
        self.advance(end);
        Ok(Progress::Consumed)
    }
}

impl FileDecoder for CsvDecoder {
    fn schema(&self) -> &SchemaRef {
        &self.columns.schema
    }

    fn stats(&self) -> DecodeStats {
        self.stats
    }

    fn file(&self) -> &FileContext {
        &self.file
    }

    fn push_chunk(&mut self, chunk: Bytes) {
        self.inputs.push_back(Input::Chunk(chunk));
    }

    fn end_file(&mut self) {
        self.inputs.push_back(Input::EndFile);
    }

    fn next_file(&mut self, file: FileContext) {
        self.inputs.push_back(Input::NextFile(file));
    }

    fn end_input(&mut self) {
        self.inputs.push_back(Input::End);
    }

    fn set_base_line(&mut self, line_feeds: u64) {
        self.base_line = Some(line_feeds);
    }

    fn next_batch(&mut self) -> Result<DecoderOutput, DecodeError> {
        loop {
            if self.columns.rows >= self.batch_rows || self.batch_bytes >= FLUSH_BYTES {
                if self.columns.rows > 0 {
                    return self.emit_batch();
                }
                // Every record was dropped.
                self.batch_bytes = 0;
            }
            match self.decode_next()? {
                Progress::Consumed => continue,
                Progress::NeedBaseLine => return Ok(DecoderOutput::NeedBaseLine),
                Progress::NeedInput => {}
            }
            match self.inputs.pop_front() {
                Some(Input::Chunk(chunk)) => {
                    self.buffer.drain(..self.start);
                    self.start = 0;
                    self.buffer.extend_from_slice(&chunk);
                }
                Some(Input::EndFile) => self.file_ended = true,
                // The file before has ended: see `end_file`, or it had no bytes.
                Some(Input::NextFile(file)) => self.start_file(file),
                Some(Input::End) => {
                    self.file_ended = true;
                    self.input_ended = true;
                }
                None if !self.input_ended => return Ok(DecoderOutput::NeedInput),
                None if self.columns.rows > 0 => return self.emit_batch(),
                None => return Ok(DecoderOutput::Done),
            }
        }
    }
}
