//! The decoder: takes bytes in chunks of any size, and returns record batches.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use bytes::Bytes;
use memchr::memchr;

use crate::batch::Columns;
use crate::corrupt::{Corrupt, LONG_LINE_EXCERPT};
use crate::error::{DecodeError, SchemaError};
use crate::fault::Cx;
use crate::lines::{Lines, Piece};
use crate::options::{DecodeOptions, FileContext, Mode, Stats};
use crate::record::{self, Line};

/// A batch ends when its lines reach this many bytes, even if it has few rows:
/// memory stays bounded, and string offsets stay far below 31 bits.
const FLUSH_BYTES: usize = 64 << 20;

/// Upper limit of `max_line_bytes`, so that string offsets fit in 31 bits.
const MAX_LINE_BYTES: usize = 1 << 30;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// What [`Decoder::next_batch`] returns.
#[derive(Debug, Clone, PartialEq)]
pub enum Poll {
    /// The next rows, at least one.
    Batch(RecordBatch),
    /// All chunks are decoded and released: push another, or finish.
    NeedInput,
    /// A malformed record must be described, but line numbers are unknown
    /// because the file is not read from its beginning: count the line feeds
    /// before [`FileContext::offset`] and call [`Decoder::set_base_line`].
    NeedBaseLine,
    /// The input has ended and all its rows were returned.
    Done,
}

/// Decodes newline-delimited JSON into record batches.
///
/// Push chunks of bytes, cut anywhere, and poll for batches until the decoder
/// needs more. It holds a chunk only until [`Poll::NeedInput`]. It is compiled
/// once for a schema and continues with another file after
/// [`Decoder::next_file`].
#[derive(Debug)]
pub struct Decoder {
    columns: Columns,
    mode: Mode,
    batch_rows: usize,
    max_line_bytes: usize,
    lines: Lines,
    inputs: VecDeque<Input>,
    pieces: VecDeque<Piece>,
    file: FileContext,
    /// Number of line feeds before the file's offset, if known.
    base_line: Option<u64>,
    /// Lines of this file that were read so far.
    file_lines: u64,
    /// Offset in the file of the next byte.
    offset: u64,
    /// Bytes of the lines in the current batch.
    batch_bytes: usize,
    cx: Cx,
    stats: Stats,
    finished: bool,
}

#[derive(Debug)]
enum Input {
    Chunk(Bytes),
    EndFile,
    NextFile(FileContext),
    End,
}

/// Why decoding stopped before the end of a piece.
enum Pause {
    BatchFull,
    NeedBaseLine,
}

impl Decoder {
    /// A decoder that begins with `file`. Fails if the schema or the options
    /// ask for something that cannot be decoded.
    pub fn new(options: DecodeOptions, file: FileContext) -> Result<Self, SchemaError> {
        let max_line_bytes = options.max_line_bytes.min(MAX_LINE_BYTES);
        let columns = Columns::new(&options)?;
        let described = columns
            .corrupt
            .as_ref()
            .is_some_and(|(_, corrupt)| corrupt.is_described());
        let cx = Cx {
            describe: described || options.mode == Mode::FailFast,
            ..Cx::default()
        };
        Ok(Self {
            columns,
            mode: options.mode,
            batch_rows: options.batch_rows.max(1),
            max_line_bytes,
            lines: Lines::new(max_line_bytes),
            inputs: VecDeque::new(),
            pieces: VecDeque::new(),
            base_line: (file.offset == 0).then_some(0),
            file_lines: 0,
            offset: file.offset,
            file,
            batch_bytes: 0,
            cx,
            stats: Stats::default(),
            finished: false,
        })
    }

    /// The schema of the batches: [`output_schema`] of the options.
    pub fn schema(&self) -> &SchemaRef {
        &self.columns.schema
    }

    /// Adds the next bytes of the file.
    pub fn push(&mut self, chunk: Bytes) {
        self.inputs.push_back(Input::Chunk(chunk));
    }

    /// Ends the file: its last line is complete even without a line feed.
    pub fn end_file(&mut self) {
        self.inputs.push_back(Input::EndFile);
    }

    /// Ends the file and continues with `file`. Rows of both may share a batch,
    /// so that many small files do not make many small batches.
    pub fn next_file(&mut self, file: FileContext) {
        self.inputs.push_back(Input::NextFile(file));
    }

    /// Ends the input.
    pub fn finish(&mut self) {
        self.inputs.push_back(Input::End);
    }

    /// Sets the number of line feeds before [`FileContext::offset`].
    pub fn set_base_line(&mut self, line_feeds: u64) {
        self.base_line = Some(line_feeds);
    }

    /// The counts so far, over all files.
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// The file being decoded.
    pub fn file(&self) -> &FileContext {
        &self.file
    }

    /// Decodes until a batch is full or the decoder needs something. After an
    /// error the decoder does not advance: every further call returns the same
    /// error.
    pub fn next_batch(&mut self) -> Result<Poll, DecodeError> {
        loop {
            if self.is_batch_full() {
                if self.columns.rows > 0 {
                    return self.emit();
                }
                // The lines fill a batch, but every record was dropped.
                self.batch_bytes = 0;
            }
            if let Some(piece) = self.pieces.pop_front() {
                match self.decode(piece)? {
                    Some(Pause::NeedBaseLine) => return Ok(Poll::NeedBaseLine),
                    Some(Pause::BatchFull) | None => continue,
                }
            }
            match self.inputs.pop_front() {
                Some(Input::Chunk(chunk)) => self.lines.push(chunk, &mut self.pieces),
                Some(Input::EndFile) => self.lines.finish(&mut self.pieces),
                Some(Input::NextFile(file)) => {
                    self.lines.finish(&mut self.pieces);
                    self.pieces.push_back(Piece::NextFile(file));
                }
                Some(Input::End) => {
                    self.lines.finish(&mut self.pieces);
                    self.finished = true;
                }
                None if !self.finished => return Ok(Poll::NeedInput),
                None if self.columns.rows > 0 => return self.emit(),
                None => return Ok(Poll::Done),
            }
        }
    }

    fn is_batch_full(&self) -> bool {
        self.columns.rows >= self.batch_rows || self.batch_bytes >= FLUSH_BYTES
    }

    fn emit(&mut self) -> Result<Poll, DecodeError> {
        self.batch_bytes = 0;
        match self.columns.finish() {
            Ok(batch) => {
                self.stats.rows += batch.num_rows() as u64;
                Ok(Poll::Batch(batch))
            }
            Err(source) => Err(DecodeError::Batch {
                file: Arc::clone(&self.file.path),
                source,
            }),
        }
    }

    fn decode(&mut self, piece: Piece) -> Result<Option<Pause>, DecodeError> {
        match piece {
            Piece::Lines { mut bytes, unended } => {
                let mut at = 0;
                let result = self.decode_lines(&bytes, &mut at);
                if at < bytes.len() {
                    let _ = bytes.split_to(at);
                    self.pieces.push_front(Piece::Lines { bytes, unended });
                } else if unended {
                    self.offset -= 1;
                    self.stats.bytes -= 1;
                }
                result
            }
            Piece::LongLine { excerpt } => {
                let result = self.long_line(&excerpt);
                if !matches!(result, Ok(None)) {
                    self.pieces.push_front(Piece::LongLine { excerpt });
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
    fn decode_lines(&mut self, bytes: &[u8], at: &mut usize) -> Result<Option<Pause>, DecodeError> {
        while *at < bytes.len() {
            if self.is_batch_full() {
                return Ok(Some(Pause::BatchFull));
            }
            let mark = self.offset == 0
                && bytes
                    .get(*at..)
                    .unwrap_or_default()
                    .starts_with(BYTE_ORDER_MARK);
            let start = if mark {
                *at + BYTE_ORDER_MARK.len()
            } else {
                *at
            };
            let (line, next) =
                record::read_line(&mut self.columns.root, bytes, start, &mut self.cx);
            let next = match line {
                Line::Broken => {
                    let rest = bytes.get(*at..).unwrap_or_default();
                    memchr(b'\n', rest).map_or(bytes.len(), |feed| *at + feed + 1)
                }
                Line::Blank | Line::Record => next,
            };
            let fits = line == Line::Record && self.cx.flaw.is_none();
            if next - 1 - *at > self.max_line_bytes || (!fits && line != Line::Blank) {
                let text = bytes.get(start..next - 1).unwrap_or_default();
                let problem = self.problem(line, next - 1 - *at, start, *at);
                if let Some(pause) = self.malformed(text, &problem)? {
                    return Ok(Some(pause));
                }
            } else if line == Line::Blank {
                self.stats.blank += 1;
            } else {
                self.columns.close_row(self.file.ordinal, self.offset);
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

    /// Describes what is wrong with a line: it is too long, broken, or does not
    /// fit.
    #[cold]
    fn problem(&mut self, line: Line, length: usize, start: usize, at: usize) -> Problem {
        let flaw = self.cx.flaw.take();
        let column = |index: usize| (index.saturating_sub(at) + 1) as u64;
        if length > self.max_line_bytes {
            return Problem::long_line(self.max_line_bytes);
        }
        match (line, flaw) {
            (Line::Record, Some(flaw)) => Problem {
                lost: false,
                long: false,
                column: column(flaw.at),
                reason: flaw.reason,
            },
            _ => Problem {
                lost: true,
                long: false,
                column: column(self.cx.broken.0.max(start)),
                reason: self.cx.broken.1.to_owned(),
            },
        }
    }

    fn long_line(&mut self, excerpt: &[u8]) -> Result<Option<Pause>, DecodeError> {
        let mark = self.offset == 0 && excerpt.starts_with(BYTE_ORDER_MARK);
        let start = if mark { BYTE_ORDER_MARK.len() } else { 0 };
        let problem = Problem::long_line(self.max_line_bytes);
        self.malformed(excerpt.get(start..).unwrap_or_default(), &problem)
    }

    /// Handles a malformed record as the mode requires. The columns may already
    /// hold some of its values.
    #[cold]
    fn malformed(&mut self, text: &[u8], problem: &Problem) -> Result<Option<Pause>, DecodeError> {
        if self.cx.describe && self.base_line.is_none() {
            self.columns.abandon_row();
            return Ok(Some(Pause::NeedBaseLine));
        }
        let line = self.base_line.unwrap_or(0) + self.file_lines + 1;
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
                if problem.lost {
                    self.columns.abandon_row();
                    self.columns.root.push_null();
                }
                let text = if problem.long {
                    let limit = LONG_LINE_EXCERPT.min(self.max_line_bytes);
                    text.get(..limit).unwrap_or(text)
                } else {
                    text.strip_suffix(b"\r").unwrap_or(text)
                };
                if let Some((_, corrupt)) = &mut self.columns.corrupt {
                    let record = Corrupt {
                        raw: text,
                        file: &self.file.path,
                        line,
                        reason: &problem.reason,
                    };
                    self.batch_bytes += corrupt.push(self.columns.rows, &record);
                }
                self.columns.close_row(self.file.ordinal, self.offset);
            }
        }
        self.stats.malformed += 1;
        Ok(None)
    }
}

/// What is wrong with a record.
#[derive(Debug)]
struct Problem {
    /// None of its values can be kept.
    lost: bool,
    /// Only its first bytes were kept.
    long: bool,
    /// Position of the byte in the line, from 1.
    column: u64,
    reason: String,
}

impl Problem {
    fn long_line(limit: usize) -> Self {
        Self {
            lost: true,
            long: true,
            column: 1,
            reason: format!("the line is longer than {limit} bytes"),
        }
    }
}
