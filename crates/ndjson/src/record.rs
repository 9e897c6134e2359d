//! Reads one line, which is blank, a record, or malformed.

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
    let end = lex::skip_space(buf, end);
    if byte_at(buf, end) != b'\n' {
        cx.broken_at = (end, "more text follows the JSON object on its line");
        return (LineKind::Broken, pos);
    }
    (LineKind::Record, end + 1)
}
