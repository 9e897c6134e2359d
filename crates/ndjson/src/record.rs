//! Reads one line, which is blank, a record, or malformed.

use memchr::{memchr, memchr2_iter};

use crate::columns::object::StructDecoder;
use crate::values::lex::{self, byte_at};
use crate::values::read_error::ReadContext;

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
    root: &mut StructDecoder,
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
    let Ok(end) = root.read_object(buf, start, cx) else {
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
