//! Splits chunks of bytes into pieces of complete lines.
//!
//! A chunk is passed on as it is, from the start of its first line to its last
//! line feed; only a line that spans several chunks is copied.

use std::collections::VecDeque;

use bytes::Bytes;
use memchr::{memchr, memrchr};

use crate::options::FileContext;

/// How many bytes of a line that exceeds the limit are kept as its raw text.
pub(crate) const LONG_LINE_EXCERPT: usize = 1024;

/// What the decoder works on next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Complete lines; the last byte is a line feed.
    Lines {
        bytes: Bytes,
        /// The file ended without a line feed: the last one here was added.
        unended: bool,
    },
    /// The beginning of a line that exceeds the limit. [`Piece::Discarded`] pieces
    /// follow, which count all bytes of the line.
    LongLine { excerpt: Vec<u8> },
    /// Bytes of a long line that were not kept; `line_ended` if the line ends with
    /// them.
    Discarded { bytes: u64, ended: bool },
    /// The file ends here; the pieces after this one belong to another file.
    NextFile(FileContext),
}

/// Splits chunks into lines, and keeps the line that is not complete yet.
#[derive(Debug)]
pub(crate) struct LineSplitter {
    max_line_bytes: usize,
    partial_line: Vec<u8>,
    discarding: bool,
}

impl LineSplitter {
    pub(crate) fn new(max_line_bytes: usize) -> Self {
        Self {
            max_line_bytes,
            partial_line: Vec::new(),
            discarding: false,
        }
    }

    /// Splits the next chunk.
    pub(crate) fn split_chunk(&mut self, mut chunk: Bytes, out: &mut VecDeque<Piece>) {
        if self.discarding || !self.partial_line.is_empty() {
            chunk = self.finish_partial_line(chunk, out);
        }
        if chunk.is_empty() || self.discarding {
            return;
        }
        let whole = memrchr(b'\n', &chunk).map_or(0, |last| last + 1);
        let tail = chunk.split_off(whole);
        if !chunk.is_empty() {
            let unended = false;
            out.push_back(Piece::Lines {
                bytes: chunk,
                unended,
            });
        }
        self.keep_part(&tail, out);
    }

    /// Takes the rest of the carried line from the front of the chunk.
    fn finish_partial_line(&mut self, mut chunk: Bytes, out: &mut VecDeque<Piece>) -> Bytes {
        let Some(feed) = memchr(b'\n', &chunk) else {
            self.keep_part(&chunk, out);
            return Bytes::new();
        };
        let head = chunk.split_to(feed + 1);
        self.keep_part(head.get(..feed).unwrap_or_default(), out);
        if self.discarding {
            self.discarding = false;
            out.push_back(Piece::Discarded {
                bytes: 1,
                ended: true,
            });
        } else {
            self.partial_line.push(b'\n');
            let bytes = Bytes::from(std::mem::take(&mut self.partial_line));
            let unended = false;
            out.push_back(Piece::Lines { bytes, unended });
        }
        chunk
    }

    /// Keeps a part of a line, or discards the line if it becomes too long.
    fn keep_part(&mut self, part: &[u8], out: &mut VecDeque<Piece>) {
        if part.is_empty() {
            return;
        }
        let mut discarded = part.len();
        if !self.discarding {
            let length = self.partial_line.len() + part.len();
            if length <= self.max_line_bytes {
                self.partial_line.extend_from_slice(part);
                return;
            }
            let mut excerpt = std::mem::take(&mut self.partial_line);
            let limit = LONG_LINE_EXCERPT.min(self.max_line_bytes);
            let missing = limit.saturating_sub(excerpt.len());
            excerpt.extend_from_slice(part.get(..missing).unwrap_or(part));
            excerpt.truncate(limit);
            out.push_back(Piece::LongLine { excerpt });
            self.discarding = true;
            discarded = length;
        }
        out.push_back(Piece::Discarded {
            bytes: discarded as u64,
            ended: false,
        });
    }

    /// Ends the file: outputs the last line if it has no line feed.
    pub(crate) fn finish_last_line(&mut self, out: &mut VecDeque<Piece>) {
        if std::mem::take(&mut self.discarding) {
            out.push_back(Piece::Discarded {
                bytes: 0,
                ended: true,
            });
        }
        if !self.partial_line.is_empty() {
            self.partial_line.push(b'\n');
            let bytes = Bytes::from(std::mem::take(&mut self.partial_line));
            out.push_back(Piece::Lines {
                bytes,
                unended: true,
            });
        }
    }
}
