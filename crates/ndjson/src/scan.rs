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
use sluice_compression::Compression;

use crate::decoder::{Decoder, DecoderOutput};
use crate::error::{DecodeError, SchemaError};
use crate::lines::decompress::{Damage, Decompressor};
use crate::lines::line_range::LineRange;
use crate::options::{DecodeOptions, DecodeStats, FileContext};

/// A file, or a part of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanFile {
    /// Name of the file in messages and in the corrupt-record column.
    pub path: Arc<str>,
    /// Number of the file within the whole scan, for
    /// [`row_position`](crate::row_position). Below 2^24.
    pub ordinal: u32,
    /// Size of the file as it is stored, in bytes.
    pub size: u64,
    /// The byte range whose lines are read; `None` for the whole file. Compressed
    /// files are always read whole.
    pub range: Option<Range<u64>>,
    /// How it is compressed; see [`Compression::from_path`].
    pub compression: Compression,
}

/// What [`FileScan::next_output`] returns.
#[derive(Debug, Clone, PartialEq)]
pub enum ScanOutput {
    /// The next rows, at least one.
    Batch(RecordBatch),
    /// Bytes are needed: pass any part of `range` that begins at its start to
    /// [`FileScan::supply_bytes`]. All of `range` will be needed in the end (after the end
    /// of a file's byte range, less may be enough), so it is worth opening a
    /// stream over it.
    Fetch {
        /// Index in the list of files.
        file: usize,
        /// Offsets in the file as it is stored.
        range: Range<u64>,
    },
    /// The line number of a malformed record, or of the first row, is needed: pass the
    /// number of line feeds in `range` to [`FileScan::set_base_line`].
    CountLines {
        /// Index in the list of files.
        file: usize,
        /// Offsets in the file, from its beginning.
        range: Range<u64>,
    },
    /// All rows were returned.
    Done,
}

/// Turns the bytes of files into record batches. [`Decoder`] does it for
/// newline-delimited JSON.
pub trait FileDecoder {
    /// The schema of the batches.
    fn schema(&self) -> &SchemaRef;
    /// The counts so far, over all files.
    fn stats(&self) -> DecodeStats;
    /// The file being decoded.
    fn file(&self) -> &FileContext;
    /// Adds the next bytes of the file.
    fn push_chunk(&mut self, chunk: Bytes);
    /// Ends the file.
    fn end_file(&mut self);
    /// Continues with another file.
    fn next_file(&mut self, file: FileContext);
    /// Ends the input.
    fn end_input(&mut self);
    /// Sets the number of line feeds before the offset of the file.
    fn set_base_line(&mut self, line_feeds: u64);
    /// Decodes until a batch is full or something is needed.
    ///
    /// # Errors
    /// When a record is malformed and the mode does not allow it.
    fn next_batch(&mut self) -> Result<DecoderOutput, DecodeError>;
}

impl FileDecoder for Decoder {
    fn schema(&self) -> &SchemaRef {
        self.schema()
    }

    fn stats(&self) -> DecodeStats {
        self.stats()
    }

    fn file(&self) -> &FileContext {
        self.file()
    }

    fn push_chunk(&mut self, chunk: Bytes) {
        self.push_chunk(chunk);
    }

    fn end_file(&mut self) {
        self.end_file();
    }

    fn next_file(&mut self, file: FileContext) {
        self.next_file(file);
    }

    fn end_input(&mut self) {
        self.end_input();
    }

    fn set_base_line(&mut self, line_feeds: u64) {
        self.set_base_line(line_feeds);
    }

    fn next_batch(&mut self) -> Result<DecoderOutput, DecodeError> {
        self.next_batch()
    }
}

impl<D: FileDecoder + ?Sized> FileDecoder for Box<D> {
    fn schema(&self) -> &SchemaRef {
        self.as_ref().schema()
    }

    fn stats(&self) -> DecodeStats {
        self.as_ref().stats()
    }

    fn file(&self) -> &FileContext {
        self.as_ref().file()
    }

    fn push_chunk(&mut self, chunk: Bytes) {
        self.as_mut().push_chunk(chunk);
    }

    fn end_file(&mut self) {
        self.as_mut().end_file();
    }

    fn next_file(&mut self, file: FileContext) {
        self.as_mut().next_file(file);
    }

    fn end_input(&mut self) {
        self.as_mut().end_input();
    }

    fn set_base_line(&mut self, line_feeds: u64) {
        self.as_mut().set_base_line(line_feeds);
    }

    fn next_batch(&mut self) -> Result<DecoderOutput, DecodeError> {
        self.as_mut().next_batch()
    }
}

/// Decodes the records of a list of files, one after the other. Rows of several
/// files share batches.
#[derive(Debug)]
pub struct FileScan<D = Decoder> {
    decoder: D,
    files: VecDeque<ScanFile>,
    /// The number of files that were started; the current one is the last.
    started_files: usize,
    current: Option<CurrentFile>,
    /// The decoder knows that the input has ended.
    input_ended: bool,
}

/// The file being read.
#[derive(Debug)]
struct CurrentFile {
    file: ScanFile,
    source: FileSource,
    /// The decoder knows where the bytes of the file start.
    announced: bool,
    /// The file ended before its size.
    shortened: bool,
    /// The file begins with a byte-order mark of UTF-16.
    is_utf16: bool,
}

#[derive(Debug)]
enum FileSource {
    Plain(LineRange),
    Compressed {
        inflate: Decompressor,
        /// Offset of the next byte to fetch.
        next: u64,
    },
}

impl FileScan<Decoder> {
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
        Ok(Self::with_decoder(Decoder::new(options, first)?, files))
    }
}

impl<D: FileDecoder> FileScan<D> {
    /// A scan of `files` in the given order by a decoder that has read nothing.
    pub fn with_decoder(decoder: D, files: impl IntoIterator<Item = ScanFile>) -> Self {
        Self {
            decoder,
            files: files.into_iter().collect(),
            started_files: 0,
            current: None,
            input_ended: false,
        }
    }

    /// The schema of the batches: [`output_schema`](crate::output_schema) of
    /// the options.
    pub fn schema(&self) -> &SchemaRef {
        self.decoder.schema()
    }

    /// The counts so far, over all files.
    pub fn stats(&self) -> DecodeStats {
        self.decoder.stats()
    }

    /// Continues until there is a batch or something is needed.
    pub fn next_output(&mut self) -> Result<ScanOutput, DecodeError> {
        loop {
            if let Some(current) = self.current.as_ref().filter(|current| current.is_utf16) {
                return Err(DecodeError::Utf16 {
                    file: Arc::clone(&current.file.path),
                });
            }
            match self.decoder.next_batch()? {
                DecoderOutput::Batch(batch) => return Ok(ScanOutput::Batch(batch)),
                DecoderOutput::Done => return Ok(ScanOutput::Done),
                DecoderOutput::NeedBaseLine => {
                    let range = 0..self.decoder.file().offset;
                    let file = self.started_files.saturating_sub(1);
                    return Ok(ScanOutput::CountLines { file, range });
                }
                DecoderOutput::NeedInput => {}
            }
            if let Some(range) = self.next_input()? {
                let file = self.started_files.saturating_sub(1);
                return Ok(ScanOutput::Fetch { file, range });
            }
        }
    }

    /// Supplies the bytes that [`ScanOutput::Fetch`] asked for, or a first part of
    /// them. Empty bytes mean that the file ends there, which is an error.
    pub fn supply_bytes(&mut self, bytes: Bytes) {
        let Some(current) = &mut self.current else {
            return;
        };
        if bytes.is_empty() {
            current.shortened = true;
            return;
        }
        match &mut current.source {
            FileSource::Plain(lines) => {
                if let Some(owned) = lines.accept_bytes(bytes) {
                    current.announce_file(&mut self.decoder, owned.offset, &owned.bytes);
                    self.decoder.push_chunk(owned.bytes);
                }
            }
            FileSource::Compressed { inflate, next } => {
                *next += bytes.len() as u64;
                inflate.push_input(bytes);
            }
        }
    }

    /// Sets the number of line feeds that [`ScanOutput::CountLines`] asked for.
    pub fn set_base_line(&mut self, line_feeds: u64) {
        self.decoder.set_base_line(line_feeds);
    }

    /// Pushes available bytes into the decoder, or returns what to fetch.
    fn next_input(&mut self) -> Result<Option<Range<u64>>, DecodeError> {
        let Some(current) = &mut self.current else {
            match self.files.pop_front() {
                Some(file) => {
                    self.started_files += 1;
                    self.current = Some(CurrentFile::new(file)?);
                }
                None => {
                    if !std::mem::replace(&mut self.input_ended, true) {
                        self.decoder.end_input();
                    }
                }
            }
            return Ok(None);
        };
        let range = match &mut current.source {
            FileSource::Plain(lines) => lines.next_fetch(),
            FileSource::Compressed { inflate, next } => {
                let decompressed = inflate.next_output();
                if let Some(bytes) =
                    decompressed.map_err(|e| damage_error(&current.file, inflate, e))?
                {
                    current.announce_file(&mut self.decoder, 0, &bytes);
                    self.decoder.push_chunk(bytes);
                    return Ok(None);
                }
                let range = *next..current.file.size;
                if range.is_empty() {
                    let finished = inflate.require_complete();
                    finished.map_err(|e| damage_error(&current.file, inflate, e))?;
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

impl CurrentFile {
    fn new(file: ScanFile) -> Result<Self, DecodeError> {
        let inflate =
            Decompressor::new(file.compression).map_err(|reason| DecodeError::Compressed {
                file: Arc::clone(&file.path),
                format: "compressed",
                offset: 0,
                reason,
            })?;
        let source = match inflate {
            Some(inflate) => FileSource::Compressed { inflate, next: 0 },
            None => {
                let range = file.range.clone().unwrap_or(0..file.size);
                FileSource::Plain(LineRange::new(range, file.size))
            }
        };
        Ok(Self {
            file,
            source,
            announced: false,
            shortened: false,
            is_utf16: false,
        })
    }

    /// Announces to the decoder, once, that bytes of this file follow from
    /// `offset`; `bytes` are the first of them.
    fn announce_file(&mut self, decoder: &mut impl FileDecoder, offset: u64, bytes: &[u8]) {
        if !std::mem::replace(&mut self.announced, true) {
            self.is_utf16 =
                offset == 0 && (bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff"));
            decoder.next_file(FileContext {
                path: Arc::clone(&self.file.path),
                ordinal: self.file.ordinal,
                offset,
            });
        }
    }
}

fn damage_error(file: &ScanFile, inflate: &Decompressor, reason: Damage) -> DecodeError {
    DecodeError::Compressed {
        file: Arc::clone(&file.path),
        format: inflate.format_name(),
        offset: inflate.consumed_bytes(),
        reason,
    }
}
