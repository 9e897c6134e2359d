//! Decodes files, or ranges of files, into record batches, without reading them.
//!
//! A scan returns which bytes it needs, and the caller supplies them. So it
//! works with a loop of blocking reads as well as with a stream from an object
//! store.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use bytes::Bytes;

use crate::decoder::{Decoder, Poll};
use crate::error::{DecodeError, SchemaError};
use crate::inflate::{Compression, Damage, Inflate};
use crate::options::{DecodeOptions, FileContext, Stats};
use crate::range::LineRange;

/// A file, or a part of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanFile {
    /// Name of the file in messages and in the corrupt-record column.
    pub path: Arc<str>,
    /// Number of the file within the whole scan, for
    /// [`position`](crate::position). Below 2^24.
    pub ordinal: u32,
    /// Size of the file as it is stored, in bytes.
    pub size: u64,
    /// The byte range whose lines are read; `None` for the whole file. Compressed
    /// files are always read whole.
    pub range: Option<Range<u64>>,
    /// How it is compressed; see [`Compression::from_path`].
    pub compression: Compression,
}

/// What [`Scan::step`] returns.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// The next rows, at least one.
    Batch(RecordBatch),
    /// Bytes are needed: pass any part of `range` that begins at its start to
    /// [`Scan::supply`]. All of `range` will be needed in the end (after the end
    /// of a file's byte range, less may be enough), so it is worth opening a
    /// stream over it.
    Fetch {
        /// Index in the list of files.
        file: usize,
        /// Offsets in the file as it is stored.
        range: Range<u64>,
    },
    /// The line number of a malformed record is needed: pass the number of line
    /// feeds in `range` to [`Scan::set_base_line`].
    CountLines {
        /// Index in the list of files.
        file: usize,
        /// Offsets in the file, from its beginning.
        range: Range<u64>,
    },
    /// All rows were returned.
    Done,
}

/// Decodes the lines of a list of files, one after the other. Rows of several
/// files share batches.
#[derive(Debug)]
pub struct Scan {
    decoder: Decoder,
    files: VecDeque<ScanFile>,
    /// The number of files that were started; the current one is the last.
    begun: usize,
    current: Option<Current>,
    /// The decoder knows that the input has ended.
    finished: bool,
}

/// The file being read.
#[derive(Debug)]
struct Current {
    file: ScanFile,
    source: Source,
    /// The decoder knows where the bytes of the file start.
    announced: bool,
    /// The file ended before its size.
    shortened: bool,
}

#[derive(Debug)]
enum Source {
    Plain(LineRange),
    Compressed {
        inflate: Inflate,
        /// Offset of the next byte to fetch.
        next: u64,
    },
}

impl Scan {
    /// A scan of `files` in the given order.
    pub fn new(
        options: DecodeOptions,
        files: impl IntoIterator<Item = ScanFile>,
    ) -> Result<Self, SchemaError> {
        let files: VecDeque<ScanFile> = files.into_iter().collect();
        let first = match files.front() {
            Some(file) => FileContext::new(Arc::clone(&file.path), file.ordinal),
            None => FileContext::new("", 0),
        };
        Ok(Self {
            decoder: Decoder::new(options, first)?,
            files,
            begun: 0,
            current: None,
            finished: false,
        })
    }

    /// The schema of the batches: [`output_schema`](crate::output_schema) of
    /// the options.
    pub fn schema(&self) -> &SchemaRef {
        self.decoder.schema()
    }

    /// The counts so far, over all files.
    pub fn stats(&self) -> Stats {
        self.decoder.stats()
    }

    /// Continues until there is a batch or something is needed.
    pub fn step(&mut self) -> Result<Step, DecodeError> {
        loop {
            match self.decoder.next_batch()? {
                Poll::Batch(batch) => return Ok(Step::Batch(batch)),
                Poll::Done => return Ok(Step::Done),
                Poll::NeedBaseLine => {
                    let range = 0..self.decoder.file().offset;
                    let file = self.begun.saturating_sub(1);
                    return Ok(Step::CountLines { file, range });
                }
                Poll::NeedInput => {}
            }
            if let Some(range) = self.next_input()? {
                let file = self.begun.saturating_sub(1);
                return Ok(Step::Fetch { file, range });
            }
        }
    }

    /// Supplies the bytes that [`Step::Fetch`] asked for, or a first part of
    /// them. Empty bytes mean that the file ends there, which is an error.
    pub fn supply(&mut self, bytes: Bytes) {
        let Some(current) = &mut self.current else {
            return;
        };
        if bytes.is_empty() {
            current.shortened = true;
            return;
        }
        match &mut current.source {
            Source::Plain(lines) => {
                if let Some(owned) = lines.accept(bytes) {
                    current.announce(&mut self.decoder, owned.offset);
                    self.decoder.push(owned.bytes);
                }
            }
            Source::Compressed { inflate, next } => {
                *next += bytes.len() as u64;
                inflate.push(bytes);
            }
        }
    }

    /// Sets the number of line feeds that [`Step::CountLines`] asked for.
    pub fn set_base_line(&mut self, line_feeds: u64) {
        self.decoder.set_base_line(line_feeds);
    }

    /// Pushes available bytes into the decoder, or returns what to fetch.
    fn next_input(&mut self) -> Result<Option<Range<u64>>, DecodeError> {
        let Some(current) = &mut self.current else {
            match self.files.pop_front() {
                Some(file) => {
                    self.begun += 1;
                    self.current = Some(Current::new(file)?);
                }
                None => {
                    if !std::mem::replace(&mut self.finished, true) {
                        self.decoder.finish();
                    }
                }
            }
            return Ok(None);
        };
        let range = match &mut current.source {
            Source::Plain(lines) => lines.fetch(),
            Source::Compressed { inflate, next } => {
                let decompressed = inflate.next();
                if let Some(bytes) = decompressed.map_err(|e| damaged(&current.file, inflate, e))? {
                    current.announce(&mut self.decoder, 0);
                    self.decoder.push(bytes);
                    return Ok(None);
                }
                let range = *next..current.file.size;
                if range.is_empty() {
                    let finished = inflate.finish();
                    finished.map_err(|e| damaged(&current.file, inflate, e))?;
                }
                (!range.is_empty()).then_some(range)
            }
        };
        match range {
            Some(range) if current.shortened => Err(DecodeError::Shortened {
                file: Arc::clone(&current.file.path),
                offset: range.start,
                expected: current.file.size,
            }),
            Some(range) => Ok(Some(range)),
            None => {
                self.current = None;
                self.decoder.end_file();
                Ok(None)
            }
        }
    }
}

impl Current {
    fn new(file: ScanFile) -> Result<Self, DecodeError> {
        let inflate = Inflate::new(file.compression).map_err(|reason| DecodeError::Compressed {
            file: Arc::clone(&file.path),
            format: "compressed",
            offset: 0,
            reason,
        })?;
        let source = match inflate {
            Some(inflate) => Source::Compressed { inflate, next: 0 },
            None => {
                let range = file.range.clone().unwrap_or(0..file.size);
                Source::Plain(LineRange::new(range, file.size))
            }
        };
        Ok(Self {
            file,
            source,
            announced: false,
            shortened: false,
        })
    }

    /// Announces to the decoder, once, that bytes of this file follow from
    /// `offset`.
    fn announce(&mut self, decoder: &mut Decoder, offset: u64) {
        if !std::mem::replace(&mut self.announced, true) {
            decoder.next_file(FileContext {
                path: Arc::clone(&self.file.path),
                ordinal: self.file.ordinal,
                offset,
            });
        }
    }
}

fn damaged(file: &ScanFile, inflate: &Inflate, reason: Damage) -> DecodeError {
    DecodeError::Compressed {
        file: Arc::clone(&file.path),
        format: inflate.format(),
        offset: inflate.consumed(),
        reason,
    }
}
