//! Reads one line, which is blank, a record, or malformed.

use crate::fault::Cx;
use crate::lex::{self, byte};
use crate::object::ObjectNode;

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line {
    /// White space only.
    Blank,
    /// A record. All its values were appended; [`Cx::flaw`] is set if one of
    /// them does not fit.
    Record,
    /// Not a record: [`Cx::broken`] has the reason. The end of the line is not
    /// known, and the columns may hold some of its values.
    Broken,
}

/// Reads the line that starts at `pos`, and returns the index after its line
/// feed unless the line is broken.
#[inline(always)]
pub(crate) fn read_line(
    root: &mut ObjectNode,
    buf: &[u8],
    pos: usize,
    cx: &mut Cx,
) -> (Line, usize) {
    let start = lex::skip_space(buf, pos);
    match byte(buf, start) {
        b'{' => {}
        b'\n' => return (Line::Blank, start + 1),
        _ => {
            cx.broken = (start, "the line is not a JSON object");
            return (Line::Broken, pos);
        }
    }
    let Ok(end) = root.read(buf, start, cx) else {
        return (Line::Broken, pos);
    };
    let end = lex::skip_space(buf, end);
    if byte(buf, end) != b'\n' {
        cx.broken = (end, "more text follows the JSON object on its line");
        return (Line::Broken, pos);
    }
    (Line::Record, end + 1)
}
