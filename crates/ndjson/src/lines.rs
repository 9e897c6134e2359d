//! Splits chunks of bytes into pieces of complete lines.
//!
//! A chunk is passed on as it is, from the start of its first line to its last
//! line feed; only a line that spans several chunks is copied.

use std::collections::VecDeque;

use bytes::Bytes;
use memchr::{memchr, memrchr};

use crate::corrupt::LONG_LINE_EXCERPT;
use crate::options::FileContext;

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
    /// Bytes of a long line that were not kept; `ended` if the line ends with
    /// them.
    Discarded { bytes: u64, ended: bool },
    /// The file ends here; the pieces after this one belong to another file.
    NextFile(FileContext),
}

/// Splits chunks into lines, and keeps the line that is not complete yet.
#[derive(Debug)]
pub(crate) struct Lines {
    max_line_bytes: usize,
    carry: Vec<u8>,
    discarding: bool,
}

impl Lines {
    pub(crate) fn new(max_line_bytes: usize) -> Self {
        Self {
            max_line_bytes,
            carry: Vec::new(),
            discarding: false,
        }
    }

    /// Splits the next chunk.
    pub(crate) fn push(&mut self, mut chunk: Bytes, out: &mut VecDeque<Piece>) {
        if self.discarding || !self.carry.is_empty() {
            chunk = self.finish_carried(chunk, out);
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
        self.keep(&tail, out);
    }

    /// Takes the rest of the carried line from the front of the chunk.
    fn finish_carried(&mut self, mut chunk: Bytes, out: &mut VecDeque<Piece>) -> Bytes {
        let Some(feed) = memchr(b'\n', &chunk) else {
            self.keep(&chunk, out);
            return Bytes::new();
        };
        let head = chunk.split_to(feed + 1);
        self.keep(head.get(..feed).unwrap_or_default(), out);
        if self.discarding {
            self.discarding = false;
            out.push_back(Piece::Discarded {
                bytes: 1,
                ended: true,
            });
        } else {
            self.carry.push(b'\n');
            let bytes = Bytes::from(std::mem::take(&mut self.carry));
            let unended = false;
            out.push_back(Piece::Lines { bytes, unended });
        }
        chunk
    }

    /// Keeps a part of a line, or discards the line if it becomes too long.
    fn keep(&mut self, part: &[u8], out: &mut VecDeque<Piece>) {
        if part.is_empty() {
            return;
        }
        let mut discarded = part.len();
        if !self.discarding {
            let length = self.carry.len() + part.len();
            if length <= self.max_line_bytes {
                self.carry.extend_from_slice(part);
                return;
            }
            let mut excerpt = std::mem::take(&mut self.carry);
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
    pub(crate) fn finish(&mut self, out: &mut VecDeque<Piece>) {
        if std::mem::take(&mut self.discarding) {
            out.push_back(Piece::Discarded {
                bytes: 0,
                ended: true,
            });
        }
        if !self.carry.is_empty() {
            self.carry.push(b'\n');
            let bytes = Bytes::from(std::mem::take(&mut self.carry));
            out.push_back(Piece::Lines {
                bytes,
                unended: true,
            });
        }
    }
}
