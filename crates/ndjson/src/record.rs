//! Reads one line, which is blank, a record, or malformed.

use memchr::{memchr, memchr2_iter};

use crate::values::lex::{self, byte_at};
use crate::values::read_error::{ReadContext, ReadResult};

/// What the values of records are put into.
pub(crate) trait ReadRecord {
    /// Takes the values of the object at `pos`, and gives the index after it.
    fn read_record(&mut self, buf: &[u8], pos: usize, cx: &mut ReadContext) -> ReadResult;
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LineKind {
    /// White space only.
    Blank,
    /// A record. All its values were appended; [`ReadContext::misfit`] is set if one of
    /// them does not fit.
    Record,
    /// Not a record: [`ReadContext::broken_at`] has the reason. The end of the line is not
    /// known, and the columns may hold some of its values.
    Broken,
}

/// Reads the line that starts at `pos`, and returns the index after its line
/// feed unless the line is broken.
#[inline(always)]
pub(crate) fn read_line(
    root: &mut impl ReadRecord,
    buf: &[u8],
    pos: usize,
    cx: &mut ReadContext,
) -> (LineKind, usize) {
    let start = lex::skip_space(buf, pos);
    match byte_at(buf, start) {
        b'{' => {}
        b'\n' => return (LineKind::Blank, start + 1),
        _ => {
            cx.broken_at = (start, "the line is not a JSON object");
            return (LineKind::Broken, pos);
        }
    }
    let Ok(end) = root.read_record(buf, start, cx) else {
        return (LineKind::Broken, pos);
    };
    let after = lex::skip_space(buf, end);
    if byte_at(buf, after) == b'\n' {
        return (LineKind::Record, after + 1);
    }
    // A carriage return without a line feed ends a line too.
    match memchr(b'\r', lex::bytes_in(buf, end..after)) {
        Some(at) => (LineKind::Record, end + at + 1),
        None => {
            cx.broken_at = (after, "more text follows the JSON object on its line");
            (LineKind::Broken, pos)
        }
    }
}

/// The index after the end of the broken line at `pos`: after a line feed, or
/// after a carriage return that is not followed by one.
#[cold]
pub(crate) fn skip_broken_line(buf: &[u8], pos: usize) -> usize {
    let start = lex::skip_space(buf, pos);
    let rest = buf.get(start..).unwrap_or_default();
    for at in memchr2_iter(b'\n', b'\r', rest) {
        if byte_at(rest, at) == b'\n' || byte_at(rest, at + 1) != b'\n' {
            return start + at + 1;
        }
    }
    buf.len()
}

/// The length of the byte-order mark at `pos`, which is at `offset` in its file; mostly 0.
#[inline(always)]
pub(crate) fn byte_order_mark(buf: &[u8], pos: usize, offset: u64) -> usize {
    if offset == 0 && lex::bytes_in(buf, pos..buf.len()).starts_with(BYTE_ORDER_MARK) {
        return BYTE_ORDER_MARK.len();
    }
    0
}

/// The end of the line at `at` that was found to end at `next`. The limit holds
/// for all that is between two line feeds, as for lines that are cut into
/// chunks, even if carriage returns divide it into lines.
#[inline(always)]
pub(crate) fn end_of_long_line(buf: &[u8], at: usize, next: usize, max_bytes: usize) -> usize {
    if buf.get(next - 1) != Some(&b'\r') {
        return next;
    }
    match memchr(b'\n', lex::bytes_in(buf, at..buf.len())) {
        Some(feed) if feed > max_bytes => at + feed + 1,
        _ => next,
    }
}
