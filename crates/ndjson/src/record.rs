//! One line: blank, a record, or malformed

use crate::fault::Cx;
use crate::lex::{self, byte};
use crate::object::ObjectNode;

/// What a line turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line {
    /// White space only.
    Blank,
    /// A record; all its values were appended. [`Cx::flaw`] says whether they
    /// fit.
    Record,
    /// No record; [`Cx::broken`] says why, and nothing is known of where the
    /// line ends. Columns may hold parts of it.
    Broken,
}

/// Reads the line that begins at `pos`, and returns the index behind its line
/// feed unless it is broken.
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
