//! The decoder: takes bytes in chunks of any size, and returns record batches.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use bytes::Bytes;

use crate::columns::batch::BatchColumns;
use crate::columns::corrupt_column::CorruptRecord;
use crate::columns::rescued_column::describe_unheld;
use crate::error::{DecodeError, SchemaError};
use crate::line_problem::LineProblem;
use crate::lines::line_inputs::{LineInputs, NextPiece};
use crate::lines::line_splitter::{LONG_LINE_EXCERPT, Piece};
use crate::options::{DecodeOptions, DecodeStats, FileContext, Mode, NewFields};
use crate::record::{self, LineKind};
use crate::values::lex;
use crate::values::read_error::ReadContext;

/// A batch ends when its lines reach this many bytes, even if it has few rows:
/// memory stays bounded, and string offsets stay far below 31 bits.
const FLUSH_BYTES: usize = 64 << 20;

/// Upper limit of `max_line_bytes`, so that string offsets fit in 31 bits.
const MAX_LINE_BYTES: usize = 1 << 30;

/// What [`Decoder::next_batch`] returns.
#[derive(Debug, Clone, PartialEq)]
pub enum DecoderOutput {
    /// The next rows, at least one.
    Batch(RecordBatch),
    /// All chunks are decoded and released: push another, or finish.
    NeedInput,
    /// A malformed record must be described, or rows have line numbers, but these are
    /// unknown because the file is not read from its beginning: count the line feeds
    /// before [`FileContext::offset`] and call [`Decoder::set_base_line`].
    NeedBaseLine,
    /// The input has ended and all its rows were returned.
    Done,
}

/// Decodes newline-delimited JSON into record batches.
///
/// Push chunks of bytes, cut anywhere, and poll for batches until the decoder
/// needs more. It holds a chunk only until [`DecoderOutput::NeedInput`]. It is compiled
/// once for a schema and continues with another file after
/// [`Decoder::next_file`].
#[derive(Debug)]
pub struct Decoder {
    columns: BatchColumns,
    mode: Mode,
    new_fields: NewFields,
    batch_rows: usize,
    max_line_bytes: usize,
    lines: LineInputs,
    file: FileContext,
    /// Number of line feeds before the file's offset, if known.
    base_line: Option<u64>,
    /// Lines of this file that were read so far.
    file_lines: u64,
    /// Offset in the file of the next byte.
    offset: u64,
    /// Bytes of the lines in the current batch.
    batch_bytes: usize,
    context: ReadContext,
    stats: DecodeStats,
}

/// Why decoding stopped before the end of a piece.
enum StopReason {
    BatchFull,
    NeedBaseLine,
}

impl Decoder {
    /// A decoder that begins with `file`. Fails if the schema or the options
    /// ask for something that cannot be decoded.
    pub fn new(options: DecodeOptions, file: FileContext) -> Result<Self, SchemaError> {
        let max_line_bytes = options.max_line_bytes.min(MAX_LINE_BYTES);
        let columns = BatchColumns::new(&options)?;
        let column_has_reasons = columns
            .corrupt
            .as_ref()
            .is_some_and(|(_, corrupt)| corrupt.is_described());
        let cx = ReadContext {
            needs_reason: column_has_reasons || options.mode == Mode::FailFast,
            needs_new_field: options.new_fields == NewFields::Refused,
            rescues: options.new_fields == NewFields::Rescued,
            ..ReadContext::default()
        };
        Ok(Self {
            columns,
            mode: options.mode,
            new_fields: options.new_fields,
            batch_rows: options.batch_rows.max(1),
            max_line_bytes,
            lines: LineInputs::new(max_line_bytes),
            base_line: (file.offset == 0).then_some(0),
            file_lines: 0,
            offset: file.offset,
            file,
            batch_bytes: 0,
            context: cx,
            stats: DecodeStats::default(),
        })
    }

    /// The schema of the batches: what `ndjson::output_schema` returns for the options.
    pub fn schema(&self) -> &SchemaRef {
        &self.columns.schema
    }

    /// Adds the next bytes of the file.
    pub fn push_chunk(&mut self, chunk: Bytes) {
        self.lines.push_chunk(chunk);
    }

    /// Ends the file: its last line is complete even without a line feed.
    pub fn end_file(&mut self) {
        self.lines.end_file();
    }

    /// Ends the file and continues with `file`. Rows of both may share a batch,
    /// so that many small files do not make many small batches.
    pub fn next_file(&mut self, file: FileContext) {
        self.lines.next_file(file);
    }

    /// Ends the input.
    pub fn end_input(&mut self) {
        self.lines.end_input();
    }

    /// Sets the number of line feeds before [`FileContext::offset`].
    pub fn set_base_line(&mut self, line_feeds: u64) {
        self.base_line = Some(line_feeds);
    }

    /// The counts so far, over all files.
    pub fn stats(&self) -> DecodeStats {
        self.stats
    }

    /// The file being decoded.
    pub fn file(&self) -> &FileContext {
        &self.file
    }

    /// Decodes until a batch is full or the decoder needs something. After an
    /// error the decoder does not advance: every further call returns the same
    /// error.
    pub fn next_batch(&mut self) -> Result<DecoderOutput, DecodeError> {
        loop {
            if self.is_batch_full() {
                if self.columns.rows > 0 {
                    return self.emit_batch();
                }
                // The lines fill a batch, but every record was dropped.
                self.batch_bytes = 0;
            }
            match self.lines.next_piece() {
                NextPiece::Piece(piece) => match self.decode_piece(piece)? {
                    Some(StopReason::NeedBaseLine) => return Ok(DecoderOutput::NeedBaseLine),
                    Some(StopReason::BatchFull) | None => {}
                },
                NextPiece::NeedInput => return Ok(DecoderOutput::NeedInput),
                NextPiece::Ended if self.columns.rows > 0 => return self.emit_batch(),
                NextPiece::Ended => return Ok(DecoderOutput::Done),
            }
        }
    }

    fn is_batch_full(&self) -> bool {
        self.columns.rows >= self.batch_rows || self.batch_bytes >= FLUSH_BYTES
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

    fn decode_piece(&mut self, piece: Piece) -> Result<Option<StopReason>, DecodeError> {
        let is_next_file = matches!(piece, Piece::NextFile(_));
        if !is_next_file && self.base_line.is_none() && self.columns.has_lines() {
            self.lines.put_back(piece);
            return Ok(Some(StopReason::NeedBaseLine));
        }
        match piece {
            Piece::Lines { mut bytes, unended } => {
                let mut at = 0;
                let result = self.decode_lines(&bytes, &mut at);
                if at < bytes.len() {
                    let _ = bytes.split_to(at);
                    self.lines.put_back(Piece::Lines { bytes, unended });
                } else if unended {
                    self.offset -= 1;
                    self.stats.bytes -= 1;
                }
                result
            }
            Piece::LongLine { excerpt } => {
                let result = self.reject_long_line(&excerpt);
                if !matches!(result, Ok(None)) {
                    self.lines.put_back(Piece::LongLine { excerpt });
                }
                result
            }
            Piece::Discarded { bytes, ended } => {
                self.offset += bytes;
                self.stats.bytes += bytes;
                if ended {
                    self.stats.lines += 1;
                    self.file_lines += 1;
                }
                Ok(None)
            }
            Piece::NextFile(file) => {
                self.base_line = (file.offset == 0).then_some(0);
                self.file_lines = 0;
                self.offset = file.offset;
                self.file = file;
                Ok(None)
            }
        }
    }

    /// Decodes the lines of `bytes` from `at` on, and sets `at` to the index
    /// after the last decoded line.
    fn decode_lines(
        &mut self,
        bytes: &[u8],
        at: &mut usize,
    ) -> Result<Option<StopReason>, DecodeError> {
        while *at < bytes.len() {
            if self.is_batch_full() {
                return Ok(Some(StopReason::BatchFull));
            }
            let start = *at + record::byte_order_mark(bytes, *at, self.offset);
            if self.new_fields != NewFields::Skipped {
                self.context.forget_unheld();
            }
            let (line, next) =
                record::read_line(&mut self.columns.root, bytes, start, &mut self.context);
            let next = match line {
                LineKind::Broken => record::skip_broken_line(bytes, start),
                LineKind::Blank | LineKind::Record => next,
            };
            let next = record::end_of_long_line(bytes, *at, next, self.max_line_bytes);
            let fits = line == LineKind::Record && self.context.misfit.is_none();
            let is_too_long = next - 1 - *at > self.max_line_bytes;
            if self.context.has_unheld
                && self.new_fields != NewFields::Skipped
                && line == LineKind::Record
                && !is_too_long
                && let Some(pause) = self.handle_unheld(bytes, start)?
            {
                return Ok(Some(pause));
            }
            if is_too_long || (!fits && line != LineKind::Blank) {
                let text = bytes.get(start..next - 1).unwrap_or_default();
                let problem = self.describe_problem(line, next - 1 - *at, start, *at);
                if let Some(pause) = self.handle_malformed(text, &problem)? {
                    return Ok(Some(pause));
                }
            } else if line == LineKind::Blank {
                self.stats.blank += 1;
            } else {
                let line = self.line_number();
                self.columns.close_row(self.file.ordinal, self.offset, line);
            }
            let length = next - *at;
            *at = next;
            self.offset += length as u64;
            self.batch_bytes += length;
            self.stats.bytes += length as u64;
            self.stats.lines += 1;
            self.file_lines += 1;
        }
        Ok(None)
    }

    /// The number of the next line in its file, if its base line is known.
    #[inline(always)]
    fn line_number(&self) -> u64 {
        self.base_line.unwrap_or(0) + self.file_lines + 1
    }

    /// Rescues what the columns do not hold of the record at `start`, or fails.
    #[cold]
    fn handle_unheld(
        &mut self,
        bytes: &[u8],
        start: usize,
    ) -> Result<Option<StopReason>, DecodeError> {
        let columns = &mut self.columns;
        if let Some(field) = self.context.new_field.take() {
            columns.abandon_row();
            if self.base_line.is_none() {
                self.context.misfit = None;
                return Ok(Some(StopReason::NeedBaseLine));
            }
            return Err(DecodeError::NewField {
                file: Arc::clone(&self.file.path),
                line: self.line_number(),
                offset: self.offset,
                field,
            });
        }
        if let Some((_, rescued)) = &mut columns.rescued {
            let cx = &mut self.context;
            let pos = lex::skip_space(bytes, start);
            if let Some(text) = describe_unheld(&mut columns.root, bytes, pos, &self.file.path, cx)
            {
                rescued.push_text(columns.rows, &text);
                self.batch_bytes += text.len();
            }
        }
        Ok(None)
    }

    /// Describes what is wrong with a line: it is too long, broken, or does not
    /// fit.
    #[cold]
    fn describe_problem(
        &mut self,
        line: LineKind,
        length: usize,
        start: usize,
        at: usize,
    ) -> LineProblem {
        let flaw = self.context.misfit.take();
        let column = |index: usize| (index.saturating_sub(at) + 1) as u64;
        if length > self.max_line_bytes {
            return LineProblem::line_too_long(self.max_line_bytes);
        }
        match (line, flaw) {
            (LineKind::Record, Some(flaw)) => LineProblem {
                all_values_lost: false,
                truncated: false,
                column: column(flaw.at),
                reason: flaw.reason,
            },
            _ => LineProblem {
                all_values_lost: true,
                truncated: false,
                column: column(self.context.broken_at.0.max(start)),
                reason: self.context.broken_at.1.to_owned(),
            },
        }
    }

    fn reject_long_line(&mut self, excerpt: &[u8]) -> Result<Option<StopReason>, DecodeError> {
        let start = record::byte_order_mark(excerpt, 0, self.offset);
        let problem = LineProblem::line_too_long(self.max_line_bytes);
        self.handle_malformed(excerpt.get(start..).unwrap_or_default(), &problem)
    }

    /// Handles a malformed record as the mode requires. The columns may already
    /// hold some of its values.
    #[cold]
    fn handle_malformed(
        &mut self,
        text: &[u8],
        problem: &LineProblem,
    ) -> Result<Option<StopReason>, DecodeError> {
        if self.context.needs_reason && self.base_line.is_none() {
            self.columns.abandon_row();
            return Ok(Some(StopReason::NeedBaseLine));
        }
        let line = self.line_number();
        match self.mode {
            Mode::FailFast => {
                self.columns.abandon_row();
                return Err(DecodeError::Malformed {
                    file: Arc::clone(&self.file.path),
                    line,
                    offset: self.offset,
                    column: problem.column,
                    reason: problem.reason.clone(),
                });
            }
            Mode::DropMalformed => {
                self.columns.abandon_row();
                self.stats.dropped += 1;
            }
            Mode::Permissive => {
                if problem.all_values_lost {
                    self.columns.abandon_row();
                    self.columns.root.push_null();
                }
                let text = if problem.truncated {
                    let limit = LONG_LINE_EXCERPT.min(self.max_line_bytes);
                    text.get(..limit).unwrap_or(text)
                } else {
                    text.strip_suffix(b"\r").unwrap_or(text)
                };
                if let Some((_, corrupt)) = &mut self.columns.corrupt {
                    let record = CorruptRecord {
                        raw: text,
                        file: &self.file.path,
                        line,
                        reason: &problem.reason,
                    };
                    self.batch_bytes += corrupt.push_record(self.columns.rows, &record);
                }
                self.columns.close_row(self.file.ordinal, self.offset, line);
            }
        }
        self.stats.malformed += 1;
        Ok(None)
    }
}
