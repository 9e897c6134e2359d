//! Which bytes of an uncompressed file belong to the lines of a byte range.
//!
//! A range owns the lines whose first byte lies in it. So if several ranges
//! together cover a file, each line has exactly one owner, wherever the file is
//! cut:
//!
//! - A range that does not start at 0 reads from the byte before its start, and
//!   skips everything up to and including the first line feed.
//! - Every range reads its last line to the end, beyond the end of the range.

use std::ops::Range;

use bytes::Bytes;
use memchr::memchr;

/// Bytes per fetch after the end of a range.
const TAIL_STEP: u64 = 256 << 10;

/// The lines of a byte range: decides what to fetch, and trims what was fetched.
#[derive(Debug, Clone)]
pub struct LineRange {
    end: u64,
    size: u64,
    /// Offset of the next byte to fetch.
    next: u64,
    state: RangeState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RangeState {
    /// The first line feed was not found yet.
    Seeking,
    Owned,
    Done,
}

/// Bytes of lines that the range owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedBytes {
    /// Offset of the first byte in the file.
    pub offset: u64,
    /// The bytes. The last line may continue in the next ones.
    pub bytes: Bytes,
}

impl LineRange {
    /// The lines of `range` in a file of `size` bytes.
    pub fn new(range: Range<u64>, size: u64) -> Self {
        let end = range.end.min(size);
        let (next, state) = match range.start {
            start if start >= end => (end, RangeState::Done),
            0 => (0, RangeState::Owned),
            start => (start - 1, RangeState::Seeking),
        };
        Self {
            end,
            size,
            next,
            state,
        }
    }

    /// The bytes to fetch next, or `None` if there are no more. Any part of
    /// them that starts at the same offset may be passed to
    /// [`LineRange::accept_bytes`].
    pub fn next_fetch(&self) -> Option<Range<u64>> {
        match self.state {
            RangeState::Done => None,
            _ if self.next < self.end => Some(self.next..self.end),
            _ => Some(self.next..self.size.min(self.next + TAIL_STEP)),
        }
    }

    /// Takes the next bytes, from the offset that [`LineRange::next_fetch`] returned,
    /// and returns those that belong to the range's lines.
    pub fn accept_bytes(&mut self, mut bytes: Bytes) -> Option<OwnedBytes> {
        if self.state == RangeState::Done || bytes.is_empty() {
            return None;
        }
        let mut offset = self.next;
        self.next += bytes.len() as u64;
        if self.state == RangeState::Seeking {
            let Some(feed) = memchr(b'\n', &bytes) else {
                if self.next >= self.end {
                    self.state = RangeState::Done;
                }
                return None;
            };
            offset += feed as u64 + 1;
            if offset >= self.end {
                self.state = RangeState::Done;
                return None;
            }
            let _ = bytes.split_to(feed + 1);
            self.state = RangeState::Owned;
        }
        // The last line is the one that holds the byte before the end.
        let last = usize::try_from((self.end - 1).saturating_sub(offset)).unwrap_or(usize::MAX);
        if let Some(rest) = bytes.get(last..)
            && let Some(feed) = memchr(b'\n', rest)
        {
            bytes.truncate(last + feed + 1);
            self.state = RangeState::Done;
        } else if self.next >= self.size {
            self.state = RangeState::Done;
        }
        (!bytes.is_empty()).then_some(OwnedBytes { offset, bytes })
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::LineRange;

    /// The bytes of a range, fetched `step` at a time.
    fn read(data: &'static [u8], range: std::ops::Range<u64>, step: usize) -> (u64, Vec<u8>) {
        let mut lines = LineRange::new(range, data.len() as u64);
        let (mut start, mut out) = (None, Vec::new());
        while let Some(fetch) = lines.next_fetch() {
            let (from, to) = (fetch.start as usize, fetch.end as usize);
            let part = Bytes::from_static(&data[from..to.min(from + step)]);
            if let Some(owned) = lines.accept_bytes(part) {
                start.get_or_insert(owned.offset);
                out.extend_from_slice(&owned.bytes);
            }
        }
        (start.unwrap_or(0), out)
    }

    #[test]
    fn every_cut_gives_each_line_to_one_range() {
        for data in [
            &b"one\r\n\ntwo\nthree"[..],
            b"one\ntwo\n",
            b"\n\n",
            b"x",
            b"long line\n",
        ] {
            let size = data.len() as u64;
            for a in 0..=size {
                for b in a..=size {
                    for step in 1..=data.len() {
                        let ranges = [0..a, a..b, b..size + 7];
                        let parts = ranges.map(|range| read(data, range, step));
                        let joined: Vec<u8> =
                            parts.iter().flat_map(|(_, part)| part.clone()).collect();
                        assert_eq!(joined, data, "{a} {b} {step}");
                        for (start, part) in &parts {
                            let at = *start as usize;
                            assert_eq!(&data[at..at + part.len()], part);
                            assert!(part.is_empty() || at == 0 || data[at - 1] == b'\n');
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_range_inside_a_line_owns_nothing() {
        assert_eq!(read(b"a long line\nnext\n", 3..7, 100), (0, vec![]));
        assert_eq!(read(b"a long line\nnext\n", 3..12, 100), (0, vec![]));
        assert_eq!(
            read(b"a long line\nnext\n", 3..13, 2),
            (12, b"next\n".to_vec())
        );
    }
}
